"""Were the variants alike before the experiment began? An A/A test on what their users did in the pre-period.

The difference of the bucket ratios (``effects/ratios.py``) in a time when both variants' users met the same
model. At p < .01 the split is unlucky, or not independent of the users: randomise anew, with a new salt, before
anybody is exposed.

The trap: randomising again and again until the variants *look* alike at .3 or .5 spoils later p-values; once at
.01 does not matter. And a difference found after the start is no reason to begin anew, but one to adjust for it.
"""

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments
from model_experiment.statistics.arguments import Booleans
from model_experiment.statistics.effects import ratios
from model_experiment.statistics.effects.effect import Effects
from model_experiment.statistics.summaries.buckets import BucketTable

ALPHA = 0.01
"""The chance to randomise a right split anew; what it costs is little."""


def imbalance(*, champion: BucketTable, challenger: BucketTable) -> Effects:
    """The difference that was there before; not estimable as ``ratios.difference`` is."""
    return ratios.difference(champion=champion, challenger=challenger)


def must_randomise_anew(before: Effects, *, alpha: ArrayLike = ALPHA) -> Booleans:
    """Where the imbalance has p < ``alpha``; False where it is not estimable, for the reason in its ``missing``."""
    level = arguments.probabilities("alpha", alpha)
    arguments.require_fit(before=before.estimates, alpha=level)
    return np.asarray(before.log_p_values < np.log(level))
