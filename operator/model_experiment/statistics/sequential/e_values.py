"""How evidence is read.

An e-value is what a bettor has made of 1 by betting against the hypothesis: its expectation is at most 1
while the hypothesis holds, and the chance that it *ever* reaches 1/alpha is at most alpha (Ville 1939). So it
may be looked at at any time, as often as one likes, and 1 means "no evidence".

What an interval that holds at every look has once excluded stays excluded: the running intersection of the looks has
the same promise (Howard, Ramdas, McAuliffe & Sekhon 2021, arXiv 1810.08240).

The trap: an e-value grows with evidence and a p-value falls. They are kept as logarithms, because both leave
the range of a float in a large experiment.
"""

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.effects.effect import Intervals

_LARGEST_LOG = 709.0  # exp of more than this is beyond a float


def threshold(alpha: float) -> float:
    """The evidence that a true hypothesis ever reaches with probability ``alpha`` at most.

    >>> round(threshold(0.01), 9)
    100.0
    """
    return 1 / arguments.probability("alpha", alpha)


def anytime_p_value(highest_log_e: ArrayLike) -> Floats:
    """min(1, 1/E) for the highest ln E so far: a p-value that holds however often one has looked."""
    return np.exp(-np.maximum(0.0, highest_log_e))


def e_value(log_e: ArrayLike) -> Floats:
    """E for people to read, cut at 8e307 instead of overflowing."""
    return np.exp(np.minimum(log_e, _LARGEST_LOG))


def narrowed(so_far: Intervals, latest: Intervals) -> Intervals:
    """What no look has excluded yet: the running intersection of a confidence sequence, which never widens.

    ``so_far`` is the state, infinite at the start: two numbers an experiment. A look without an effect (NaN) excludes
    nothing. A low end above the high one says that no value agrees with all looks: either the one mischance that
    alpha allows, or an effect that is not the same throughout the run.

    >>> state = narrowed(Intervals(np.array(-np.inf), np.array(np.inf)), Intervals(np.array(-0.02), np.array(0.06)))
    >>> narrowed(state, Intervals(np.array(-0.03), np.array(0.05))).single
    Interval(low=-0.02, high=0.05)

    Raises:
        ValueError: where the shapes do not fit.
    """
    arguments.require_fit(so_far=so_far.low, latest=latest.low)
    return Intervals(np.fmax(so_far.low, latest.low), np.fmin(so_far.high, latest.high))
