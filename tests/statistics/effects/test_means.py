"""Differences of means and of ratios: what scipy says, symmetry, and no number where there is none."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from model_experiment.statistics import tails
from model_experiment.statistics.effects import means
from model_experiment.statistics.effects.effect import Effect, Scale
from model_experiment.statistics.not_estimable import NotEstimable
from model_experiment.statistics.summaries.moments import JointMoments, Moments

GENERATOR = np.random.default_rng(1)
BEFORE, NOW = GENERATOR.gamma(2.0, 3.0, size=40), GENERATOR.gamma(4.0, 2.0, size=25)
CHAMPION, CHALLENGER = Moments.of(BEFORE), Moments.of(NOW)

samples = arrays.arrays(np.float64, st.integers(2, 30), elements=st.integers(0, 50).map(float))


def joint(users, *, seed, rate=0.3):
    """Clicks of requests, for users who differ in both."""
    generator = np.random.default_rng(seed)
    requests = generator.poisson(generator.gamma(4.0, 2.0, size=users)) + 1
    return generator.binomial(requests, generator.beta(3 * rate, 3 * (1 - rate), size=users)), requests


OLD_CLICKS, NEW_CLICKS = joint(400, seed=2), joint(300, seed=3, rate=0.4)
OLD_RATIO, NEW_RATIO = JointMoments.of(*OLD_CLICKS), JointMoments.of(*NEW_CLICKS)

ALL = [
    pytest.param(means.difference, CHAMPION, CHALLENGER, id="Welch"),
    pytest.param(means.pooled_difference, CHAMPION, CHALLENGER, id="pooled"),
    pytest.param(means.relative_difference, CHAMPION, CHALLENGER, id="relative"),
    pytest.param(means.ratio_difference, OLD_RATIO, NEW_RATIO, id="ratio"),
    pytest.param(means.relative_ratio_difference, OLD_RATIO, NEW_RATIO, id="relative ratio"),
]


@pytest.mark.parametrize(
    ("compare", "alike"),
    [
        pytest.param(means.difference, False, id="Welch"),
        pytest.param(means.pooled_difference, True, id="pooled"),
    ],
)
def test_the_t_test_is_that_of_scipy(compare, alike):
    effect, oracle = (
        compare(champion=CHAMPION, challenger=CHALLENGER).single,
        stats.ttest_ind(NOW, BEFORE, equal_var=alike),
    )
    assert effect.estimate / effect.standard_error == pytest.approx(oracle.statistic, rel=1e-12)
    assert effect.degrees_of_freedom == pytest.approx(oracle.df, rel=1e-12)
    assert effect.p_value == pytest.approx(oracle.pvalue, rel=1e-9)
    one_sided = stats.ttest_ind(NOW, BEFORE, equal_var=alike, alternative="greater")
    assert effect.p_value_of_increase == pytest.approx(one_sided.pvalue, rel=1e-9)
    interval, expected = effect.interval(tails.normal_quantile(0.025)), oracle.confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), rel=1e-9)
    low = effect.interval(tails.normal_quantile(0.05)).low
    assert low == pytest.approx(one_sided.confidence_interval(0.95).low, rel=1e-9)


def test_the_relative_error_is_that_of_the_delta_method_by_numerical_derivatives():
    effect = means.relative_difference(champion=CHAMPION, challenger=CHALLENGER).single
    old, new, step = float(CHAMPION.means), float(CHALLENGER.means), 1e-5
    slopes = [
        (new / (old + step) - new / (old - step)) / (2 * step),
        ((new + step) / old - (new - step) / old) / (2 * step),
    ]
    errors = [np.var(values, ddof=1) / values.size for values in (BEFORE, NOW)]
    variance = sum(slope**2 * error for slope, error in zip(slopes, errors, strict=True))
    assert effect.value == pytest.approx(new / old - 1, rel=1e-12)
    assert effect.standard_error == pytest.approx(math.sqrt(variance), rel=1e-8)
    assert effect.scale is Scale.RELATIVE
    assert (
        effect.degrees_of_freedom == means.difference(champion=CHAMPION, challenger=CHALLENGER)[()].degrees_of_freedom
    )


def test_the_ratio_is_that_of_the_sums_with_the_variance_of_the_delta_method():
    effect = means.ratio_difference(champion=OLD_RATIO, challenger=NEW_RATIO).single
    ratios, variances = [], []
    for clicks, requests in (OLD_CLICKS, NEW_CLICKS):
        covariance, ratio = np.cov(clicks, requests), clicks.sum() / requests.sum()
        slopes = np.array([1, -ratio]) / requests.mean()
        variances.append(slopes @ covariance @ slopes / requests.size)
        ratios.append(ratio)
    assert effect.value == pytest.approx(ratios[1] - ratios[0], rel=1e-12)
    assert effect.standard_error == pytest.approx(math.sqrt(sum(variances)), rel=1e-12)
    relative = means.relative_ratio_difference(champion=OLD_RATIO, challenger=NEW_RATIO).single
    assert relative.value == pytest.approx(ratios[1] / ratios[0] - 1, rel=1e-12)
    expected = variances[1] / ratios[0] ** 2 + variances[0] * ratios[1] ** 2 / ratios[0] ** 4
    assert relative.standard_error == pytest.approx(math.sqrt(expected), rel=1e-12)


def test_a_ratio_to_one_for_everybody_is_the_mean():
    old, new = (JointMoments.of(values, np.ones_like(values)) for values in (BEFORE, NOW))
    for of_ratio, of_mean in (
        (means.ratio_difference, means.difference),
        (means.relative_ratio_difference, means.relative_difference),
    ):
        found = of_ratio(champion=old, challenger=new).single
        expected = of_mean(champion=CHAMPION, challenger=CHALLENGER).single
        assert found.estimate == pytest.approx(expected.estimate, rel=1e-12)
        assert found.standard_error == pytest.approx(expected.standard_error, rel=1e-12)
        assert found.degrees_of_freedom == pytest.approx(expected.degrees_of_freedom, rel=1e-12)


@settings(max_examples=50)
@given(samples, samples)
def test_swapping_the_variants_mirrors_the_effect_and_its_interval(one, other):
    for compare in (means.difference, means.pooled_difference):
        forth, back = (
            compare(champion=Moments.of(old), challenger=Moments.of(new)).single
            for old, new in ((one, other), (other, one))
        )
        if isinstance(forth, NotEstimable):
            assert isinstance(back, NotEstimable)
            continue
        mirrored = (-back.interval(2.0).high, -back.interval(2.0).low)
        assert (forth.interval(2.0).low, forth.interval(2.0).high) == pytest.approx(mirrored, rel=1e-9, abs=1e-9)
        assert forth.degrees_of_freedom == pytest.approx(back.degrees_of_freedom, rel=1e-9)


@settings(max_examples=50)
@given(samples, samples)
def test_welch_has_between_the_freedom_of_the_smaller_variant_and_that_of_both(one, other):
    effect = means.difference(champion=Moments.of(one), challenger=Moments.of(other)).single
    if isinstance(effect, Effect):
        least, most = min(one.size, other.size) - 1, one.size + other.size - 2
        assert least * (1 - 1e-12) <= effect.degrees_of_freedom <= most * (1 + 1e-12)


@settings(max_examples=50)
@given(samples, samples, st.floats(0.001, 0.1), st.floats(1.1, 9.0))
def test_a_smaller_alpha_gives_a_wider_interval(one, other, alpha, times):
    effect = means.difference(champion=Moments.of(one), challenger=Moments.of(other)).single
    if isinstance(effect, Effect):
        wide, narrow = (effect.interval(tails.normal_quantile(level / 2)) for level in (alpha, alpha * times))
        assert wide.low < narrow.low
        assert narrow.high < wide.high


@pytest.mark.parametrize(("compare", "champion", "challenger"), ALL)
@pytest.mark.parametrize("unit", [1e-50, 1e-6, 1e9, 1e50])
def test_z_does_not_depend_on_the_unit_of_the_values(compare, champion, challenger, unit):
    def in_unit(one):
        match one:
            case Moments():
                return Moments(n=one.n, means=one.means * unit, squares=one.squares * unit**2)
            case JointMoments():
                return JointMoments(first=in_unit(one.first), second=one.second, products=one.products * unit)

    found = compare(champion=in_unit(champion), challenger=in_unit(challenger)).z
    assert found == pytest.approx(compare(champion=champion, challenger=challenger).z, rel=1e-9)


def test_a_billion_users_at_one_to_ninety_nine_are_compared_exactly():
    old = Moments.from_sums(990_000_000, total=495_000_000, squares=495_000_000)
    new = Moments.from_sums(10_000_000, total=5_030_000, squares=5_030_000)
    effect = means.difference(champion=old, challenger=new).single
    assert effect.value == pytest.approx(0.003, rel=1e-9)
    assert effect.standard_error == pytest.approx(math.sqrt(0.25 / 990e6 + 0.249991 / 10e6), rel=1e-7)
    normal = math.log(2) + stats.norm.logsf(effect.estimate / effect.standard_error)
    assert effect.log_p_value == pytest.approx(normal, rel=1e-4)


def test_one_variant_without_variation_still_has_a_difference():
    effect = means.difference(champion=Moments.of([0.0] * 30), challenger=CHALLENGER).single
    assert effect.standard_error == pytest.approx(stats.sem(NOW), rel=1e-12)
    assert effect.degrees_of_freedom == pytest.approx(24)


NOBODY, LONE, FLAT = Moments.of([]), Moments.of([3.0]), Moments.of([0.1] * 9)
NO_REQUESTS = JointMoments.of([1.0, 2.0, 4.0], [0.0, 0.0, 0.0])
FEW_REQUESTS = JointMoments.of([1.0, 2.0, 4.0], [0.0, 0.0, 3.0])
CONSTANT_RATIO = JointMoments.of([0.1, 0.3, 0.7] * 20, [1.0, 3.0, 7.0] * 20)


@pytest.mark.parametrize("compare", [means.difference, means.pooled_difference, means.relative_difference])
@pytest.mark.parametrize(
    ("champion", "challenger", "reason"),
    [
        pytest.param(
            NOBODY,
            CHALLENGER,
            "the champion has 0 of the 2 users that it takes to measure how users differ",
            id="nobody met the champion",
        ),
        pytest.param(
            CHAMPION,
            LONE,
            "the challenger has 1 of the 2 users that it takes to measure how users differ",
            id="one user met the challenger",
        ),
    ],
)
def test_too_few_users_have_no_effect_but_a_reason(compare, champion, challenger, reason):
    assert compare(champion=champion, challenger=challenger).single == NotEstimable(reason)


@pytest.mark.parametrize(
    ("compare", "champion", "challenger", "reason"),
    [
        pytest.param(
            means.difference,
            FLAT,
            Moments.of([0.3] * 9),
            "the estimate 0.2 has a standard error of 0, so there is nothing to judge it by",
            id="nobody differs",
        ),
        pytest.param(
            means.pooled_difference,
            FLAT,
            Moments.of([0.3] * 9),
            "the estimate 0.2 has a standard error of 0, so there is nothing to judge it by",
            id="nobody differs, pooled",
        ),
        pytest.param(
            means.relative_difference,
            CHAMPION,
            Moments.of([0.0] * 9),
            "the estimate -1 has a standard error of 0, so there is nothing to judge it by",
            id="the challenger has nothing but zeros",
        ),
        pytest.param(
            means.relative_difference,
            Moments.of([0.0, 0.0, 3.0]),
            CHALLENGER,
            "the champion's level must be 4 standard errors above 0, found 1 with standard error 1",
            id="a baseline near 0",
        ),
        pytest.param(
            means.relative_difference,
            Moments.of([-5.0, -5.1, -4.9]),
            CHALLENGER,
            "the champion's level must be 4 standard errors above 0, found -5 with standard error 0.05774",
            id="a negative baseline",
        ),
        pytest.param(
            means.relative_difference,
            Moments.of([0.0] * 9),
            CHALLENGER,
            "the champion's level must be 4 standard errors above 0, found 0 with standard error 0",
            id="a baseline of 0",
        ),
        pytest.param(
            means.ratio_difference,
            NO_REQUESTS,
            NEW_RATIO,
            "the champion's mean denominator must be 4 standard errors above 0, found 0 with standard error 0",
            id="no denominator",
        ),
        pytest.param(
            means.ratio_difference,
            OLD_RATIO,
            FEW_REQUESTS,
            "the challenger's mean denominator must be 4 standard errors above 0, found 1 with standard error 1",
            id="a denominator near 0",
        ),
        pytest.param(
            means.ratio_difference,
            JointMoments.of([], []),
            NEW_RATIO,
            "the champion has 0 of the 2 users that it takes to measure how users differ",
            id="a ratio of nobody",
        ),
        pytest.param(
            means.ratio_difference,
            CONSTANT_RATIO,
            CONSTANT_RATIO,
            "the estimate 0 has a standard error of 0, so there is nothing to judge it by",
            id="everybody has the same ratio",
        ),
        pytest.param(
            means.relative_ratio_difference,
            JointMoments.of([0.0, 0.0, 3.0], [1.0, 1.0, 1.0]),
            NEW_RATIO,
            "the champion's level must be 4 standard errors above 0, found 1 with standard error 1",
            id="a ratio near 0",
        ),
    ],
)
def test_there_is_no_effect_but_a_reason(compare, champion, challenger, reason):
    assert compare(champion=champion, challenger=challenger).single == NotEstimable(reason)


def stacked(many):
    match many[0]:
        case Moments():
            return Moments(
                **{name: np.stack([getattr(one, name) for one in many]) for name in ("n", "means", "squares")}
            )
        case JointMoments():
            first, second = (stacked([getattr(one, name) for one in many]) for name in ("first", "second"))
            return JointMoments(first=first, second=second, products=np.stack([one.products for one in many]))


@pytest.mark.parametrize(
    ("compare", "lone"),
    [
        *(
            (compare, [(CHAMPION, CHALLENGER), (CHALLENGER, CHAMPION), (NOBODY, CHAMPION), (FLAT, FLAT)])
            for compare in (means.difference, means.pooled_difference, means.relative_difference)
        ),
        *(
            (compare, [(OLD_RATIO, NEW_RATIO), (NEW_RATIO, OLD_RATIO), (OLD_RATIO, NO_REQUESTS)])
            for compare in (means.ratio_difference, means.relative_ratio_difference)
        ),
    ],
)
def test_many_experiments_at_once_give_what_each_gives_alone(compare, lone):
    old, new = zip(*lone, strict=True)
    together = compare(champion=stacked(old), challenger=stacked(new))
    alone = [compare(champion=champion, challenger=challenger).single for champion, challenger in lone]
    assert [together[number] for number in range(len(lone))] == alone
    assert [isinstance(one, Effect) for one in alone] == together.estimable.tolist()
