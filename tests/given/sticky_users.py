"""Many runs of an experiment at once, with users that return: alike only to themselves, some of them very busy.

A user has an own rate (beta, by the intraclass correlation), own traffic (gamma with shape 1/2: a heavy tail), an own
bucket and an own moment of arrival. Within a bucket, requests and events are drawn from the sums over its users, which
is the same distribution as drawing them user by user.
"""

import math
from dataclasses import dataclass

import numpy as np

from model_experiment.statistics.summaries.buckets import BucketTable

BUCKETS = 100


@dataclass(frozen=True)
class Population:
    """The users of one variant."""

    users: int
    rate: float
    correlation: float
    requests_per_user: float


def looked_at(population: Population, *, runs: int, looks: int, generator: np.random.Generator) -> BucketTable:
    """Events and requests of one variant up to each look: runs x looks x buckets."""
    size, shape = (runs, population.users), (runs, looks, BUCKETS)
    traffic = generator.gamma(0.5, 2 * population.requests_per_user / looks, size)
    spread = 1 / population.correlation - 1
    events = traffic * generator.beta(population.rate * spread, (1 - population.rate) * spread, size)
    arrival, bucket = generator.integers(0, looks, size), generator.integers(0, BUCKETS, size)
    cell = (np.arange(runs)[:, np.newaxis] * looks + arrival) * BUCKETS + bucket
    present, happening = (
        np.bincount(cell.ravel(), weights.ravel(), math.prod(shape)).reshape(shape).cumsum(axis=1)
        for weights in (traffic, events)
    )
    requests = generator.poisson(present)
    shares = np.divide(happening, present, out=np.zeros(shape), where=present > 0).clip(0, 1)
    return BucketTable(generator.binomial(requests, shares).cumsum(axis=1), requests.cumsum(axis=1))
