"""Is something wrong now? Evidence against "the share is as it may be", at every poll of a whole run.

A poll counts ``events`` and ``others`` and says which share of events, ``null_share``, is still allowed:

- relative to the champion (``relative_poll``): of all events of both variants, the challenger's may be the
  share m n_B / (n_A + m n_B), where n are the requests and m is the allowed ratio of rates;
- absolute (``absolute_poll``): of all requests of the challenger, ``limit`` may be events.

For each alternative r, which multiplies the allowed odds, the poll's likelihood ratio is::

    ln L_r = (events ln r - (events + others) ln(1 + null_share (r - 1))) / phi

and evidence is kept for a change at any poll: W_r <- (W_r + prior mass of this poll) L_r. The evidence is the
mean of W_r plus the prior mass not yet spent. Half of the prior mass lies on the first poll (bad from the
start), the other half is even over the N planned polls (went bad later). While phi stands still::

    E = 1/2 mean_r prod_t L_r,t  +  1/2 (mean_r sum_{s <= polls} 1/N prod_{t >= s} L_r,t + max(0, 1 - polls/N))

This is the average of the plain e-process of a cold start and a change-point e-process, so it alarms no later than
when both run beside each other with half of alpha each.

Requests of one user are alike, so ``phi`` grows while users come back, and the counts of *all* polls are divided by
the phi of now. Where it changes from phi' to phi, the weights are first taken to a power (``rescaled``)::

    W_r <- P (W_r / P)^(phi'/phi)        P: the prior mass spent so far

With M_r and M for W_r and E of undivided counts, W_r <= P (M_r / P)^(1/phi) stays true: the power keeps it, a prior
mass more by Jensen's inequality (x^(1/phi) is concave), and a poll multiplies both sides alike. Once more by Jensen,
E <= M^(1/phi).

All shares and ratios up to the allowed ones make each undivided L_r at most 1 in expectation, whatever the rates do
over time and however traffic is split from poll to poll, so P(M ever reaches 1/alpha) <= alpha (Ville 1939). And E
reaches 1/alpha only where M does, whatever phi does, also when it was measured on the same counts. So the promise holds
for independent requests; for users who come back it is held to by simulation. Theory of such mixtures: Shin, Ramdas &
Rinaldo 2024 (arXiv 2203.03532); conditional binomial: Lindon & Malek 2022 (arXiv 2011.03567).

The functions take arrays over experiments: counts and prior masses of any shape, states with ``ALTERNATIVES`` as
one more, last axis. ``HarmEvidence`` calls them for the state of a single guardrail, which is stored as plain
numbers.

The trap: counts that are not divided by phi (``effects.ratios.overdispersion``) make false alarms of 9 % to 46 %
where 1 % was promised, and polls that are each divided by the phi of their own time still 4 %. The price:
where users come back often, the delay grows with phi (``planning.guardrail_delay``).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.sequential import e_values

ALTERNATIVES = (1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
"""By how much the odds may have become worse: from "slightly over the margin" to "broken"."""

FROM_THE_START = 0.5
"""The prior mass of "bad from the first poll"; the rest is even over the planned polls."""

_LOG_OF_NOTHING = -745.0  # stands for ln 0 and is finite, so that a stored state is plain JSON


@dataclass(frozen=True, slots=True)
class Poll:
    """What one poll says: ``events`` among ``events + others``, of which ``null_share`` is still allowed.

    ``phi`` of 1 or more is what the counts of all polls so far are divided by, because requests of a user are alike.
    """

    events: float
    others: float
    null_share: float
    phi: float = 1.0

    def __post_init__(self) -> None:
        events, *_ = _require_poll(self.events, self.others, self.null_share, self.phi)
        if events.ndim:
            raise ValueError(f"a poll must be of single numbers, found arrays of shape {events.shape}")


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
    """A poll that asks whether the challenger's rate exceeds ``ratio``, 1 + margin, times the champion's."""
    allowed = arguments.positive("ratio", ratio)
    share = relative_null_share(champion=champion.requests, challenger=challenger.requests, ratio=allowed)
    return Poll(challenger.events, champion.events, float(share), phi)


def absolute_poll(*, challenger: RequestCounts, limit: float, phi: float = 1.0) -> Poll:
    """A poll that asks whether more than the share ``limit`` of the challenger's requests are events."""
    return Poll(challenger.events, challenger.requests - challenger.events, arguments.probability("limit", limit), phi)


@dataclass(frozen=True, slots=True)
class HarmEvidence:
    """The state of one guardrail of one challenger: six logarithms, two counts and phi, however long the run.

    ``phi`` is that of the latest poll, by which the counts of all polls so far are divided.

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
    phi: float = 1.0

    def __post_init__(self) -> None:
        arguments.at_least("planned_polls", arguments.number("planned_polls", self.planned_polls), smallest=1)
        arguments.whole_counts("polls", arguments.number("polls", self.polls))
        _of_alternatives("log_weights", np.array(self.log_weights))
        arguments.at_least("phi", arguments.number("phi", self.phi), smallest=1)

    @classmethod
    def at_start(cls, *, planned_polls: int) -> Self:
        """Before the first poll; ``planned_polls`` is the longest duration over the time between polls."""
        return cls(planned_polls, 0, tuple(weights_at_start().tolist()))

    def with_poll(self, poll: Poll) -> Self:
        """The state after one more poll. Several polls that came at once may be added up and given as one."""
        planned, polls, weights = self.planned_polls, self.polls + 1, np.array(self.log_weights)
        before = rescaled(weights, exponent=self.phi / poll.phi, polls=self.polls, planned_polls=planned)
        ratios = log_likelihood_ratios(poll.events, poll.others, null_share=poll.null_share, phi=poll.phi)
        after = advanced(before, ratios, mass=prior_mass(polls, planned_polls=planned))
        return type(self)(planned, polls, tuple(after.tolist()), poll.phi)

    @property
    def log_value(self) -> float:
        """The logarithm of the evidence; 0 before the first poll."""
        return float(log_evidence(np.array(self.log_weights), polls=self.polls, planned_polls=self.planned_polls))

    @property
    def value(self) -> float:
        """The evidence for a rate above what is allowed: 1 means none, ``threshold(alpha)`` is an alarm."""
        return float(e_values.e_value(self.log_value))

    def reaches(self, threshold: float) -> bool:
        """Whether the evidence is at or over ``threshold`` now; an alarm is latched by whoever hears it."""
        return self.log_value >= math.log(arguments.positive("threshold", threshold))

    def to_storage(self) -> dict[str, float]:
        """The state as a flat dict of finite numbers."""
        weights = dict(zip(_KEYS, self.log_weights, strict=True))
        return {"planned_polls": self.planned_polls, "polls": self.polls, "phi": self.phi, **weights}

    @classmethod
    def from_storage(cls, stored: Mapping[str, float]) -> Self:
        """The state that ``to_storage`` gave.

        Raises:
            ValueError: where a number is missing or unknown, so that a state of another edition is never
            misread.
        """
        keys = ("planned_polls", "polls", "phi", *_KEYS)
        if set(stored) != set(keys):
            raise ValueError(f"stored evidence must have the keys {sorted(keys)}, found {sorted(stored)}")
        planned, polls, phi, *weights = (arguments.number(key, stored[key]) for key in keys)
        arguments.whole_counts("planned_polls and polls", [planned, polls])
        return cls(int(planned), int(polls), tuple(weights), phi)


_KEYS = tuple(f"log_weight_{alternative:g}" for alternative in ALTERNATIVES)


def relative_null_share(*, champion: ArrayLike, challenger: ArrayLike, ratio: ArrayLike) -> Floats:
    """The share of events that may be the challenger's: m n_B / (n_A + m n_B), for requests n_A and n_B of a poll.

    ``ratio`` is m, 1 + margin. A poll in which one variant had no request says nothing and is allowed.

    >>> relative_null_share(champion=[300, 0], challenger=[300, 0], ratio=1.25).round(4).tolist()
    [0.5556, 0.0]
    """
    old, new, allowed = arguments.together(
        {
            "champion": arguments.counts("champion", champion),
            "challenger": arguments.counts("challenger", challenger),
            "ratio": arguments.positives("ratio", ratio),
        }
    )
    weight = allowed * new
    total = old + weight
    return np.asarray(weight / np.where(total > 0, total, 1.0))


def weights_at_start(shape: tuple[int, ...] = ()) -> Floats:
    """The ln W_r before the first poll, of guardrails in an array of ``shape``."""
    return np.full((*shape, len(ALTERNATIVES)), _LOG_OF_NOTHING)


def prior_mass(poll: ArrayLike, *, planned_polls: ArrayLike) -> Floats:
    """The prior probability that the change comes at ``poll``, counted from 1; 0 past the plan."""
    number, planned = arguments.together(
        {
            "poll": arguments.at_least("poll", poll, smallest=1),
            "planned_polls": arguments.at_least("planned_polls", planned_polls, smallest=1),
        }
    )
    mass = np.where(number == 1, FROM_THE_START, 0.0) + (1 - FROM_THE_START) / planned
    return np.where(number > planned, 0.0, mass)


def log_likelihood_ratios(
    events: ArrayLike, others: ArrayLike, *, null_share: ArrayLike, phi: ArrayLike = 1.0
) -> Floats:
    """The ln L_r of a poll for each of ``ALTERNATIVES``, which become the last axis; arguments broadcast."""
    x, y, share, inflation = (part[..., np.newaxis] for part in _require_poll(events, others, null_share, phi))
    alternatives = np.array(ALTERNATIVES)
    return np.asarray((x * np.log(alternatives) - (x + y) * np.log1p(share * (alternatives - 1))) / inflation)


def rescaled(log_weights: Floats, *, exponent: ArrayLike, polls: ArrayLike, planned_polls: ArrayLike) -> Floats:
    """The ln W_r after ``polls``, as if the counts of all of them were divided by another phi.

    ``exponent`` is the phi so far over the phi from now on, above 0; leading axes broadcast.

    >>> rescaled(np.log([16, 9, 4, 1, 1, 1]), exponent=0.5, polls=10, planned_polls=10).round(3).tolist()
    [1.386, 1.099, 0.693, 0.0, 0.0, 0.0]
    """
    weights = _of_alternatives("log_weights", log_weights)
    _, power, heard, planned = arguments.together(
        {
            "log_weights": weights[..., 0],
            "exponent": arguments.positives("exponent", exponent),
            "polls": arguments.counts("polls", polls),
            "planned_polls": arguments.at_least("planned_polls", planned_polls, smallest=1),
        }
    )
    with np.errstate(divide="ignore"):
        log_spent = np.maximum(np.log1p(-_unspent(heard, planned)), _LOG_OF_NOTHING)[..., np.newaxis]
    return np.asarray(log_spent + (weights - log_spent) * power[..., np.newaxis])


def advanced(log_weights: Floats, log_ratios: Floats, *, mass: ArrayLike) -> Floats:
    """The ln W_r after a poll with prior ``mass``; leading axes broadcast."""
    share = arguments.shares("mass", mass)
    before, ratios = _of_alternatives("log_weights", log_weights), _of_alternatives("log_ratios", log_ratios)
    arguments.require_fit(log_weights=before[..., 0], log_ratios=ratios[..., 0], mass=share)
    with np.errstate(divide="ignore"):
        log_mass = np.maximum(np.log(share), _LOG_OF_NOTHING)[..., np.newaxis]
    return np.asarray(np.logaddexp(before, log_mass) + ratios)


def log_evidence(log_weights: Floats, *, polls: ArrayLike, planned_polls: ArrayLike) -> Floats:
    """The logarithm of mean W_r plus the prior mass not yet spent after ``polls``; leading axes broadcast."""
    mean = np.logaddexp.reduce(_of_alternatives("log_weights", log_weights), axis=-1) - math.log(len(ALTERNATIVES))
    _, heard, planned = arguments.together(
        {
            "log_weights": mean,
            "polls": arguments.counts("polls", polls),
            "planned_polls": arguments.at_least("planned_polls", planned_polls, smallest=1),
        }
    )
    with np.errstate(divide="ignore"):
        return np.asarray(np.logaddexp(mean, np.log(_unspent(heard, planned))))


def _unspent(polls: Floats, planned_polls: Floats) -> Floats:
    """The prior mass of all polls after ``polls``."""
    later = (1 - FROM_THE_START) * np.maximum(0.0, 1 - polls / planned_polls)
    return np.asarray(later + np.where(polls == 0, FROM_THE_START, 0.0))


def _of_alternatives(name: str, values: Floats) -> Floats:
    array = arguments.finite(name, values)
    if array.shape[-1:] != (len(ALTERNATIVES),):
        raise ValueError(f"{name} must have a last axis of {len(ALTERNATIVES)} numbers, found shape {array.shape}")
    return array


def _require_poll(
    events: ArrayLike, others: ArrayLike, null_share: ArrayLike, phi: ArrayLike
) -> tuple[Floats, Floats, Floats, Floats]:
    """The numbers of a poll, as they must be."""
    x, y, share, inflation = arguments.together(
        {
            "events": arguments.counts("events", events),
            "others": arguments.counts("others", others),
            "null_share": arguments.shares("null_share", null_share),
            "phi": arguments.at_least("phi", phi, smallest=1),
        }
    )
    return x, y, share, inflation
