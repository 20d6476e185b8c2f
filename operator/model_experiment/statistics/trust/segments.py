"""Does the effect hold in every segment? Intervals that hold together, and a test that all effects are one.

The segments of an experiment are the last axis of ``Effects``; leading axes are experiments. With effects d_s,
errors s_s and S segments that have an effect::

    interval of each    at alpha / S, so that all of them hold together with chance 1 - alpha (Bonferroni)
    dbar                sum(d_s / s_s^2) / sum(1 / s_s^2)
    Q                   sum (d_s - dbar)^2 / s_s^2, chi-square with S - 1 degrees of freedom (Cochran 1954)

A segment without an effect (too few buckets, a ratio near 0) is left out of the family and of Q; its reason
stands in ``Effects.missing``, and ``names`` says which ones they are.

The trap: with enough segments some effect looks negative by chance alone; only an interval at alpha / S says so.
The reverse too: a good overall effect may hide a segment that is harmed. Q takes the errors for known, so with
some twenty buckets a variant it rejects slightly too often.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments, chi_square
from model_experiment.statistics.arguments import Booleans, Floats
from model_experiment.statistics.chi_square import ChiSquareTests
from model_experiment.statistics.effects.effect import Effects, Intervals
from model_experiment.statistics.not_estimable import Reasons, reasons
from model_experiment.statistics.trust import equivalence, multiplicity
from model_experiment.statistics.trust.equivalence import Better

_TWO = 2


def simultaneous_intervals(effects: Effects, *, alpha: ArrayLike) -> Intervals:
    """Intervals of all segments that hold together with chance 1 - ``alpha``, for one look; NaN without an effect.

    Two segments at .05 take z of .0125, 2.2414:

    >>> two = Effects(np.array([0.02, -0.01]), np.array([0.01, 0.01]), np.inf, reasons(np.zeros(2), str))
    >>> simultaneous_intervals(two, alpha=0.05).high.round(5).tolist()
    [0.04241, 0.01241]
    """
    return effects.interval(_critical(effects, alpha))


def hidden_negative(effects: Effects, *, tolerance: ArrayLike, better: Better, alpha: ArrayLike) -> Booleans:
    """Which segments are shown to be harmed by more than ``tolerance``, 0 or more, in the unit of the effects.

    The simultaneous interval lies beyond the tolerance on the bad side: its upper limit is below -tolerance where
    higher is better, its lower one above tolerance where lower is. ``tolerance`` and ``alpha`` broadcast against
    the experiments. False in a segment without an effect, which is not known to be unharmed: see ``names``.
    """
    worst = arguments.counts("tolerance", tolerance)[..., np.newaxis]
    arguments.require_fit(tolerance=worst[..., 0], effects=size(effects))
    return equivalence.non_inferiority(effects, margin=worst, better=better, critical=_critical(effects, alpha)).refuted


def interaction(effects: Effects) -> ChiSquareTests:
    """Q of each experiment: do the segments' effects differ by more than their errors allow?

    Not estimable with fewer than two segments that have an effect.

    >>> two = Effects(np.array([0.02, -0.01]), np.array([0.01, 0.01]), np.inf, reasons(np.zeros(2), str))
    >>> test = interaction(two).single
    >>> round(test.statistic, 6), round(test.p_value, 4)
    (4.5, 0.0339)
    """
    weights = np.where(effects.estimable, np.reciprocal(np.square(effects.standard_errors)), 0.0)
    values = np.where(effects.estimable, effects.estimates, 0.0)
    missing = too_few(effects)
    total = np.where(missing.astype(bool), 1.0, weights.sum(axis=-1))
    mean = (weights * values).sum(axis=-1) / total
    q = (weights * np.square(values - mean[..., np.newaxis])).sum(axis=-1)
    return chi_square.of_statistics(q, np.maximum(size(effects) - 1, 1), missing=missing)


def size(effects: Effects) -> Floats:
    """S: how many segments of each experiment have an effect."""
    if effects.missing.ndim == 0:
        raise ValueError("effects must have the segments as their last axis, found a single effect")
    return np.asarray(np.count_nonzero(effects.estimable, axis=-1), dtype=np.float64)


def too_few(effects: Effects) -> Reasons:
    """Why segments of an experiment cannot be compared, where fewer than two of them have an effect."""
    found, all_of_them = size(effects), effects.missing.shape[-1:]
    worded = "{:g} of {} segments have an effect, two are needed to compare"
    return reasons(np.asarray(found < _TWO), lambda index: worded.format(found[index], *all_of_them))


def names(where: Booleans, *, labels: Sequence[str]) -> tuple[str, ...]:
    """The segments of one experiment for which ``where`` is true, such as ``~effects.estimable``.

    >>> names(np.array([False, True]), labels=["android", "ios"])
    ('ios',)

    Raises:
        ValueError: unless there is one label for each segment.
    """
    if np.shape(where) != (len(labels),):
        raise ValueError(f"labels must be one for each segment, found {len(labels)} for shape {np.shape(where)}")
    return tuple(label for label, chosen in zip(labels, where, strict=True) if chosen)


def _critical(effects: Effects, alpha: ArrayLike) -> Floats:
    found, level = arguments.together({"effects": size(effects), "alpha": arguments.probabilities("alpha", alpha)})
    return multiplicity.critical(np.maximum(found, 1.0), alpha=level)[..., np.newaxis]
