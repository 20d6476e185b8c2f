"""False alarms of the primary objective when nothing differs: users are sticky and alike only to themselves.

Users have their own rate (intraclass correlation 0.05), their own traffic (heavy tails) and their own day of arrival,
and are looked at 14 times while they come. Within a bucket, requests and events are drawn from the sums over its
users, which is the same distribution as drawing them user by user.
"""

import math

import numpy as np
import pytest

from model_experiment.statistics import buckets, group_sequential
from model_experiment.statistics.buckets import BucketTable
from model_experiment.statistics.effects import Effect
from model_experiment.statistics.mixture import NormalMixture

pytestmark = pytest.mark.slow

RUNS, USERS, LOOKS, BUCKETS = 2000, 2000, 14, 100
ALPHA, RATE, CORRELATION, REQUESTS_PER_USER = 0.05, 0.1, 0.05, 20
MOST = ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / RUNS)
BOUNDS = [look.bound for look in group_sequential.planned_looks(LOOKS, alpha=ALPHA)]


def variant(generator):
    """Cumulative events and requests of one variant: two arrays of runs x looks x buckets."""
    size = (RUNS, USERS)
    traffic = generator.gamma(0.5, 2 * REQUESTS_PER_USER / LOOKS, size)
    spread = 1 / CORRELATION - 1
    events = traffic * generator.beta(RATE * spread, (1 - RATE) * spread, size)
    arrival, bucket = generator.integers(0, LOOKS, size), generator.integers(0, BUCKETS, size)
    cell = (np.arange(RUNS)[:, np.newaxis] * LOOKS + arrival) * BUCKETS + bucket
    shape = (RUNS, LOOKS, BUCKETS)
    present, happening = (
        np.bincount(cell.ravel(), weights.ravel(), math.prod(shape)).reshape(shape).cumsum(axis=1)
        for weights in (traffic, events)
    )
    requests = generator.poisson(present)
    shares = np.divide(happening, present, out=np.zeros(shape), where=present > 0).clip(0, 1)
    return generator.binomial(requests, shares).cumsum(axis=1), requests.cumsum(axis=1)


@pytest.fixture(scope="module")
def looked_at():
    """For each run and look the two variants' tables."""
    generator = np.random.default_rng(20)
    old, new = variant(generator), variant(generator)
    return [
        [
            (BucketTable(old[0][run, look], old[1][run, look]), BucketTable(new[0][run, look], new[1][run, look]))
            for look in range(LOOKS)
        ]
        for run in range(RUNS)
    ]


def rejected(looked_at, z_of, bounds):
    """The share of runs in which any look passes its bound; a look without an effect passes none."""
    return np.mean(
        [any(abs(z_of(*tables)) > bound for tables, bound in zip(run, bounds, strict=True)) for run in looked_at]
    )


def z_from(compare):
    def z(champion, challenger):
        effect = compare(champion=champion, challenger=challenger)
        return effect.z if isinstance(effect, Effect) else 0.0

    return z


def z_from_requests(champion, challenger):
    """What the library has no way to give: the error as if a user's requests were independent."""
    (x, n), (y, m) = ((one.numerators.sum(), one.denominators.sum()) for one in (champion, challenger))
    pooled = (x + y) / (n + m)
    return (y / m - x / n) / math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))


@pytest.mark.parametrize("compare", [buckets.difference, buckets.relative_difference])
def test_fourteen_looks_at_user_buckets_reject_at_most_alpha(looked_at, compare, measured):
    share = rejected(looked_at, z_from(compare), BOUNDS)
    measured(f"{compare.__name__}: {share:.4f} <= {MOST:.4f}")
    assert share <= MOST


def test_fourteen_looks_at_independent_requests_would_reject_far_more(looked_at, measured):
    share = rejected(looked_at, z_from_requests, BOUNDS)
    measured(f"requests: {share:.4f} > {MOST:.4f}")
    assert share > 2 * MOST


def test_the_anytime_interval_misses_no_effect_at_most_alpha(looked_at, measured):
    planned = sum(table.denominators.sum() for table in looked_at[0][-1])
    mixture = NormalMixture.tuned_at(planned, alpha=ALPHA)
    missed = 0
    for run in looked_at:
        for tables in run:
            size = sum(table.denominators.sum() for table in tables)
            if abs(z_from(buckets.difference)(*tables)) > mixture.multiplier(size, alpha=ALPHA):
                missed += 1
                break
    measured(f"anytime: {missed / RUNS:.4f} <= {MOST:.4f}")
    assert missed / RUNS <= MOST


def test_the_interval_at_the_planned_end_covers_no_effect_as_often_as_it_says(looked_at, measured):
    inside = 0
    for run in looked_at:
        effect = buckets.difference(champion=run[-1][0], challenger=run[-1][1])
        inside += effect.interval(1.959964).contains(0.0)
    measured(f"coverage at the end: {inside / RUNS:.4f}")
    assert inside / RUNS == pytest.approx(0.95, abs=0.015)
