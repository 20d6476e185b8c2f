"""What a design costs in users: factors on the sample of one look at an even split of independent users.

==================== ========================================= ===========================================
looks                (drift with the wanted power / z + z)^2   Jennison & Turnbull 2000, chapter 2
clusters             1 + ((cv^2 + 1) m - 1) icc                Kish 1965; Eldridge, Ashby & Kerry 2006
a correlation rho    1 - rho^2                                 Deng, Xu, Kohavi & Walker 2013 (CUPED)
shares f, g          (1/f + 1/g) / 4, that is 1/(4 f (1-f))    variance of a difference
m challengers        ((z_{alpha/2m} + z_beta) / (z + z))^2     Bonferroni
==================== ========================================= ===========================================

The trap: the factors multiply the *total* of users. A design with many looks, clustered users and an uneven split
pays all of them.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments, roots
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.planning import deviates
from model_experiment.statistics.sequential import group_sequential
from model_experiment.statistics.sequential.group_sequential import Look
from model_experiment.statistics.sequential.normal_mixture import NormalMixture
from model_experiment.statistics.tails import Sides

_ROUNDING = 1e-12


def sequential(looks: Sequence[Look], *, alpha: float, power: float, sides: Sides = Sides.TWO) -> float:
    """How many times the sample of a single look a test with these ``looks`` may need, at equal power.

    A test that stops when it is sure needs this much at most, and ``expected`` on average. ``sides`` are those that the
    looks were made for.

    >>> looks = group_sequential.planned_looks(14, alpha=0.05)
    >>> round(sequential(looks, alpha=0.05, power=0.80), 3)
    1.042
    """
    fixed = _one_look(alpha, power, sides)

    def shortfall(drift: Floats) -> float:
        return sum(group_sequential.upper_crossings(looks, drift=float(drift), sides=sides)) - power

    return float(roots.root(shortfall, 0.0, 10 * fixed, tolerance=1e-9) / fixed) ** 2


def expected(
    looks: Sequence[Look], *, alpha: float, power: float, effect: float = 1.0, sides: Sides = Sides.TWO
) -> float:
    """The same on average, where the effect is ``effect`` times the planned one; 0 is no effect.

    >>> looks = group_sequential.planned_looks(14, alpha=0.05)
    >>> round(expected(looks, alpha=0.05, power=0.80), 2)
    0.79
    """
    largest = sequential(looks, alpha=alpha, power=power, sides=sides)
    drift = arguments.count("effect", effect) * _one_look(alpha, power, sides) * largest**0.5
    return largest * group_sequential.expected_information(looks, drift=drift, sides=sides)


def anytime_looks(count: int, *, alpha: float) -> tuple[Look, ...]:
    """A plan with ``count`` looks at the bounds of an anytime interval tuned to its end, for ``sequential``.

    Such a test may go on past its plan, and that is what it costs to be able to. It has two sides. ``spent`` is 0,
    because a confidence sequence spends no alpha.

    >>> round(sequential(anytime_looks(14, alpha=0.05), alpha=0.05, power=0.80), 2)
    1.76
    """
    information, level = group_sequential.equal_steps(count), arguments.probability("alpha", alpha)
    # The mixture knows sizes only as multiples of its own, so the plan's size is 1.
    bounds = NormalMixture.tuned_at(1.0, alpha=level).multiplier(information, alpha=level)
    return tuple(Look(t, 0.0, float(bound)) for t, bound in zip(information, bounds, strict=True))


def clusters(mean_size: ArrayLike, *, correlation: ArrayLike, variation: ArrayLike = 0.0) -> Floats:
    """How many times as many *requests* are needed where they come in clusters of users: the design effect.

    ``mean_size`` requests a user, 1 or more, with coefficient of variation ``variation``; ``correlation`` is that of
    two requests of one user, the intra-cluster correlation, from 0 to 1.

    >>> clusters(20, correlation=0.05, variation=[0.0, 1.5]).round(9).tolist()
    [1.95, 4.2]
    """
    size, alike, spread = arguments.together(
        {
            "mean_size": arguments.at_least("mean_size", mean_size, smallest=1),
            "correlation": arguments.shares("correlation", correlation),
            "variation": arguments.counts("variation", variation),
        }
    )
    return np.asarray(1 + ((np.square(spread) + 1) * size - 1) * alike)


def adjustment(correlation: ArrayLike) -> Floats:
    """What is left of the sample where a value from before the start has this ``correlation`` with the outcome.

    >>> round(float(adjustment(0.71)), 2)
    0.5
    """
    rho = arguments.finite("correlation", correlation)
    if not (np.abs(rho) < 1).all():
        found = rho[np.abs(rho) >= 1].flat[0]
        raise ValueError(f"correlation must lie strictly between -1 and 1, found {found:g}")
    return np.asarray((1 - rho) * (1 + rho))


def shares(*, champion: ArrayLike, challenger: ArrayLike) -> Floats:
    """How many times the total of *all* users a pair of variants needs that get these shares of them.

    The rest goes to other challengers. With m challengers, all pairs together need fewest where the champion gets
    sqrt(m) times as many users as each of them (Dunnett 1955).

    >>> shares(champion=[0.5, 0.9, 0.4], challenger=[0.5, 0.1, 0.3]).round(3).tolist()
    [1.0, 2.778, 1.458]

    Raises:
        ValueError: where a share is not between 0 and 1, or both together exceed 1.
    """
    old, new = arguments.together(
        {
            "champion": arguments.probabilities("champion", champion),
            "challenger": arguments.probabilities("challenger", challenger),
        }
    )
    together = np.asarray(old + new)
    if not (together <= 1 + _ROUNDING).all():
        raise ValueError(f"champion and challenger must not exceed 1 together, found {together.max():g}")
    return np.asarray((1 / old + 1 / new) / 4)


def split(share: ArrayLike) -> Floats:
    """``shares`` where there are only two: 1/(4 f (1-f)) for a ``share`` f of the challenger.

    >>> round(float(split(0.1)), 3)
    2.778
    """
    challenger = arguments.probabilities("share", share)
    return np.asarray(1 / (4 * challenger * (1 - challenger)))


def challengers(count: ArrayLike, *, alpha: ArrayLike, power: ArrayLike) -> Floats:
    """How many times the users of a pair are needed where each of ``count`` challengers is tested at alpha / count.

    >>> challengers([1, 3], alpha=0.05, power=0.80).round(3).tolist()
    [1.0, 1.334]
    """
    number, level, wanted = arguments.together(
        {
            "count": arguments.at_least("count", count, smallest=1),
            "alpha": arguments.probabilities("alpha", alpha),
            "power": deviates.wanted_power(power, alpha=alpha),
        }
    )
    both = [deviates.distance(alpha=one, power=wanted) for one in (level / number, level)]
    return np.asarray(np.square(both[0] / both[1]))


def _one_look(alpha: float, power: float, sides: Sides) -> float:
    """The z that an effect must have on average at one look."""
    wanted = arguments.probability("power", power)
    return float(deviates.distance(alpha=arguments.probability("alpha", alpha), power=wanted, sides=sides))
