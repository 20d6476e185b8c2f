"""Ratios of users' totals: the textbook formula, symmetry, and no number where there is none."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from model_experiment.statistics.effects import ratios
from model_experiment.statistics.effects.effect import Effect, Scale
from model_experiment.statistics.not_estimable import NotEstimable
from model_experiment.statistics.summaries.buckets import BucketTable

BUCKETS = 100


def table(rate, users, *, seed, spread=0.0):
    """Buckets of about ``users`` users in all; each bucket's own rate varies by ``spread``."""
    generator = np.random.default_rng(seed)
    exposed = generator.multinomial(users, np.full(BUCKETS, 1 / BUCKETS))
    rates = np.clip(rate * (1 + spread * generator.standard_normal(BUCKETS)), 0, 1)
    return BucketTable(generator.binomial(exposed, rates), exposed)


CHAMPION, CHALLENGER = table(0.20, 9000, seed=1), table(0.22, 8000, seed=2)

tables = st.builds(
    lambda exposed, shares: BucketTable(np.floor(exposed * shares), exposed),
    arrays.arrays(np.float64, BUCKETS, elements=st.integers(20, 200).map(float)),
    arrays.arrays(np.float64, BUCKETS, elements=st.floats(0.2, 0.9)),
)


def test_the_difference_is_that_of_the_formula_computed_bucket_by_bucket():
    variances, values = [], []
    for one in (CHAMPION, CHALLENGER):
        value = sum(one.numerators) / sum(one.denominators)
        squares = sum((x - value * w) ** 2 for x, w in zip(one.numerators, one.denominators, strict=True))
        variances.append(BUCKETS / (BUCKETS - 1) * squares / sum(one.denominators) ** 2)
        values.append(value)
    effect = ratios.difference(champion=CHAMPION, challenger=CHALLENGER).single
    assert effect.estimate == pytest.approx(values[1] - values[0], rel=1e-12)
    assert effect.standard_error == pytest.approx(math.sqrt(sum(variances)), rel=1e-12)
    freedom = sum(variances) ** 2 / sum(variance**2 / (BUCKETS - 1) for variance in variances)
    assert effect.degrees_of_freedom == pytest.approx(freedom, rel=1e-12)

    relative = ratios.relative_difference(champion=CHAMPION, challenger=CHALLENGER).single
    parts = [variance / value**2 for variance, value in zip(variances, values, strict=True)]
    assert relative.value == pytest.approx(values[1] / values[0] - 1, rel=1e-12)
    assert relative.standard_error == pytest.approx(math.sqrt(sum(parts)), rel=1e-12)
    assert relative.scale is Scale.LOG_RATIO


def test_a_small_share_of_users_alone_decides_how_well_the_error_is_known():
    even = ratios.difference(champion=CHAMPION, challenger=CHALLENGER).single
    uneven = ratios.difference(champion=table(0.2, 900_000, seed=1), challenger=CHALLENGER).single
    assert even.degrees_of_freedom == pytest.approx(198, rel=0.1)
    assert uneven.degrees_of_freedom == pytest.approx(99, rel=0.05)


def test_for_independent_users_the_error_is_near_the_binomial_one():
    effect = ratios.difference(champion=table(0.2, 500_000, seed=3), challenger=table(0.2, 500_000, seed=4)).single
    assert effect.standard_error == pytest.approx(math.sqrt(2 * 0.2 * 0.8 / 500_000), rel=0.2)


@settings(max_examples=50)
@given(tables, tables)
def test_swapping_the_variants_mirrors_the_effect_and_its_interval(one, other):
    for compare in (ratios.difference, ratios.relative_difference):
        forth, back = (compare(champion=old, challenger=new).single for old, new in ((one, other), (other, one)))
        if isinstance(forth, NotEstimable):
            assert isinstance(back, NotEstimable)
            continue
        assert back.estimate == pytest.approx(-forth.estimate, abs=1e-12)
        assert back.z == pytest.approx(-forth.z, abs=1e-9)
        low, high = forth.interval(2.0).low, forth.interval(2.0).high
        mirrored = (-high, -low) if forth.scale is Scale.DIFFERENCE else (1 / (1 + high) - 1, 1 / (1 + low) - 1)
        assert (back.interval(2.0).low, back.interval(2.0).high) == pytest.approx(mirrored, abs=1e-9)


@settings(max_examples=50)
@given(tables, st.permutations(range(BUCKETS)))
def test_the_order_of_buckets_does_not_matter(one, order):
    shuffled = BucketTable(one.numerators[order], one.denominators[order])
    assert ratios.estimate(shuffled).variances == pytest.approx(ratios.estimate(one).variances, rel=1e-9, abs=1e-18)


def test_empty_buckets_change_nothing():
    padded = BucketTable(np.append(CHAMPION.numerators, [0] * 50), np.append(CHAMPION.denominators, [0] * 50))
    found, expected = ratios.level(padded).single, ratios.level(CHAMPION).single
    assert found == expected


@pytest.mark.parametrize("compare", [ratios.difference, ratios.relative_difference])
def test_many_experiments_at_once_give_what_each_gives_alone(compare):
    lone = [(CHAMPION, CHALLENGER), (CHALLENGER, CHAMPION), (FEW, CHAMPION), (NOTHING_BOUGHT, CHALLENGER)]
    old, new = (
        BucketTable(np.stack([one.numerators for one in side]), np.stack([one.denominators for one in side]))
        for side in zip(*lone, strict=True)
    )
    together = compare(champion=old, challenger=new)
    for number, (champion, challenger) in enumerate(lone):
        assert together[number] == compare(champion=champion, challenger=challenger).single
    assert together.estimable.tolist() == [isinstance(together[number], Effect) for number in range(len(lone))]


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_an_effect_does_not_depend_on_the_unit_of_outcomes(scale):
    scaled = [BucketTable(one.numerators * scale, one.denominators) for one in (CHAMPION, CHALLENGER)]
    effect = ratios.difference(champion=scaled[0], challenger=scaled[1]).single
    assert effect.z == pytest.approx(ratios.difference(champion=CHAMPION, challenger=CHALLENGER).z, rel=1e-9)


def flat(rate):
    """All buckets alike, with numbers that binary fractions cannot hold."""
    return BucketTable(np.full(BUCKETS, 7.0) * rate, np.full(BUCKETS, 7.0))


NOBODY = BucketTable(np.zeros(BUCKETS), np.zeros(BUCKETS))
FEW = BucketTable([3.0] * 19 + [0.0] * 81, [10.0] * 19 + [0.0] * 81)
NOTHING_BOUGHT = BucketTable(np.zeros(BUCKETS), CHALLENGER.denominators)


@pytest.mark.parametrize(
    ("compare", "champion", "challenger", "reason"),
    [
        pytest.param(
            ratios.difference,
            NOBODY,
            CHALLENGER,
            "the champion has data in 0 of 100 buckets, at least 20 are needed",
            id="nobody met the champion",
        ),
        pytest.param(
            ratios.difference,
            CHAMPION,
            FEW,
            "the challenger has data in 19 of 100 buckets, at least 20 are needed",
            id="the challenger has 19 buckets",
        ),
        pytest.param(
            ratios.difference,
            CHAMPION,
            BucketTable(np.ones(BUCKETS), np.zeros(BUCKETS)),
            "the challenger has no denominator: all 100 of them are 0",
            id="outcomes without users",
        ),
        pytest.param(
            ratios.difference,
            flat(0.1),
            flat(0.3),
            "no bucket of the champion differs from its mean, so there is no error to measure with",
            id="everything is exactly proportional",
        ),
        pytest.param(
            ratios.relative_difference,
            flat(0.1),
            flat(0.3),
            "no bucket of the champion differs from its mean, so there is no error to measure with",
            id="everything is exactly proportional, relatively",
        ),
        pytest.param(
            ratios.difference,
            CHAMPION,
            NOTHING_BOUGHT,
            "no bucket of the challenger differs from its mean, so there is no error to measure with",
            id="nobody bought from the challenger, as if that were known exactly",
        ),
        pytest.param(
            ratios.relative_difference,
            CHAMPION,
            flat(1.0),
            "no bucket of the challenger differs from its mean, so there is no error to measure with",
            id="everybody bought from the challenger",
        ),
        pytest.param(
            ratios.relative_difference,
            CHAMPION,
            NOTHING_BOUGHT,
            "the challenger's ratio must be 4 standard errors above 0, found 0 with standard error 0",
            id="nobody bought from the challenger",
        ),
        pytest.param(
            ratios.relative_difference,
            table(0.001, 9000, seed=8),
            CHALLENGER,
            "the champion's ratio must be 4 standard errors above 0, found 0.0006667 with",
            id="the champion has a handful of events",
        ),
    ],
)
def test_there_is_no_effect_but_a_reason(compare, champion, challenger, reason):
    match compare(champion=champion, challenger=challenger).single:
        case NotEstimable(reason=found):
            assert found.startswith(reason)
        case Effect() as effect:
            pytest.fail(f"estimated {effect}")


def test_a_variant_with_hardly_any_event_is_not_taken_as_known_exactly():
    """No effect, 3 % of users, and 3 expected events in the challenger, which has one user in twenty."""
    random = np.random.default_rng(9)
    users = [random.poisson(mean, (4000, BUCKETS)) for mean in (19, 1)]
    old, new = (BucketTable(random.binomial(exposed, 0.03), exposed) for exposed in users)
    log_p = ratios.difference(champion=old, challenger=new).log_p_values
    assert (log_p < math.log(0.001)).mean() < 0.001 + 3 * math.sqrt(0.001 / 4000)


def test_independent_requests_are_not_overdispersed():
    phi = ratios.overdispersion(table(0.05, 200_000, seed=5), table(0.05, 200_000, seed=6)).single
    assert 1 <= phi < 1.4


def test_users_that_differ_are_overdispersed_by_the_formula():
    one = table(0.05, 200_000, seed=5, spread=0.5)
    ratio = one.numerators.sum() / one.denominators.sum()
    squares = np.square(one.numerators - ratio * one.denominators).sum()
    phi = BUCKETS / (BUCKETS - 1) * squares / (one.denominators.sum() * ratio * (1 - ratio))
    assert ratios.overdispersion(one).single == pytest.approx(phi, rel=1e-12)
    assert phi > 10


def test_the_worse_variant_decides_the_overdispersion():
    even, uneven = table(0.05, 200_000, seed=5), table(0.05, 200_000, seed=5, spread=0.5)
    assert ratios.overdispersion(even, uneven).single == ratios.overdispersion(uneven).single


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(NOTHING_BOUGHT, id="no event at all"),
        pytest.param(BucketTable(np.full(BUCKETS, 5.0), np.full(BUCKETS, 5.0)), id="nothing but events"),
    ],
)
def test_what_never_varies_is_not_overdispersed(one):
    assert ratios.overdispersion(one).single == 1.0


def test_a_variant_with_few_buckets_leaves_overdispersion_to_the_other():
    uneven = table(0.05, 200_000, seed=5, spread=0.5)
    assert ratios.overdispersion(uneven, FEW).single == ratios.overdispersion(uneven).single
    assert ratios.overdispersion(FEW).single == NotEstimable(
        "no variant has data in 20 buckets, so clustering cannot be measured"
    )


@pytest.mark.parametrize("unit", [1e-80, 1e-12, 1e12, 1e80])
def test_the_unit_of_a_metric_does_not_change_its_degrees_of_freedom(unit):
    variances, freedoms = (np.array(1.0), np.array(3.0)), (np.array(99.0), np.array(49.0))
    scaled = variances[0] * unit**2, variances[1] * unit**2
    assert ratios.welch(scaled, freedoms) == pytest.approx(16 / (1 / 99 + 9 / 49), rel=1e-12)
