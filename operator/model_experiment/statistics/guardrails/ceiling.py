"""A circuit breaker beside the statistics: is the challenger's share of events above what is ever allowed?

No champion, no margin, no model: the exact (Clopper-Pearson) lower bound of the challenger's share, at alpha / N for N
planned polls, lies above an absolute ceiling. By Bonferroni the chance of a false alarm over the whole run is alpha at
most, whether the counts are of one poll, of a window, or of all polls so far.

The trap: requests of one user are alike. Both counts are divided by the over-dispersion ``phi``; without it, clustered
users break the promise.
"""

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments
from model_experiment.statistics.arguments import Booleans, Floats
from model_experiment.statistics.effects import proportion_intervals
from model_experiment.statistics.summaries.proportions import Proportion


def lower_bound(challenger: Proportion, *, alpha: ArrayLike, planned_polls: ArrayLike, phi: ArrayLike = 1.0) -> Floats:
    """What the challenger's share is at least, at every one of the polls at once; 0 without an event.

    >>> round(float(lower_bound(Proportion(30, 100), alpha=0.01, planned_polls=80_640)), 4)
    0.1076
    """
    polls = arguments.at_least("planned_polls", planned_polls, smallest=1)
    level, thinned = arguments.probabilities("alpha", alpha), challenger.thinned(phi)
    arguments.require_fit(challenger=thinned.trials, alpha=level, planned_polls=polls)
    return proportion_intervals.clopper_pearson_low(thinned, alpha=level / polls)


def is_broken(
    challenger: Proportion, *, ceiling: ArrayLike, alpha: ArrayLike, planned_polls: ArrayLike, phi: ArrayLike = 1.0
) -> Booleans:
    """Whether the bound is above ``ceiling``, a share strictly between 0 and 1; never without trials.

    >>> is_broken(Proportion([30, 300], 1000), ceiling=0.2, alpha=0.01, planned_polls=80_640).tolist()
    [False, True]
    """
    bound = lower_bound(challenger, alpha=alpha, planned_polls=planned_polls, phi=phi)
    bound, highest = arguments.together({"challenger": bound, "ceiling": arguments.probabilities("ceiling", ceiling)})
    return np.asarray(bound > highest)
