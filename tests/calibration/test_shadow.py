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


def ever(pairs, own):
    """Whether each run was ever found alike, and ever different."""
    signs = signs_of(SHADOW, own=own, pairs=pairs)
    enough = pairs.compared.denominators.sum(axis=-1) >= SHADOW.minimum_pairs
    return ((signs.alike >= PROOF) & enough).any(axis=1), (signs.above >= PROOF).any(axis=1)


def judged(rate, *, own_rate=0.0, pairs=4000, count, seed=3):
    """Runs of champion and challenger with these divergences."""
    generator = np.random.default_rng(seed)
    challenger = independent_pairs(rate, pairs=pairs, runs=count, generator=generator)
    own = independent_pairs(own_rate, pairs=pairs * SHADOW.repeat_champion / 100, runs=count, generator=generator)
    return ever(challenger, own)


@pytest.mark.parametrize("rate", [0.05, 0.08])
def test_a_divergence_at_or_above_the_limit_passes_at_most_with_alpha(rate, runs, at_most):
    passed, _ = judged(rate, count=runs(200))
    at_most(f"shadow, a true {rate:.0%} passes", passed, nominal=ALPHA)


@pytest.mark.parametrize("rate", [0.0, 0.02, 0.05])
def test_a_divergence_within_the_limit_fails_at_most_with_alpha(rate, runs, at_most):
    _, failed = judged(rate, count=runs(200))
    at_most(f"shadow, a true {rate:.0%} fails", failed, nominal=ALPHA)


@pytest.mark.parametrize(("rate", "power"), [(0.0, 0.99), (0.02, 0.95)])
def test_a_thousand_pairs_are_enough_for_a_challenger_that_seldom_differs(rate, power, runs, measured):
    passed, _ = judged(rate, pairs=1100, count=runs(200))
    measured(f"shadow, a true {rate:.0%} passes within 1,100 pairs: {passed.mean():.4f} >= {power}")
    assert passed.mean() >= power


def test_a_divergence_of_8_percent_fails(runs, measured):
    _, failed = judged(0.08, count=runs(200))
    measured(f"shadow, a true 8% fails within 4,000 pairs: {failed.mean():.4f} >= 0.9")
    assert failed.mean() >= 0.9


@pytest.mark.parametrize("rate", [0.03, 0.08])
def test_a_challenger_as_noisy_as_its_champion_fails_at_most_with_alpha(rate, runs, at_most):
    _, failed = judged(rate, own_rate=rate, count=runs(200))
    at_most(f"shadow, champion and challenger with {rate:.0%}, fails", failed, nominal=ALPHA)


def test_without_the_noise_floor_a_noisy_champion_is_blamed_on_the_challenger(runs, beyond):
    generator = np.random.default_rng(3)
    challenger = independent_pairs(0.08, pairs=4000, runs=runs(200), generator=generator)
    totals = Proportion(*(part.sum(axis=-1) for part in (challenger.different, challenger.compared.denominators)))
    failed = (divergence.log_e_above(totals, limit=0.05) >= PROOF).any(axis=1)
    beyond("shadow, champion and challenger with 8%, floor not asked, fails", failed, nominal=ALPHA)


def repeating(count):
    """Pairs of 500 users who return some 20 times each, alike to themselves, with a true 5 %."""
    population = Population(users=500, rate=0.05, correlation=0.2, requests_per_user=20)
    table = looked_at(population, runs=count, looks=LOOKS, generator=np.random.default_rng(4))
    return pairs_of(table.numerators, table.denominators)


def test_users_that_repeat_pass_a_limit_at_most_with_alpha(runs, at_most):
    pairs = repeating(runs(200))
    own = independent_pairs(0.0, pairs=800, runs=pairs.equal.shape[0], generator=np.random.default_rng(5))
    passed, failed = ever(pairs, own)
    phi = ratios.overdispersion(BucketTable(pairs.different[:, -1], pairs.compared.denominators[:, -1])).values
    assert np.median(phi) > 3  # the users do repeat
    at_most("shadow, users that repeat, a true 5% passes", passed, nominal=ALPHA)
    at_most("shadow, users that repeat, a true 5% fails", failed, nominal=ALPHA)


def test_users_that_repeat_pass_far_more_often_when_pairs_are_taken_as_independent(runs, beyond):
    pairs = repeating(runs(200))
    totals = Proportion(*(part.sum(axis=-1) for part in (pairs.different, pairs.compared.denominators)))
    passed = (divergence.log_e_below(totals, limit=0.05) >= PROOF).any(axis=1)
    beyond("shadow, users that repeat, counts as they are, a true 5% passes", passed, nominal=ALPHA)
