"""Counts as they would come from a collector, spread over buckets by a fixed seed."""

from collections.abc import Mapping

import numpy as np

from model_experiment.assignment import BUCKETS
from model_experiment.decision.counts import EXPOSURES, RAMP_EXPOSURES, REQUESTS, Counts, Family, Measure

PURCHASES = Measure(Family.OUTCOME_VALUE, "purchase")
ERRORS = Measure(Family.RESPONSES, "ServerError")
SLOW = Measure(Family.SLOW_RESPONSES, "250ms")


def spread(total: int, seed: int) -> np.ndarray:
    """A total, over all buckets as users would fall into them."""
    return np.random.default_rng(seed).multinomial(total, np.full(BUCKETS, 1 / BUCKETS)).astype(float)


def counts_of(
    time: float,
    *,
    users: tuple[int, int],
    purchases: tuple[int, int] = (0, 0),
    errors: tuple[int, int] = (0, 0),
    slow: tuple[int, int] = (0, 0),
    ramp: tuple[int, int] = (0, 0),
    requests_per_user: int = 5,
) -> Counts:
    """Totals of champion and challenger, in this order."""
    totals: Mapping[Measure, tuple[int, int]] = {
        EXPOSURES: users,
        REQUESTS: (users[0] * requests_per_user, users[1] * requests_per_user),
        PURCHASES: purchases,
        ERRORS: errors,
        SLOW: slow,
        RAMP_EXPOSURES: ramp,
    }
    tables = {
        (variant, measure): spread(total[side], seed=100 * side + number)
        for number, (measure, total) in enumerate(totals.items())
        for side, variant in enumerate(("v7", "v8"))
    }
    for variant in ("v7", "v8"):
        requests = tables[variant, REQUESTS]
        for harm in (ERRORS, SLOW):
            tables[variant, harm] = np.minimum(tables[variant, harm], requests)
    return Counts(time, tables)
