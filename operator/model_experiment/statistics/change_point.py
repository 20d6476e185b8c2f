"""Is something wrong now? Evidence against "the share is as it may be", at every poll of a whole run.

A poll counts ``events`` and ``others`` and says which share of events, ``null_share``, is still allowed:

- relative to the champion (``relative_poll``): of all events of both variants, the challenger's may be the
  share m n_B / (n_A + m n_B), where n are the requests and m is the allowed ratio of rates;
- absolute (``absolute_poll``): of all requests of the challenger, ``limit`` may be events.

For each alternative r, which multiplies the allowed odds, the poll's likelihood ratio is::

    ln L_r = events ln r - (events + others) ln(1 + null_share (r - 1))

and evidence is kept for a change at any poll: W_r <- (W_r + prior mass of this poll) L_r. The evidence is the
mean of W_r plus the prior mass not yet spent. Half of the prior mass lies on the first poll (bad from the
start), the other half is even over the planned polls (went bad later). This is the average of a plain and a
change-point e-process, so it alarms no later than when both run beside each other with half of alpha each.

All shares and ratios up to the allowed ones make each L_r at most 1 in expectation, whatever the rates do
over time and however traffic is split from poll to poll, so P(evidence ever reaches 1/alpha) <= alpha (Ville
1939). Theory of such mixtures: Shin, Ramdas & Rinaldo 2024 (arXiv 2203.03532); conditional binomial: Lindon &
Malek 2022 (arXiv 2011.03567).

The trap: requests of one user are alike. Unless counts are divided by the over-dispersion ``phi``
(``buckets.overdispersion``), clustered users make false alarms of 9 % to 46 % where 1 % was promised.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments, e_values
from model_experiment.statistics.arguments import Floats

ALTERNATIVES = (1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
"""By how much the odds may have become worse: from "slightly over the margin" to "broken"."""

FROM_THE_START = 0.5
"""The prior mass of "bad from the first poll"; the rest is even over the planned polls."""

_LOG_OF_NOTHING = -745.0  # stands for ln 0 and is finite, so that a stored state is plain JSON


@dataclass(frozen=True, slots=True)
class Poll:
    """What one poll says: ``events`` among ``events + others``, of which ``null_share`` is still allowed."""

    events: float
    others: float
    null_share: float

    def __post_init__(self) -> None:
        arguments.count("events", self.events)
        arguments.count("others", self.others)
        if not 0 <= self.null_share <= 1:
            raise ValueError(f"null_share must lie between 0 and 1, found {self.null_share}")


@dataclass(frozen=True, slots=True)
class RequestCounts:
    """Requests of one variant in one poll, and how many of them are events (errors, slow answers)."""

    events: float
    requests: float

    def __post_init__(self) -> None:
        arguments.count("events", self.events)
        arguments.count("requests", self.requests)
        if self.events > self.requests:
            raise ValueError(f"events must not exceed requests, found {self.events} of {self.requests}")


def relative_poll(*, champion: RequestCounts, challenger: RequestCounts, ratio: float, phi: float = 1.0) -> Poll:
    """A poll that asks whether the challenger's rate exceeds ``ratio`` times the champion's.

    ``ratio`` is 1 + margin; ``phi`` of 1 or more divides the counts. A poll in which one variant had no
    request says nothing and is allowed.
    """
    arguments.positive("ratio", ratio)
    arguments.at_least("phi", phi, smallest=1)
    weight = ratio * challenger.requests
    total = champion.requests + weight
    null_share = weight / total if total > 0 else 0.0
    return Poll(challenger.events / phi, champion.events / phi, null_share)


def absolute_poll(*, challenger: RequestCounts, limit: float, phi: float = 1.0) -> Poll:
    """A poll that asks whether more than the share ``limit`` of the challenger's requests are events."""
    arguments.probability("limit", limit)
    arguments.at_least("phi", phi, smallest=1)
    others = challenger.requests - challenger.events
    return Poll(challenger.events / phi, others / phi, limit)


@dataclass(frozen=True, slots=True)
class HarmEvidence:
    """The state of one guardrail of one challenger: six logarithms and two counts, however long the run.

    >>> evidence = HarmEvidence.at_start(planned_polls=80_640)
    >>> counts = {"champion": RequestCounts(3, 300), "challenger": RequestCounts(15, 300)}
    >>> for _ in range(3):
    ...     evidence = evidence.with_poll(relative_poll(**counts, ratio=1.25))
    >>> round(evidence.value), evidence.reaches(e_values.threshold(0.01))
    (1818, True)
    """

    planned_polls: int
    polls: int
    log_weights: tuple[float, ...]

    def __post_init__(self) -> None:
        arguments.at_least("planned_polls", self.planned_polls, smallest=1)
        arguments.count("polls", self.polls)
        if len(self.log_weights) != len(ALTERNATIVES):
            raise ValueError(f"log_weights must be {len(ALTERNATIVES)} numbers, found {len(self.log_weights)}")
        arguments.finite("log_weights", self.log_weights)

    @classmethod
    def at_start(cls, *, planned_polls: int) -> Self:
        """Before the first poll; ``planned_polls`` is the longest duration over the time between polls."""
        return cls(planned_polls, 0, (_LOG_OF_NOTHING,) * len(ALTERNATIVES))

    def with_poll(self, poll: Poll) -> Self:
        """The state after one more poll. Several polls that came at once may be added up and given as one."""
        ratios = log_likelihood_ratios(poll.events, poll.others, null_share=poll.null_share)
        mass = prior_mass(self.polls + 1, planned_polls=self.planned_polls)
        weights = advanced(np.array(self.log_weights), ratios, mass=mass)
        return type(self)(self.planned_polls, self.polls + 1, tuple(weights.tolist()))

    @property
    def log_value(self) -> float:
        """The logarithm of the evidence; 0 before the first poll."""
        return float(log_evidence(np.array(self.log_weights), polls=self.polls, planned_polls=self.planned_polls))

    @property
    def value(self) -> float:
        """The evidence for a rate above what is allowed: 1 means none, ``threshold(alpha)`` is an alarm."""
        return e_values.e_value(self.log_value)

    def reaches(self, threshold: float) -> bool:
        """Whether the evidence is at or over ``threshold`` now; an alarm is latched by whoever hears it."""
        return self.log_value >= math.log(arguments.positive("threshold", threshold))

    def to_storage(self) -> dict[str, float]:
        """The state as a flat dict of finite numbers."""
        weights = dict(zip(_KEYS, self.log_weights, strict=True))
        return {"planned_polls": self.planned_polls, "polls": self.polls, **weights}

    @classmethod
    def from_storage(cls, stored: Mapping[str, float]) -> Self:
        """The state that ``to_storage`` gave.

        Raises:
            ValueError: where a number is missing or unknown, so that a state of another edition is never
            misread.
        """
        expected = {"planned_polls", "polls", *_KEYS}
        if set(stored) != expected:
            raise ValueError(f"stored evidence must have the keys {sorted(expected)}, found {sorted(stored)}")
        weights = tuple(float(stored[key]) for key in _KEYS)
        return cls(int(stored["planned_polls"]), int(stored["polls"]), weights)


_KEYS = tuple(f"log_weight_{alternative:g}" for alternative in ALTERNATIVES)


def prior_mass(poll: int, *, planned_polls: int) -> float:
    """The prior probability that the change comes at ``poll``, counted from 1; 0 past the plan."""
    if poll > planned_polls:
        return 0.0
    return (FROM_THE_START if poll == 1 else 0.0) + (1 - FROM_THE_START) / planned_polls


def log_likelihood_ratios(events: ArrayLike, others: ArrayLike, *, null_share: ArrayLike) -> Floats:
    """The ln L_r of a poll for each of ``ALTERNATIVES``, which become the last axis; arguments broadcast."""
    x, y, share = (np.asarray(part, dtype=np.float64)[..., np.newaxis] for part in (events, others, null_share))
    alternatives = np.array(ALTERNATIVES)
    return np.asarray(x * np.log(alternatives) - (x + y) * np.log1p(share * (alternatives - 1)))


def advanced(log_weights: Floats, log_ratios: Floats, *, mass: float) -> Floats:
    """The ln W_r after a poll with prior ``mass``, for any leading axes."""
    log_mass = math.log(mass) if mass > 0 else _LOG_OF_NOTHING
    return np.asarray(np.logaddexp(log_weights, log_mass) + log_ratios)


def log_evidence(log_weights: Floats, *, polls: int, planned_polls: int) -> Floats:
    """The logarithm of mean W_r plus the prior mass not yet spent after ``polls``, for any leading axes."""
    mean = np.logaddexp.reduce(log_weights, axis=-1) - math.log(len(ALTERNATIVES))
    if polls == 0:
        return np.asarray(np.logaddexp(mean, 0.0))
    unspent = (1 - FROM_THE_START) * max(0.0, 1 - polls / planned_polls)
    return np.asarray(np.logaddexp(mean, math.log(unspent)) if unspent > 0 else mean)
