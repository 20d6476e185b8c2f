"""Is the effect good in one segment and bad in another? The likelihood ratio test of Gail & Simon.

With effects d_s and errors s_s of S segments (Gail & Simon 1985, Biometrics 41, 361-372, theorem 1)::

    Q+ = sum of d_s^2 / s_s^2 where d_s > 0,   Q- = the same where d_s < 0,   c = min(Q+, Q-)
    p  = sum over i = 1 .. S-1 of C(S-1, i) 2^-(S-1) P(chi2_i > c)

The hypothesis is that no two segments have effects of opposite sign; p is its largest, reached where one effect is
very large and the others are 0. With all effects of one sign c = 0 and p = 1.

The trap: opposite signs alone mean little, since without any effect two segments differ in sign half the time. And
an interaction (``segments.interaction``) is not yet a qualitative one: it may be good everywhere, here more and
there less.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from model_experiment.statistics import arguments, chi_square, roots
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.chi_square import ChiSquareTests
from model_experiment.statistics.effects.effect import Effects
from model_experiment.statistics.trust import segments

_TWO = 2


def gail_simon(effects: Effects) -> ChiSquareTests:
    """The test of each experiment; segments are the last axis, those without an effect are left out.

    ``degrees_of_freedom`` is S - 1, the largest in the mixture. Not estimable with fewer than two segments.

    >>> from model_experiment.statistics.not_estimable import reasons
    >>> two = Effects(np.array([0.03, -0.02]), np.array([0.01, 0.01]), np.inf, reasons(np.zeros(2), str))
    >>> test = gail_simon(two).single
    >>> round(test.statistic, 6), round(test.p_value, 4)
    (4.0, 0.0228)
    """
    ratio = np.where(effects.estimable, effects.estimates / effects.standard_errors, 0.0)
    better, worse = (np.square(np.maximum(side, 0.0)).sum(axis=-1) for side in (ratio, -ratio))
    smaller, count = np.minimum(better, worse), np.maximum(segments.size(effects), _TWO)
    log_p = np.where(smaller > 0, log_tail(smaller, segment_count=count), 0.0)
    return ChiSquareTests(smaller, count - 1, log_p, segments.too_few(effects))


def critical_value(segment_count: ArrayLike, *, alpha: ArrayLike) -> Floats:
    """The c above which min(Q+, Q-) is significant at ``alpha``, for 2 or more segments; arguments broadcast.

    0 where alpha is 1 - 2^-(S-1) or more: then any two opposite signs are enough.

    >>> critical_value([2, 3, 4, 5], alpha=0.05).round(2).tolist()
    [2.71, 4.23, 5.43, 6.5]
    """
    count, level = arguments.together(
        {
            "segment_count": _segments(segment_count),
            "alpha": arguments.probabilities("alpha", alpha),
        }
    )
    always = np.asarray(-np.expm1((1 - count) * np.log(2)) <= level)
    # The mixture's tail is below that of its largest member, whose quantile therefore lies above the root.
    largest = special.chdtri(count - 1, level)

    def excess(c: Floats) -> Floats:
        return np.where(always, -c, log_tail(np.maximum(c, 0.0), segment_count=count) - np.log(level))

    return roots.root(excess, np.zeros(count.shape), largest)


def log_tail(c: ArrayLike, *, segment_count: ArrayLike) -> Floats:
    """The logarithm of P(min(Q+, Q-) > c) for ``segment_count`` of 2 or more, at its largest under the hypothesis."""
    statistic, count = arguments.together({"c": arguments.counts("c", c), "segment_count": _segments(segment_count)})
    others = count - 1.0
    total = np.full(count.shape, -np.inf)
    for i in range(1, int(others.max(initial=1)) + 1):
        there = others >= i  # an experiment with fewer segments has no such member
        log_binomial = -np.log(others + 1) - special.betaln(np.where(there, others - i, 0) + 1, i + 1)
        member = log_binomial + chi_square.log_tail(statistic, i)
        total = np.where(there, np.logaddexp(total, member), total)
    return np.asarray(total - others * np.log(2))


def _segments(count: ArrayLike) -> Floats:
    arguments.at_least("segment_count", count, smallest=_TWO)
    return arguments.whole_counts("segment_count", count)
