"""The bound of the next look, given the looks so far.

A group-sequential test may look some dozen times at growing data and still be wrong with probability alpha at
most. Each look spends some alpha; the bound is what exactly that much is spent at, two-sided with equal
tails.

The history of looks is append-only: a bound that was applied is never computed again, and the next one takes
the stored bounds as they are. Information is the share of the planned sample that has come,
``information_fraction``.

The trap: nothing may be tested past information 1. To go on past the plan, as in "a little longer, it is
nearly significant", makes a 5 % test an 8.6 % test at one and a half times the plan.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from scipy import optimize

from model_experiment.statistics import arguments, score_process, spending
from model_experiment.statistics.score_process import Unstopped

LARGEST_BOUND = 8.5
"""The bound of a look that has nothing to spend; its tail area, 1e-17, is nothing."""

_NOTHING = 1e-14


@dataclass(frozen=True, slots=True)
class Look:
    """One look: the information it had, the two-sided alpha gone after it, and the |z| at which it stopped.

    An experiment stores these three numbers of each look it has taken, and only ever adds to them.
    """

    information: float
    spent: float
    bound: float

    def __post_init__(self) -> None:
        if not 0 < self.information <= 1:
            raise ValueError(f"information must be above 0 and at most 1, found {self.information}")
        if not 0 <= self.spent < 1:
            raise ValueError(f"spent must be at least 0 and below 1, found {self.spent}")
        arguments.positive("bound", self.bound)


def information_fraction(size: float, *, planned: float) -> float:
    """min(1, size / planned): how much of the planned sample is there."""
    return min(1.0, arguments.count("size", size) / arguments.positive("planned", planned))


def next_look(history: Sequence[Look], *, information: float, alpha: float) -> Look:
    """The next look by Lan-DeMets O'Brien-Fleming spending, at an information not below the last one.

    A look that brings no new information has nothing to spend: its bound is ``LARGEST_BOUND``.

    >>> first = next_look([], information=0.2, alpha=0.05)
    >>> second = next_look([first], information=0.4, alpha=0.05)
    >>> round(first.bound, 3), round(second.bound, 3)
    (4.877, 3.357)

    Raises:
        ValueError: past information 1, where information falls, and once all of ``alpha`` is spent.
    """
    _require_order(history, information, alpha)
    return _look(_unstopped(history, information), history, information, _planned_spend(information, alpha))


def final_look(history: Sequence[Look], *, information: float, alpha: float) -> Look:
    """The last look of an experiment that ends before its plan is full: it spends all alpha that is left.

    Nothing may be tested after it. It may come without any new information since the look before.

    >>> so_far = [next_look([], information=0.5, alpha=0.05)]
    >>> round(next_look(so_far, information=0.7, alpha=0.05).bound, 3)
    2.462
    >>> round(final_look(so_far, information=0.7, alpha=0.05).bound, 3)
    1.962
    """
    _require_order(history, information, alpha)
    return _look(_unstopped(history, information), history, information, alpha)


def planned_looks(count: int, *, alpha: float) -> tuple[Look, ...]:
    """The looks of a plan with ``count`` equal steps of information.

    >>> [round(look.bound, 3) for look in planned_looks(5, alpha=0.05)]
    [4.877, 3.357, 2.68, 2.29, 2.031]
    """
    arguments.at_least("count", count, smallest=1)
    arguments.probability("alpha", alpha)
    density, looks = score_process.START, list[Look]()
    for information in (number / count for number in range(1, count + 1)):
        looks.append(_look(density, looks, information, _planned_spend(information, alpha)))
        following = information + 1 / count
        density = density.after(looks[-1].bound, information=information, following=following)
    return tuple(looks)


def upper_crossings(looks: Sequence[Look], *, drift: float = 0.0) -> tuple[float, ...]:
    """For each look the chance that z stops *there* at the upper bound.

    ``drift`` is the expectation of z at information 1; with 0 this is the false-alarm probability of one
    tail, and lower crossings are the same with ``-drift``.
    """
    density, crossings = score_process.START, list[float]()
    following = [*(look.information for look in looks[1:]), 2.0]
    for look, upcoming in zip(looks, following, strict=True):
        crossings.append(density.upper_exit(look.bound, information=look.information, drift=drift))
        density = density.after(look.bound, information=look.information, following=upcoming)
    return tuple(crossings)


def _planned_spend(information: float, alpha: float) -> float:
    return min(2 * spending.obrien_fleming(information, alpha=alpha / 2), alpha)


def _unstopped(history: Sequence[Look], information: float) -> Unstopped:
    """What the looks so far have let go on, on a grid made for a look at ``information``."""
    density = score_process.START
    following = [*(look.information for look in history[1:]), information]
    for look, upcoming in zip(history, following, strict=bool(history)):
        density = density.after(look.bound, information=look.information, following=upcoming)
    return density


def _look(density: Unstopped, history: Sequence[Look], information: float, spent: float) -> Look:
    gone = history[-1].spent if history else 0.0
    return Look(information, spent, _bound(density, information, tail=(spent - gone) / 2))


def _bound(density: Unstopped, information: float, *, tail: float) -> float:
    """The bound that one tail of the next look passes with probability ``tail``."""
    if tail < _NOTHING:
        return LARGEST_BOUND

    def excess(bound: float) -> float:
        return density.upper_exit(bound, information=information) - tail

    return float(optimize.brentq(excess, 0.0, LARGEST_BOUND, xtol=1e-10))


def _require_order(history: Sequence[Look], information: float, alpha: float) -> None:
    arguments.probability("alpha", alpha)
    if not 0 < information <= 1:
        raise ValueError(f"information must be above 0 and at most 1, found {information}")
    for before, after in pairwise([*(look.information for look in history), information]):
        if after < before:
            raise ValueError(f"information must not fall from look to look, found {after} after {before}")
    if history and history[-1].spent > alpha * (1 - 1e-9):
        spent, at = history[-1].spent, history[-1].information
        raise ValueError(f"alpha must not be spent yet, found {spent} of {alpha} gone at information {at}")
