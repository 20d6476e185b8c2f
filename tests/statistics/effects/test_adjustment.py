"""Adjustment by a period before the start: less variance, the same effect, and no more false alarms."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_experiment.statistics.effects import adjustment, means, ratios
from model_experiment.statistics.effects.effect import Effect, Scale
from model_experiment.statistics.not_estimable import NotEstimable
from model_experiment.statistics.summaries.buckets import BucketTable
from model_experiment.statistics.summaries.moments import JointMoments, Moments

BUCKETS, USERS = 100, 50.0
CORRELATION = math.sqrt(0.5)
BOTH_SCALES = [adjustment.difference, adjustment.relative_difference]


def correlated(generator, shape, correlation):
    before = generator.standard_normal(shape)
    return correlation * before + math.sqrt(1 - correlation**2) * generator.standard_normal(shape), before


def tables(*, experiments=(), seed, level=5.0, buckets=BUCKETS):
    """A variant's tables during and before; twice as many users came before the start."""
    during, before = correlated(np.random.default_rng(seed), (*experiments, buckets), CORRELATION)
    users = np.full(during.shape, USERS)
    return BucketTable((level + during) * users, users), BucketTable((5.0 + before) * 2 * users, 2 * users)


def adjusted(old, new, compare=adjustment.difference):
    return compare(champion=old[0], champion_before=old[1], challenger=new[0], challenger_before=new[1])


CHAMPION, CHALLENGER = tables(seed=1), tables(seed=2, level=5.5)


@pytest.mark.parametrize("compare", BOTH_SCALES)
def test_a_correlated_period_before_leaves_one_minus_its_square_of_the_variance(compare):
    many = (2000,)
    found = adjusted(tables(experiments=many, seed=3), tables(experiments=many, seed=4), compare)
    plain = {adjustment.difference: ratios.difference, adjustment.relative_difference: ratios.relative_difference}[
        compare
    ](champion=tables(experiments=many, seed=3)[0], challenger=tables(experiments=many, seed=4)[0])
    assert found.variance_left.values.mean() == pytest.approx(1 - CORRELATION**2, rel=0.03)
    assert found.effects.estimates.var() / plain.estimates.var() == pytest.approx(1 - CORRELATION**2, rel=0.1)
    false_alarms = np.mean(found.effects.log_p_values < math.log(0.05))
    assert 0.035 < false_alarms < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2000)


def test_a_real_effect_is_kept():
    found = adjusted(tables(experiments=(500,), seed=5), tables(experiments=(500,), seed=6, level=5.5))
    assert found.effects.estimates.mean() == pytest.approx(0.5, abs=4 * math.sqrt(2 * 0.5 / BUCKETS / 500))


def test_the_difference_is_that_of_the_formula_computed_bucket_by_bucket():
    influences, befores, corrections, gaps = [], [], [], []
    for during, before in (CHAMPION, CHALLENGER):
        for table, into in ((during, influences), (before, befores)):
            total, value = sum(table.denominators), sum(table.numerators) / sum(table.denominators)
            pairs = zip(table.numerators, table.denominators, strict=True)
            into.append([(x - value * w) / total for x, w in pairs])
        gaps.append(
            (sum(during.numerators) / sum(during.denominators), sum(before.numerators) / sum(before.denominators))
        )
        corrections.append(BUCKETS / (BUCKETS - 1))
    products = [one * other for h, g in zip(influences, befores, strict=True) for one, other in zip(h, g, strict=True)]
    theta = sum(products) / sum(one**2 for g in befores for one in g)
    variances = [
        correction * sum((one - theta * other) ** 2 for one, other in zip(h, g, strict=True))
        for correction, h, g in zip(corrections, influences, befores, strict=True)
    ]
    freedom = sum(variances) ** 2 / sum(one**2 / (BUCKETS - 1) for one in variances)
    before = sum(BUCKETS / (BUCKETS - 1) * one**2 for g in befores for one in g)
    apart = (gaps[1][1] - gaps[0][1]) ** 2 / before
    variance = sum(variances) * freedom / (freedom - 1) * (1 + apart / freedom)
    found = adjusted(CHAMPION, CHALLENGER)
    effect = found.effects.single
    assert float(found.theta) == pytest.approx(theta, rel=1e-9)
    assert effect.estimate == pytest.approx(gaps[1][0] - gaps[0][0] - theta * (gaps[1][1] - gaps[0][1]), rel=1e-9)
    assert effect.standard_error == pytest.approx(math.sqrt(variance), rel=1e-9)
    assert effect.degrees_of_freedom == pytest.approx(freedom - 1, rel=1e-9)
    plain = ratios.difference(champion=CHAMPION[0], challenger=CHALLENGER[0]).single
    assert found.variance_left.single == pytest.approx(variance / plain.standard_error**2, rel=1e-9)


def test_theta_is_the_slope_that_leaves_the_least_variance():
    theta = float(adjusted(CHAMPION, CHALLENGER).theta)

    def variance(theta):
        shifted = [
            (during.numerators - theta * before.numerators / 2, during.denominators)
            for during, before in (CHAMPION, CHALLENGER)
        ]
        return sum(np.square(x - x.sum() / w.sum() * w).sum() / w.sum() ** 2 for x, w in shifted)

    assert variance(theta) < min(variance(theta + 0.01), variance(theta - 0.01))


def test_more_data_before_the_start_of_the_same_ratio_changes_nothing():
    longer = [
        (during, BucketTable(7 * before.numerators, 7 * before.denominators))
        for during, before in (CHAMPION, CHALLENGER)
    ]
    found, expected = adjusted(*longer).effects.single, adjusted(CHAMPION, CHALLENGER).effects.single
    assert found.estimate == pytest.approx(expected.estimate, rel=1e-9)
    assert found.standard_error == pytest.approx(expected.standard_error, rel=1e-9)


def test_the_relative_effect_is_on_the_log_scale_with_influences_over_the_ratio():
    found = adjusted(CHAMPION, CHALLENGER, adjustment.relative_difference)
    slope_of = {}
    for name, (during, before) in (("old", CHAMPION), ("new", CHALLENGER)):
        value, value_before = (table.numerators.sum() / table.denominators.sum() for table in (during, before))
        h = (during.numerators - value * during.denominators) / during.denominators.sum() / value
        g = (before.numerators - value_before * before.denominators) / before.denominators.sum()
        slope_of[name] = (value, value_before, h, g)
    old, new = slope_of["old"], slope_of["new"]
    theta = (old[2] @ old[3] + new[2] @ new[3]) / (old[3] @ old[3] + new[3] @ new[3])
    expected = math.log(new[0] / old[0]) - theta * (new[1] - old[1])
    assert found.effects.single.scale is Scale.LOG_RATIO
    assert found.effects.single.estimate == pytest.approx(expected, rel=1e-9)
    variance = sum(BUCKETS / (BUCKETS - 1) * np.square(h - theta * g).sum() for _, _, h, g in (old, new))
    apart = (new[1] - old[1]) ** 2 / sum(BUCKETS / (BUCKETS - 1) * (g @ g) for _, _, _, g in (old, new))
    freedom = found.effects.single.degrees_of_freedom + 1
    cost = freedom / (freedom - 1) * (1 + apart / freedom)
    assert found.effects.single.standard_error == pytest.approx(math.sqrt(variance * cost), rel=1e-9)


def drawn(seed):
    """Any two variants, with any pattern of users over the buckets."""
    totals, users = np.random.default_rng(seed).integers(1, 60, size=(2, 2, 2, BUCKETS))
    return tuple(
        tuple(BucketTable(*pair) for pair in zip(*variant, strict=True)) for variant in zip(totals, users, strict=True)
    )


seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=50)
@given(seeds)
def test_swapping_the_variants_mirrors_the_effect_and_its_interval(seed):
    old, new = drawn(seed)
    for compare in BOTH_SCALES:
        forth, back = adjusted(old, new, compare), adjusted(new, old, compare)
        assert float(back.theta) == pytest.approx(float(forth.theta), rel=1e-9, abs=1e-12)
        assert back.variance_left.single == pytest.approx(forth.variance_left.single, rel=1e-9)
        ends, mirrored = forth.effects.single.interval(2.0), back.effects.single.interval(2.0)
        if compare is adjustment.difference:
            expected = (-mirrored.high, -mirrored.low)
        else:
            expected = (1 / (1 + mirrored.high) - 1, 1 / (1 + mirrored.low) - 1)
        assert (ends.low, ends.high) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=50)
@given(seeds)
def test_an_adjustment_adds_no_more_variance_than_estimating_theta_costs(seed):
    champion, challenger = drawn(seed)
    found = adjusted(champion, challenger)
    freedom = found.effects.single.degrees_of_freedom + 1
    before = ratios.difference(champion=champion[1], challenger=challenger[1]).single
    cost = freedom / (freedom - 1) * (1 + (before.estimate / before.standard_error) ** 2 / freedom)
    assert 0 < found.variance_left.single <= cost * (1 + 1e-9)


FLAT_BEFORE = BucketTable(np.full(BUCKETS, 0.1 * 7), np.full(BUCKETS, 7.0))
NOBODY = BucketTable(np.zeros(BUCKETS), np.zeros(BUCKETS))
NOTHING = BucketTable(np.zeros(BUCKETS), np.full(BUCKETS, 7.0))


@pytest.mark.parametrize(
    ("compare", "plain"),
    [
        pytest.param(adjustment.difference, ratios.difference, id="difference"),
        pytest.param(adjustment.relative_difference, ratios.relative_difference, id="relative"),
    ],
)
@pytest.mark.parametrize(
    "before", [pytest.param(FLAT_BEFORE, id="all alike before"), pytest.param(NOTHING, id="nothing happened before")]
)
def test_without_variation_before_the_start_the_estimate_stands_as_it_is(compare, plain, before):
    found = adjusted((CHAMPION[0], before), (CHALLENGER[0], before), compare)
    expected = plain(champion=CHAMPION[0], challenger=CHALLENGER[0]).single
    assert found.effects.single.estimate == expected.estimate
    assert found.effects.single.standard_error == pytest.approx(expected.standard_error, rel=1e-12)
    assert found.variance_left.single == pytest.approx(1)
    assert found.theta == 0


def few(count, seed):
    return tables(seed=seed, buckets=count)


@pytest.mark.parametrize(
    ("compare", "old", "new", "reason"),
    [
        *(
            pytest.param(compare, old, new, reason, id=f"{name}, {compare.__name__}")
            for compare in BOTH_SCALES
            for old, new, reason, name in [
                (
                    (NOBODY, CHAMPION[1]),
                    CHALLENGER,
                    "the champion has data in 0 of 100 buckets, at least 20 are needed",
                    "nobody met the champion",
                ),
                (
                    CHAMPION,
                    (CHALLENGER[0], NOBODY),
                    "before the start the challenger has data in 0 of 100 buckets, at least 20 are needed",
                    "nothing is known of before",
                ),
                (
                    few(49, 7),
                    few(50, 8),
                    "both variants together have 99 non-empty buckets, an adjustment needs 100",
                    "99 buckets",
                ),
                (
                    (CHAMPION[0], CHAMPION[0]),
                    (CHALLENGER[0], CHALLENGER[0]),
                    "what was before the start explains all that varies, so there is no error to measure with",
                    "before says all",
                ),
            ]
            if not (compare is adjustment.relative_difference and name == "before says all")
        ),
        pytest.param(
            adjustment.relative_difference,
            (NOTHING, CHAMPION[1]),
            CHALLENGER,
            "the champion's ratio must be 4 standard errors above 0, found 0 with standard error 0",
            id="nothing bought from the champion",
        ),
        pytest.param(
            adjustment.difference,
            (NOTHING, CHAMPION[1]),
            (NOTHING, CHALLENGER[1]),
            "no bucket of the champion differs from its mean, so there is no error to measure with",
            id="nothing bought at all",
        ),
    ],
)
def test_there_is_no_effect_but_a_reason(compare, old, new, reason):
    found = adjusted(old, new, compare)
    assert found.effects.single == NotEstimable(reason)
    assert found.variance_left.single == NotEstimable(reason)
    assert np.isnan(found.theta)


def test_a_hundred_buckets_together_are_enough():
    assert isinstance(adjusted(few(50, 7), few(50, 8)).effects.single, Effect)


@pytest.mark.parametrize("compare", BOTH_SCALES)
def test_many_experiments_at_once_give_what_each_gives_alone(compare):
    lone = [
        (CHAMPION, CHALLENGER),
        (CHALLENGER, CHAMPION),
        ((NOBODY, CHAMPION[1]), CHALLENGER),
        ((CHAMPION[0], NOTHING), (CHALLENGER[0], NOTHING)),
    ]
    stacked = [
        BucketTable(
            *(np.stack([getattr(one[side][period], name) for one in lone]) for name in ("numerators", "denominators"))
        )
        for side in (0, 1)
        for period in (0, 1)
    ]
    together = adjusted(stacked[:2], stacked[2:], compare)
    for number, (old, new) in enumerate(lone):
        alone = adjusted(old, new, compare)
        assert together.effects[number] == alone.effects.single
        assert together.variance_left[number] == alone.variance_left.single
        assert together.theta[number] == pytest.approx(float(alone.theta), nan_ok=True)


@pytest.mark.parametrize("compare", BOTH_SCALES)
def test_a_period_with_other_buckets_is_refused(compare):
    with pytest.raises(ValueError, match=r"the champion must have the same buckets in both periods, found shapes"):
        adjusted((CHAMPION[0], few(50, 7)[1]), CHALLENGER, compare)


def users(count, *, seed, level=5.0):
    during, before = correlated(np.random.default_rng(seed), count, CORRELATION)
    return level + during, 5.0 + before


OLD, NEW = users(4000, seed=9), users(3000, seed=10, level=5.5)
OLD_MOMENTS, NEW_MOMENTS = JointMoments.of(*OLD), JointMoments.of(*NEW)


def test_the_theta_of_users_is_the_slope_through_all_of_them():
    found = adjustment.theta_of_users(champion=OLD_MOMENTS, challenger=NEW_MOMENTS)
    during, before = (np.concatenate(parts) for parts in zip(OLD, NEW, strict=True))
    assert float(found) == pytest.approx(np.polyfit(before, during, 1)[0], rel=1e-9)


@pytest.mark.parametrize(
    ("compare", "plain"),
    [
        pytest.param(adjustment.mean_difference, means.difference, id="difference"),
        pytest.param(adjustment.relative_mean_difference, means.relative_difference, id="relative"),
    ],
)
def test_the_adjusted_means_are_those_of_the_adjusted_users(compare, plain):
    found = compare(champion=OLD_MOMENTS, challenger=NEW_MOMENTS)
    theta, middle = float(found.theta), np.concatenate([OLD[1], NEW[1]]).mean()
    old, new = (Moments.of(during - theta * (before - middle)) for during, before in (OLD, NEW))
    expected = plain(champion=old, challenger=new).single
    assert found.effects.single.estimate == pytest.approx(expected.estimate, rel=1e-9)
    assert found.effects.single.standard_error == pytest.approx(expected.standard_error, rel=1e-9)
    assert found.effects.single.scale is expected.scale
    assert found.variance_left.single == pytest.approx(1 - CORRELATION**2, rel=0.05)


@pytest.mark.parametrize("compare", [adjustment.mean_difference, adjustment.relative_mean_difference])
def test_users_without_variation_before_the_start_are_compared_as_they_are(compare):
    old, new = (JointMoments.of(during, np.full_like(during, 0.1)) for during, _ in (OLD, NEW))
    found = compare(champion=old, challenger=new)
    plain = means.difference if compare is adjustment.mean_difference else means.relative_difference
    expected = plain(champion=old.first, challenger=new.first).single
    assert found.theta == 0
    assert found.variance_left.single == 1
    assert found.effects.single.estimate == pytest.approx(expected.estimate, rel=1e-12)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        pytest.param(
            JointMoments.of(*users(49, seed=1)),
            JointMoments.of(*users(50, seed=2)),
            "both variants together have 99 users, an adjustment needs 100",
            id="99 users",
        ),
        pytest.param(
            JointMoments.of([], []),
            NEW_MOMENTS,
            "the champion has 0 of the 2 users that it takes to measure how users differ",
            id="nobody met the champion",
        ),
        pytest.param(
            JointMoments.of(OLD[1], OLD[1]),
            JointMoments.of(NEW[1], NEW[1]),
            "the estimate 0 has a standard error of 0, so there is nothing to judge it by",
            id="users do as before",
        ),
    ],
)
def test_there_is_no_effect_of_users_but_a_reason(old, new, reason):
    found = adjustment.mean_difference(champion=old, challenger=new)
    assert found.effects.single == NotEstimable(reason)
    assert found.variance_left.single == NotEstimable(reason)


def test_many_experiments_of_users_at_once_give_what_each_gives_alone():
    (y, x), (v, u) = (
        np.array([one, two]).transpose(1, 0, 2)
        for one, two in zip(
            (users(200, seed=1), users(300, seed=2)), (users(200, seed=3), users(300, seed=4)), strict=True
        )
    )
    together = adjustment.mean_difference(champion=JointMoments.of(y, x), challenger=JointMoments.of(v, u))
    for number in range(2):
        alone = adjustment.mean_difference(
            champion=JointMoments.of(y[number], x[number]), challenger=JointMoments.of(v[number], u[number])
        )
        assert together.effects[number] == alone.effects.single
        assert together.variance_left[number] == alone.variance_left.single
