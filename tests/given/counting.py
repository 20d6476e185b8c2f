"""Counts as they would come from a collector, spread over buckets by a fixed seed."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from model_experiment.assignment import BUCKETS
from model_experiment.decision.counts import (
    BYPASSED,
    DIFFERENT,
    EQUAL,
    EXPOSURES,
    MISASSIGNED,
    NOT_COMPARABLE,
    RAMP_EXPOSURES,
    REQUESTS,
    Counts,
    Family,
    Measure,
)

PURCHASES = Measure(Family.OUTCOME_VALUE, "purchase")
ERRORS = Measure(Family.RESPONSES, "ServerError")
SLOW = Measure(Family.SLOW_RESPONSES, "250ms")


def spread(total: int, seed: int) -> np.ndarray:
    """A total, over all buckets as users would fall into them."""
    return np.random.default_rng(seed).multinomial(total, np.full(BUCKETS, 1 / BUCKETS)).astype(float)


def counts_of(
    time: float,
    *,
    users: tuple[int, ...],
    purchases: tuple[int, ...] = (),
    errors: tuple[int, ...] = (),
    slow: tuple[int, ...] = (),
    ramp: tuple[int, ...] = (),
    misassigned: tuple[int, ...] = (),
    bypassed: int = 0,
    requests_per_user: int = 5,
) -> Counts:
    """Totals of the champion v7 and its challengers v8, v9 and so on, as many as have users; 0 where none are given."""
    variants, nothing = [f"v{7 + side}" for side in range(len(users))], (0,) * len(users)
    totals: Mapping[Measure, tuple[int, ...]] = {
        EXPOSURES: users,
        REQUESTS: tuple(each * requests_per_user for each in users),
        PURCHASES: purchases or nothing,
        ERRORS: errors or nothing,
        SLOW: slow or nothing,
        RAMP_EXPOSURES: ramp or nothing,
        MISASSIGNED: misassigned or nothing,
        BYPASSED: (bypassed, *nothing[1:]),
    }
    tables = {
        (variant, measure): spread(total[side], seed=100 * side + number)
        for number, (measure, total) in enumerate(totals.items())
        for side, variant in enumerate(variants)
    }
    for variant in variants:
        requests = tables[variant, REQUESTS]
        for harm in (ERRORS, SLOW):
            tables[variant, harm] = np.minimum(tables[variant, harm], requests)
    return Counts(time, tables)


@dataclass(frozen=True)
class Answers:
    """What asking a variant came to; of the champion, its pairs are those with itself.

    What is ``lost`` could not be compared though the models were asked; what is ``dropped`` was never asked.
    """

    equal: int = 0
    different: int = 0
    lost: int = 0
    dropped: int = 0
    errors: int = 0
    slow: int = 0


def shadow_counts(time: float, *, champion: Answers, **challengers: Answers) -> Counts:
    """Totals of the champion v7 and challengers by name; the champion was asked as often as most of them."""
    asked = {name: each.equal + each.different + each.lost for name, each in challengers.items()}
    tables: dict[tuple[str, Measure], np.ndarray] = {}
    for seed, (name, each) in enumerate({"v7": champion, **challengers}.items()):
        requests = asked.get(name, max(asked.values()))
        equal, different, lost = (
            spread(count, seed=10 * seed + place) for place, count in enumerate((each.equal, each.different, each.lost))
        )
        tables[name, EQUAL], tables[name, DIFFERENT] = equal, different
        tables[name, NOT_COMPARABLE] = lost + spread(each.dropped, seed=10 * seed + 3)
        tables[name, REQUESTS] = equal + different + lost if name in asked else spread(requests, seed=10 * seed + 4)
        tables[name, ERRORS] = np.minimum(spread(each.errors, seed=10 * seed + 5), tables[name, REQUESTS])
        tables[name, SLOW] = np.minimum(spread(each.slow, seed=10 * seed + 6), tables[name, REQUESTS])
    return Counts(time, tables)
