"""The bound of the next look, given the looks so far.

A group-sequential test may look some dozen times at growing data and still be wrong with probability alpha at
most. Each look spends some alpha, by a function chosen beforehand (``spending``); the bound is what exactly that
much is spent at (Lan & DeMets 1983). A two-sided test stops at z >= c and at z <= -c, each with half of alpha; a
one-sided one at z >= c alone.

The history of looks is append-only: a bound that was applied is never computed again, and the next one takes
the stored bounds as they are. Information is the share of the planned sample that has come,
``information_fraction``.

The trap: nothing may be tested past information 1. To go on past the plan, as in "a little longer, it is
nearly significant", makes a 5 % test an 8.6 % test at one and a half times the plan.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import special

from model_experiment.statistics import arguments
from model_experiment.statistics.sequential.score_process import FARTHEST, START, Unstopped
from model_experiment.statistics.sequential.spending import OBrienFleming, Spending, spent
from model_experiment.statistics.tails import Sides

LARGEST_BOUND = FARTHEST
"""The bound of a look that has nothing to spend; its tail area, 1e-17, is nothing."""

LEAST_ALPHA = 1e-12
"""What ``LARGEST_BOUND`` keeps the promise for: a thousand looks at it are passed by chance with 1e-14."""

_NOTHING = 1e-14
_OBRIEN_FLEMING = OBrienFleming()


@dataclass(frozen=True, slots=True)
class Look:
    """One look: its information, the alpha of all sides gone after it, and the z (two-sided |z|) it stopped at.

    An experiment stores these three numbers of each look it has taken, and only ever adds to them.
    """

    information: float
    spent: float
    bound: float

    def __post_init__(self) -> None:
        _require_order([self.information])
        if not 0 <= arguments.number("spent", self.spent) < 1:
            raise ValueError(f"spent must be at least 0 and below 1, found {self.spent}")
        arguments.positive("bound", self.bound)


def information_fraction(size: float, *, planned: float) -> float:
    """min(1, size / planned): how much of the planned sample is there."""
    return min(1.0, arguments.count("size", size) / arguments.positive("planned", planned))


def next_look(
    history: Sequence[Look],
    *,
    information: float,
    alpha: float,
    spending: Spending = _OBRIEN_FLEMING,
    sides: Sides = Sides.TWO,
) -> Look:
    """The next look, at an information not below the last one.

    A look that brings no new information has nothing to spend: its bound is ``LARGEST_BOUND``. Spent alpha never
    falls, even where ``spending`` is not the function of the looks before.

    >>> first = next_look([], information=0.2, alpha=0.05)
    >>> second = next_look([first], information=0.4, alpha=0.05)
    >>> round(first.bound, 3), round(second.bound, 3)
    (4.877, 3.357)

    Raises:
        ValueError: past information 1, where information or spent alpha falls, once all of ``alpha`` is spent, and
            where ``alpha`` is so large that the bound would not be above 0 or so small that none would be.
    """
    _require_open(history, information, alpha)
    *_, density = _densities(history, sides, following=information)
    return _look(density, history, information, _planned(spending, information, alpha, sides), sides)


def final_look(history: Sequence[Look], *, information: float, alpha: float, sides: Sides = Sides.TWO) -> Look:
    """The last look of an experiment that ends before its plan is full: it spends all alpha that is left.

    Nothing may be tested after it. It may come without any new information since the look before.

    >>> so_far = [next_look([], information=0.5, alpha=0.05)]
    >>> round(next_look(so_far, information=0.7, alpha=0.05).bound, 3)
    2.462
    >>> round(final_look(so_far, information=0.7, alpha=0.05).bound, 3)
    1.962

    Raises:
        ValueError: as ``next_look``.
    """
    _require_open(history, information, alpha)
    *_, density = _densities(history, sides, following=information)
    return _look(density, history, information, alpha, sides)


def looks_at(
    informations: Sequence[float],
    *,
    alpha: float,
    spending: Spending = _OBRIEN_FLEMING,
    sides: Sides = Sides.TWO,
) -> tuple[Look, ...]:
    """The looks of a plan: what ``next_look`` gives one after the other at ``informations``, which never fall.

    Where a steep ``spending`` has left nothing for the looks to come, they have the ``LARGEST_BOUND``.

    >>> from model_experiment.statistics.sequential.spending import Power
    >>> [round(look.bound, 4) for look in looks_at([0.3, 0.7, 1], alpha=0.03, spending=Power(2.2), sides=Sides.ONE)]
    [2.8594, 2.2436, 1.9736]

    Raises:
        ValueError: as ``next_look``.
    """
    _require_alpha(alpha)
    _require_order(informations)
    density, looks = START, list[Look]()
    for information, following in pairwise([*informations, math.inf]):
        looks.append(_look(density, looks, information, _planned(spending, information, alpha, sides), sides))
        density = _passed(density, looks[-1], following, sides)
    return tuple(looks)


def planned_looks(
    count: int, *, alpha: float, spending: Spending = _OBRIEN_FLEMING, sides: Sides = Sides.TWO
) -> tuple[Look, ...]:
    """The looks of a plan with ``count`` equal steps of information.

    >>> [round(look.bound, 3) for look in planned_looks(5, alpha=0.05)]
    [4.877, 3.357, 2.68, 2.29, 2.031]

    Raises:
        ValueError: as ``next_look``, and for a ``count`` below 1.
    """
    return looks_at(equal_steps(count), alpha=alpha, spending=spending, sides=sides)


def equal_steps(count: int) -> list[float]:
    """The informations 1/count, 2/count, ... 1."""
    steps = arguments.count("count", count)
    if steps < 1 or steps % 1:
        raise ValueError(f"count must be whole and 1 or more, found {steps:g}")
    return [number / steps for number in range(1, int(steps) + 1)]


def upper_crossings(looks: Sequence[Look], *, drift: float = 0.0, sides: Sides = Sides.TWO) -> tuple[float, ...]:
    """For each look the chance that z stops *there* at the upper bound.

    ``drift`` is the expectation of z at information 1; with 0 this is the false-alarm probability of one
    tail, and lower crossings are the same with ``-drift``.

    Raises:
        ValueError: where information falls from look to look, or ``drift`` is no finite number.
    """
    arguments.number("drift", drift)
    _require_order([look.information for look in looks])
    return tuple(
        density.upper_exit(look.bound, information=look.information, drift=drift)
        for look, density in zip(looks, _densities(looks, sides, following=math.inf), strict=False)
    )


def expected_information(looks: Sequence[Look], *, drift: float = 0.0, sides: Sides = Sides.TWO) -> float:
    """The information at which a test stops on average; where no bound is passed, it stops at the last look.

    >>> round(expected_information(planned_looks(5, alpha=0.05), drift=2.8), 3)
    0.809

    Raises:
        ValueError: as ``upper_crossings``, and without any look.
    """
    if not looks:
        raise ValueError("looks must be one or more, found none")
    arguments.number("drift", drift)
    drifts = (drift, -drift)[:sides]
    stops = np.sum([upper_crossings(looks, drift=one, sides=sides) for one in drifts], axis=0)
    informations = np.array([look.information for look in looks])
    return float(informations[-1] - stops @ (informations[-1] - informations))


def nominal_p_values(looks: Sequence[Look], *, sides: Sides = Sides.TWO) -> tuple[float, ...]:
    """The bounds as p-values: a look stops where the p-value of a single look is this or less.

    >>> [round(p, 4) for p in nominal_p_values(planned_looks(3, alpha=0.05))]
    [0.0002, 0.012, 0.0463]
    """
    return tuple(float(sides * special.ndtr(-look.bound)) for look in looks)


def _planned(function: Spending, information: float, alpha: float, sides: Sides) -> float:
    """The alpha of all sides that may be gone: each side spends by the function at its own part of alpha."""
    return sides * float(spent(function, information, alpha=alpha / sides))


def _densities(looks: Sequence[Look], sides: Sides, *, following: float) -> Iterator[Unstopped]:
    """What none has stopped before each look and, at last, before one more at ``following``."""
    density = START
    yield density
    for look, upcoming in zip(looks, [*(look.information for look in looks[1:]), following], strict=False):
        density = _passed(density, look, upcoming, sides)
        yield density


def _passed(density: Unstopped, look: Look, following: float, sides: Sides) -> Unstopped:
    upper = min(look.bound, LARGEST_BOUND)
    lower = -upper if sides is Sides.TWO else -LARGEST_BOUND
    return density.after(lower, upper, information=look.information, following=following)


def _look(density: Unstopped, history: Sequence[Look], information: float, planned: float, sides: Sides) -> Look:
    gone = history[-1].spent if history else 0.0
    tail = (planned - gone) / sides
    bound = LARGEST_BOUND if tail < _NOTHING else density.bound(tail, information=information)
    return Look(information, max(planned, gone), bound)


def _require_open(history: Sequence[Look], information: float, alpha: float) -> None:
    _require_alpha(alpha)
    _require_order([*(look.information for look in history), information])
    for before, after in pairwise(history):
        if after.spent < before.spent:
            raise ValueError(f"spent must not fall from look to look, found {after.spent} after {before.spent}")
    if history and history[-1].spent > alpha * (1 - 1e-9):
        gone, at = history[-1].spent, history[-1].information
        raise ValueError(f"alpha must not be spent yet, found {gone} of {alpha} gone at information {at}")


def _require_alpha(alpha: float) -> None:
    if arguments.probability("alpha", alpha) < LEAST_ALPHA:
        raise ValueError(f"alpha must be {LEAST_ALPHA:g} or more, found {alpha:g}")


def _require_order(informations: Sequence[float]) -> None:
    for information in informations:
        if np.ndim(information) or not 0 < information <= 1:
            raise ValueError(f"information must be above 0 and at most 1, found {information}")
    for before, after in pairwise(informations):
        if after < before:
            raise ValueError(f"information must not fall from look to look, found {after} after {before}")
