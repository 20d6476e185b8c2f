"""The promises of a shadow experiment: how often pairs of a known divergence pass or fail, looked at again and again.

The pairs are simulated, the evidence and the findings are the decision's own. Every run is looked at 20 times, and what
it ever finds counts; a challenger passes from the minimum of 1,000 pairs on.
"""

import math

import numpy as np
import pytest

from given.sticky_users import Population, looked_at
from model_experiment.api.shadow import Shadow
from model_experiment.decision.pairs import Pairs, signs_of
from model_experiment.statistics.effects import ratios
from model_experiment.statistics.shadow import divergence
from model_experiment.statistics.summaries.buckets import BucketTable
from model_experiment.statistics.summaries.proportions import Proportion

pytestmark = pytest.mark.slow

ALPHA, LOOKS, BUCKETS = 0.05, 20, 100
PROOF = math.log(1 / ALPHA)
SHADOW = Shadow()  # 5 % may differ, 10 % may be missing, the champion is asked twice for every tenth pair


def pairs_of(different, compared):
    nothing = np.zeros_like(compared, dtype=float)
    return Pairs((compared - different).astype(float), different.astype(float), nothing, nothing)


def independent_pairs(rate, *, pairs, runs, generator, looks=LOOKS):
    """Pairs up to each look, spread over users of whom each comes once: runs x looks x buckets."""
    compared = generator.poisson(pairs / looks / BUCKETS, (runs, looks, BUCKETS))
    different = generator.binomial(compared, rate)
    return pairs_of(different.cumsum(axis=1), compared.cumsum(axis=1))


def ever_alike(pairs):
    """Whether each run was ever found alike; for that the champion's own pairs mean nothing."""
    signs = signs_of(SHADOW.model_copy(update={"repeat_champion": 0}), own=pairs, pairs=pairs)
    enough = pairs.compared.denominators.sum(axis=-1) >= SHADOW.minimum_pairs
    return ((signs.alike >= PROOF) & enough).any(axis=1)


def ever_different(pairs, own):
    """Whether each run was ever found different."""
    return (signs_of(SHADOW, own=own, pairs=pairs).above >= PROOF).any(axis=1)


def passing(rate, *, pairs=4000, count):
    """Which runs of a challenger with this divergence pass."""
    return ever_alike(independent_pairs(rate, pairs=pairs, runs=count, generator=np.random.default_rng(3)))


def failing(rate, *, own_rate=0.0, pairs=4000, count):
    """Which runs of champion and challenger with these divergences fail."""
    generator = np.random.default_rng(3)
    challenger = independent_pairs(rate, pairs=pairs, runs=count, generator=generator)
    own = independent_pairs(own_rate, pairs=pairs * SHADOW.repeat_champion / 100, runs=count, generator=generator)
    return ever_different(challenger, own)


@pytest.mark.parametrize("rate", [0.05, 0.08])
def test_a_divergence_at_or_above_the_limit_passes_at_most_with_alpha(rate, runs, at_most):
    passed = passing(rate, count=runs(200))
    at_most(f"shadow, a true {rate:.0%} passes", passed, nominal=ALPHA)


@pytest.mark.parametrize("rate", [0.0, 0.02, 0.05])
def test_a_divergence_within_the_limit_fails_at_most_with_alpha(rate, runs, at_most):
    failed = failing(rate, count=runs(200))
    at_most(f"shadow, a true {rate:.0%} fails", failed, nominal=ALPHA)


@pytest.mark.parametrize(("rate", "power"), [(0.0, 0.99), (0.02, 0.95)])
def test_a_thousand_pairs_are_enough_for_a_challenger_that_seldom_differs(rate, power, runs, measured):
    passed = passing(rate, pairs=1100, count=runs(200))
    measured(f"shadow, a true {rate:.0%} passes within 1,100 pairs: {passed.mean():.4f} >= {power}")
    assert passed.mean() >= power


def test_a_divergence_of_8_percent_fails(runs, measured):
    failed = failing(0.08, count=runs(200))
    measured(f"shadow, a true 8% fails within 4,000 pairs: {failed.mean():.4f} >= 0.9")
    assert failed.mean() >= 0.9


@pytest.mark.parametrize("rate", [0.06, 0.08])
def test_a_challenger_as_noisy_as_its_champion_fails_at_most_with_alpha(rate, runs, at_most):
    failed = failing(rate, own_rate=rate, count=runs(200))
    at_most(f"shadow, champion and challenger with {rate:.0%}, fails", failed, nominal=ALPHA)


def test_without_the_noise_floor_a_noisy_champion_is_blamed_on_the_challenger(runs, beyond):
    generator = np.random.default_rng(3)
    challenger = independent_pairs(0.08, pairs=4000, runs=runs(200), generator=generator)
    totals = Proportion(*(part.sum(axis=-1) for part in (challenger.different, challenger.compared.denominators)))
    failed = (divergence.log_e_above(totals, limit=0.05) >= PROOF).any(axis=1)
    beyond("shadow, champion and challenger with 8%, floor not asked, fails", failed, nominal=ALPHA)


def faithful(rate, *, users, pairs, count):
    """Pairs of few users, each of whom always differs or never does, and those of the champion with itself."""
    generator, shape = np.random.default_rng(6), (count, users)
    differs, bucket = generator.random(shape) < rate, generator.integers(0, BUCKETS, shape)
    cell = (np.arange(count)[:, np.newaxis] * BUCKETS + bucket).ravel()

    def by_bucket(of_users):
        return np.bincount(cell, of_users.ravel(), count * BUCKETS).reshape(count, BUCKETS)

    asked = [generator.poisson(pairs / users / LOOKS, shape) for _ in range(LOOKS)]
    compared, different = (
        np.stack([by_bucket(part) for part in parts], axis=1).cumsum(axis=1)
        for parts in (asked, [each * differs for each in asked])
    )
    own = np.floor(compared * SHADOW.repeat_champion / 100)
    return pairs_of(different, compared), pairs_of(np.zeros_like(own), own)


@pytest.mark.parametrize("rate", [0.05, 0.08])
@pytest.mark.parametrize("users", [1, 15, 25, 50, 100, 300])
def test_few_users_pass_a_divergence_at_or_above_the_limit_at_most_with_alpha(users, rate, runs, at_most):
    passed = ever_alike(faithful(rate, users=users, pairs=3000, count=runs(200))[0])
    at_most(f"shadow, {users} users, each differs always or never, a true {rate:.0%} passes", passed, nominal=ALPHA)


@pytest.mark.parametrize("rate", [0.02, 0.05])
@pytest.mark.parametrize("users", [1, 15, 25, 50, 100, 300])
def test_few_users_fail_a_divergence_within_the_limit_at_most_with_alpha(users, rate, runs, at_most):
    failed = ever_different(*faithful(rate, users=users, pairs=3000, count=runs(200)))
    at_most(f"shadow, {users} users, each differs always or never, a true {rate:.0%} fails", failed, nominal=ALPHA)


@pytest.mark.parametrize("users", [15, 25])
def test_few_users_pass_far_more_often_when_their_pairs_are_taken_as_independent(users, runs, beyond):
    pairs, _ = faithful(0.08, users=users, pairs=3000, count=runs(200))
    totals = Proportion(*(part.sum(axis=-1) for part in (pairs.different, pairs.compared.denominators)))
    passed = (divergence.log_e_below(totals, limit=0.05) >= PROOF).any(axis=1)
    beyond(f"shadow, {users} users, counts as they are, a true 8% passes", passed, nominal=ALPHA)


def test_some_hundred_users_are_enough_where_nothing_differs(runs, measured):
    passed = ever_alike(faithful(0.0, users=200, pairs=3000, count=runs(200))[0])
    measured(f"shadow, 200 users, a true 0% passes: {passed.mean():.4f} >= 0.99")
    assert passed.mean() >= 0.99


def repeating(count):
    """Pairs of 500 users who return some 20 times each, alike to themselves, with a true 5 %."""
    population = Population(users=500, rate=0.05, correlation=0.2, requests_per_user=20)
    table = looked_at(population, runs=count, looks=LOOKS, generator=np.random.default_rng(4))
    return pairs_of(table.numerators, table.denominators)


def test_users_that_repeat_pass_a_limit_at_most_with_alpha(runs, at_most):
    pairs = repeating(runs(200))
    own = independent_pairs(0.0, pairs=800, runs=pairs.equal.shape[0], generator=np.random.default_rng(5))
    passed, failed = ever_alike(pairs), ever_different(pairs, own)
    phi = ratios.overdispersion(BucketTable(pairs.different[:, -1], pairs.compared.denominators[:, -1])).values
    assert np.median(phi) > 3  # the users do repeat
    at_most("shadow, users that repeat, a true 5% passes", passed, nominal=ALPHA)
    at_most("shadow, users that repeat, a true 5% fails", failed, nominal=ALPHA)


def test_users_that_repeat_pass_far_more_often_when_pairs_are_taken_as_independent(runs, beyond):
    pairs = repeating(runs(200))
    totals = Proportion(*(part.sum(axis=-1) for part in (pairs.different, pairs.compared.denominators)))
    passed = (divergence.log_e_below(totals, limit=0.05) >= PROOF).any(axis=1)
    beyond("shadow, users that repeat, counts as they are, a true 5% passes", passed, nominal=ALPHA)
