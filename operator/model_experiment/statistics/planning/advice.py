"""What can be done where more users are needed than come within the longest duration: each way with its numbers.

The ways are: a higher share for the challenger, a longer run, a larger effect to look for, looks on the way (which
need a little more at most, and less on average where there is an effect), and values from before the start that
explain part of the variation. ``enough`` says whether a way alone does it.

It is arithmetic on the factors of ``inflation`` and the days of ``duration``, for one experiment.

The trap: a larger effect to look for is no wish. It says that smaller effects will be missed.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from model_experiment.statistics import arguments
from model_experiment.statistics.not_estimable import NotEstimable
from model_experiment.statistics.planning import duration, inflation
from model_experiment.statistics.sequential.group_sequential import Look

_EVEN = 0.5


@dataclass(frozen=True, slots=True)
class Situation:
    """What is wanted and what there is: users a variant at an even split, and the traffic of both variants.

    ``per_variant`` is for one look, with all that clusters or several challengers cost. Times are in days.
    """

    per_variant: float
    share: float
    users_per_day: float
    maximum_days: float
    label_delay: float = 0.0
    washout: float = 0.0

    def __post_init__(self) -> None:
        arguments.positive("per_variant", self.per_variant)
        arguments.probability("share", self.share)
        for name in ("users_per_day", "maximum_days", "label_delay", "washout"):
            arguments.count(name, getattr(self, name))


@dataclass(frozen=True, slots=True)
class Need:
    """Users of both variants, the days until they have come, in whole weeks, and whether those are allowed."""

    users: float
    days: float
    enough: bool


@dataclass(frozen=True, slots=True)
class HigherShare:
    """The smallest ``share`` of the challenger that is enough, or one half where none is."""

    share: float
    need: Need


@dataclass(frozen=True, slots=True)
class LongerRun:
    """What it takes as it stands."""

    need: Need


@dataclass(frozen=True, slots=True)
class LargerEffect:
    """The smallest effect that the users who come will show, or why there is none."""

    effect: float | NotEstimable


@dataclass(frozen=True, slots=True)
class SequentialLooks:
    """So many ``looks``: what they need at most, and on average if the effect is the planned one."""

    looks: int
    at_most: Need
    on_average: Need


@dataclass(frozen=True, slots=True)
class PastBehaviour:
    """An adjustment by a value from before the start with this ``correlation`` to the outcome."""

    correlation: float
    need: Need


Option: TypeAlias = HigherShare | LongerRun | LargerEffect | SequentialLooks | PastBehaviour


def advise(
    situation: Situation,
    *,
    detectable: Callable[[float], float | NotEstimable],
    looks: Sequence[Look],
    alpha: float,
    power: float,
    correlation: float | None = None,
) -> tuple[Option, ...] | NotEstimable:
    """The ways out, none where enough users come anyway; not estimable where no users come at all.

    ``detectable`` gives the effect that a number of users in each of two equal variants shows; ``looks`` are those of
    a two-sided sequential plan. Nothing is said of past behaviour without a ``correlation``, nor of the share from 1/2
    on.

    >>> from model_experiment.statistics.planning import relative
    >>> from model_experiment.statistics.sequential import group_sequential
    >>> options = advise(
    ...     Situation(per_variant=6_280, share=0.10, users_per_day=1_000, maximum_days=28),
    ...     detectable=lambda n: float(relative.detectable(n, variation=1.0, alpha=0.05, power=0.80)),
    ...     looks=group_sequential.planned_looks(14, alpha=0.05),
    ...     alpha=0.05,
    ...     power=0.80,
    ... )
    >>> [type(option).__name__ for option in options]
    ['HigherShare', 'LongerRun', 'LargerEffect', 'SequentialLooks']
    >>> round(options[0].share, 3), options[1].need.days, round(options[2].effect, 4)
    (0.129, 35.0, 0.0558)
    """
    cost = float(inflation.split(situation.share))
    total, coming = 2 * situation.per_variant * cost, _users_that_come(situation)
    if situation.users_per_day == 0:
        return NotEstimable(f"no users come, so {total:.0f} are never reached")
    as_it_stands = _need(situation, total)
    if as_it_stands.enough:
        return ()
    at_most, on_average = (
        factor(looks, alpha=alpha, power=power) for factor in (inflation.sequential, inflation.expected)
    )
    options: list[Option] = [
        LongerRun(as_it_stands),
        LargerEffect(_larger_effect(situation, coming / 2 / cost, detectable)),
        SequentialLooks(len(looks), _need(situation, at_most * total), _need(situation, on_average * total)),
    ]
    if situation.share < _EVEN:
        options.insert(0, _higher_share(situation, coming))
    if correlation is not None:
        left = float(inflation.adjustment(arguments.number("correlation", correlation)))
        options.append(PastBehaviour(correlation, _need(situation, left * total)))
    return tuple(options)


def _higher_share(situation: Situation, coming: float) -> HigherShare:
    """1 / (4 f (1-f)) is what the users who come are times those of an even split, solved for f."""
    even = 2 * situation.per_variant
    if even >= coming:
        return HigherShare(_EVEN, _need(situation, even))
    share = even / coming / (1 + math.sqrt(1 - even / coming)) / 2
    return HigherShare(share, _need(situation, coming))


def _larger_effect(
    situation: Situation, per_variant: float, detectable: Callable[[float], float | NotEstimable]
) -> float | NotEstimable:
    if per_variant == 0:
        return NotEstimable(f"no full week of users has its outcomes after {situation.maximum_days:g} days")
    return detectable(per_variant)


def _need(situation: Situation, users: float) -> Need:
    days = duration.days(users, users_per_day=situation.users_per_day, **_waits(situation))
    return Need(users, float(days.values), enough=bool(days.values <= situation.maximum_days))


def _users_that_come(situation: Situation) -> float:
    """Those of whole weeks, because ``duration.days`` counts in weeks."""
    weeks = (situation.maximum_days - sum(_waits(situation).values())) // duration.WEEK
    return max(0.0, weeks) * duration.WEEK * situation.users_per_day


def _waits(situation: Situation) -> dict[str, float]:
    return {"label_delay": situation.label_delay, "washout": situation.washout}
