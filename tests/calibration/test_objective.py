"""False alarms of the primary objective when nothing differs, and the coverage of its interval.

Users are sticky and looked at while they come: 14 times with group-sequential bounds, 1,000 times with the interval
that holds at any moment.
"""

import numpy as np
import pytest

from given.sticky_users import Population, looked_at
from model_experiment.statistics.effects import ratios
from model_experiment.statistics.sequential import group_sequential
from model_experiment.statistics.sequential.normal_mixture import NormalMixture

pytestmark = pytest.mark.slow

LOOKS, OFTEN, ALPHA, AT_ONCE = 14, 1000, 0.05, 500
BOUNDS = np.array([look.bound for look in group_sequential.planned_looks(LOOKS, alpha=ALPHA)])
CORRELATIONS = [0.05, 0.2]


def pairs_of_variants(correlation, *, runs, looks, at_once, users=2000):
    """Tables of both variants in portions of runs, so that they fit into memory."""
    population = Population(users=users, rate=0.1, correlation=correlation, requests_per_user=20)
    generator = np.random.default_rng(20)
    for _ in range(runs // at_once):
        yield tuple(looked_at(population, runs=at_once, looks=looks, generator=generator) for _ in range(2))


def z_of(compare, champion, challenger):
    """Z at each look; a look without an effect passes no bound."""
    effects = compare(champion=champion, challenger=challenger)
    return np.where(effects.estimable, effects.z, 0.0)


def z_of_requests(champion, challenger):
    """What the library has no way to give: the error as if a user's requests were independent."""
    (x, n), (y, m) = ((one.numerators.sum(axis=-1), one.denominators.sum(axis=-1)) for one in (champion, challenger))
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = (x + y) / (n + m)
        z = (y / m - x / n) / np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return np.nan_to_num(z, posinf=0, neginf=0)


def requests(champion, challenger):
    """Requests of both variants at each look."""
    return champion.denominators.sum(axis=-1) + challenger.denominators.sum(axis=-1)


@pytest.fixture(scope="module", params=CORRELATIONS, ids=lambda value: f"correlation {value}")
def fourteen_looks(request, runs):
    """Z at each of 14 looks, by user buckets on both scales and by requests."""
    found = {"difference": [], "relative": [], "requests": []}
    for champion, challenger in pairs_of_variants(request.param, runs=runs(2000), looks=LOOKS, at_once=AT_ONCE):
        found["difference"].append(z_of(ratios.difference, champion, challenger))
        found["relative"].append(z_of(ratios.relative_difference, champion, challenger))
        found["requests"].append(z_of_requests(champion, challenger))
    return request.param, {name: np.concatenate(parts) for name, parts in found.items()}


@pytest.mark.parametrize("scale", ["difference", "relative"])
def test_fourteen_looks_at_user_buckets_reject_at_most_alpha(fourteen_looks, scale, at_most):
    correlation, found = fourteen_looks
    rejected = (np.abs(found[scale]) > BOUNDS).any(axis=1)
    at_most(f"correlation {correlation}, 14 looks, {scale}", rejected, nominal=ALPHA)


def test_fourteen_looks_at_independent_requests_would_reject_far_more(fourteen_looks, beyond):
    correlation, found = fourteen_looks
    rejected = (np.abs(found["requests"]) > BOUNDS).any(axis=1)
    beyond(f"correlation {correlation}, 14 looks, requests as if independent", rejected, nominal=ALPHA)


@pytest.mark.parametrize("compare", [ratios.difference, ratios.relative_difference])
def test_the_interval_at_the_planned_end_covers_no_effect_in_95_of_100_runs(compare, runs, measured):
    covered = []
    for champion, challenger in pairs_of_variants(0.05, runs=runs(5000), looks=1, at_once=AT_ONCE):
        limits = compare(champion=champion, challenger=challenger).interval(1.959964)
        covered.append((limits.low <= 0) & (limits.high >= 0))
    share = np.mean(covered)
    measured(f"coverage of 95 %, {compare.__name__}: {share:.4f} within 0.01 ({runs(5000)} runs)")
    assert share == pytest.approx(0.95, abs=0.01)


@pytest.fixture(scope="module", params=CORRELATIONS, ids=lambda value: f"correlation {value}")
def thousand_looks(request, runs):
    """Z by user buckets and by requests at each of 1,000 looks, and the multiplier of the anytime interval."""
    found = {"difference": [], "requests": [], "multiplier": []}
    for champion, challenger in pairs_of_variants(request.param, runs=runs(400), looks=OFTEN, at_once=20):
        size = requests(champion, challenger)
        mixture = NormalMixture.tuned_at(2 * 2000 * 20, alpha=ALPHA)
        found["difference"].append(z_of(ratios.difference, champion, challenger))
        found["requests"].append(z_of_requests(champion, challenger))
        found["multiplier"].append(mixture.multiplier(np.maximum(size, 1), alpha=ALPHA))
    return request.param, {name: np.concatenate(parts) for name, parts in found.items()}


def test_a_thousand_looks_at_user_buckets_reject_at_most_alpha(thousand_looks, at_most):
    correlation, found = thousand_looks
    rejected = (np.abs(found["difference"]) > found["multiplier"]).any(axis=1)
    at_most(f"correlation {correlation}, 1,000 looks, anytime", rejected, nominal=ALPHA)


def test_a_thousand_looks_at_independent_requests_would_reject_far_more(thousand_looks, beyond):
    correlation, found = thousand_looks
    rejected = (np.abs(found["requests"]) > found["multiplier"]).any(axis=1)
    beyond(f"correlation {correlation}, 1,000 looks, requests as if independent", rejected, nominal=ALPHA)
