"""Differences of two proportions, and intervals for one and for two."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from model_experiment.statistics.effects import proportion_intervals, proportions
from model_experiment.statistics.effects.effect import Scale
from model_experiment.statistics.not_estimable import NotEstimable
from model_experiment.statistics.summaries.proportions import Proportion

COMPARISONS = [proportions.difference, proportions.pooled_difference, proportions.relative_difference]
INTERVALS = [proportion_intervals.wilson, proportion_intervals.clopper_pearson]
BILLION = 10**9

some = st.integers(1, 400).flatmap(lambda n: st.builds(Proportion, st.integers(0, n), st.just(n)))
alphas = st.floats(1e-12, 0.9)


def limits(interval):
    return interval.single.low, interval.single.high


def test_the_unpooled_error_is_that_of_each_variant_by_itself():
    effect = proportions.difference(champion=Proportion(40, 100), challenger=Proportion(10, 50)).single
    assert effect.estimate == pytest.approx(-0.2, abs=1e-15)
    assert effect.standard_error == pytest.approx(math.sqrt(0.4 * 0.6 / 100 + 0.2 * 0.8 / 50), rel=1e-14)
    assert (effect.degrees_of_freedom, effect.scale) == (math.inf, Scale.DIFFERENCE)


def test_the_pooled_z_squared_is_the_chi_square_of_the_table():
    effect = proportions.pooled_difference(champion=Proportion(40, 100), challenger=Proportion(10, 50)).single
    statistic, p_value, *_ = stats.chi2_contingency([[40, 60], [10, 40]], correction=False)
    assert effect.z**2 == pytest.approx(statistic, rel=1e-12)
    assert effect.p_value == pytest.approx(p_value, rel=1e-10)


def test_a_relative_difference_has_the_degrees_of_freedom_of_welch():
    effect = proportions.relative_difference(champion=Proportion(50, 200), challenger=Proportion(30, 100)).single
    old, new = 0.25 * 0.75 / 200, 0.3 * 0.7 / 100
    assert effect.value == pytest.approx(0.2, rel=1e-13)
    assert effect.standard_error**2 == pytest.approx(new / 0.25**2 + old * 0.3**2 / 0.25**4, rel=1e-12)
    assert effect.degrees_of_freedom == pytest.approx((old + new) ** 2 / (old**2 / 199 + new**2 / 99), rel=1e-12)


def test_a_p_value_below_every_float_is_a_logarithm():
    effect = proportions.pooled_difference(champion=Proportion(0, BILLION), challenger=Proportion(BILLION, BILLION))
    assert effect.single.z == pytest.approx(math.sqrt(2 * BILLION), rel=1e-9)
    assert effect.single.log_p_value == pytest.approx(-BILLION, rel=1e-6)


@settings(max_examples=50)
@given(some, some, st.sampled_from(COMPARISONS[:2]))
def test_swapping_the_variants_mirrors_the_effect(one, other, compare):
    forth, back = (compare(champion=old, challenger=new).single for old, new in ((one, other), (other, one)))
    if isinstance(forth, NotEstimable):
        assert isinstance(back, NotEstimable)
        return
    assert (back.estimate, back.z) == (-forth.estimate, -forth.z)
    assert (back.interval(2.0).low, back.interval(2.0).high) == (-forth.interval(2.0).high, -forth.interval(2.0).low)


@pytest.mark.parametrize(
    ("compare", "champion", "challenger", "reason"),
    [
        pytest.param(0, (0, 0), (1, 2), "the champion has no trials", id="an empty champion"),
        pytest.param(1, (1, 2), (0, 0), "the challenger has no trials", id="an empty challenger"),
        pytest.param(0, (0, 9), (9, 9), "every outcome of a variant is the same", id="nothing varies within a variant"),
        pytest.param(1, (9, 9), (5, 5), "every outcome of a variant is the same", id="nothing but events"),
        pytest.param(
            2, (0, 900), (9, 900), "the champion's level must be 4 standard errors above 0, found 0", id="no event"
        ),
        pytest.param(
            2, (15, 10_000), (30, 10_000), "must be 4 standard errors above 0, found 0.0015", id="too few events"
        ),
        pytest.param(2, (1, 1), (5, 9), "the champion has 1 ", id="a single trial"),
    ],
)
def test_where_there_is_no_number_there_is_a_reason(compare, champion, challenger, reason):
    found = COMPARISONS[compare](champion=Proportion(*champion), challenger=Proportion(*challenger)).single
    assert isinstance(found, NotEstimable)
    assert reason in found.reason


@pytest.mark.parametrize("compare", COMPARISONS)
def test_many_experiments_at_once_give_what_each_gives_alone(compare):
    champions, challengers = [(40, 100), (0, 0), (3, 90), (0, BILLION)], [(50, 90), (1, 2), (0, 1), (7, BILLION)]
    together = compare(champion=Proportion(*zip(*champions)), challenger=Proportion(*zip(*challengers)))  # noqa: B905
    for number, (old, new) in enumerate(zip(champions, challengers, strict=True)):
        assert together[number] == compare(champion=Proportion(*old), challenger=Proportion(*new)).single


def test_counts_that_are_not_whole_have_no_degrees_of_freedom():
    with pytest.raises(ValueError, match="n must be whole, found 12"):
        proportions.relative_difference(champion=Proportion(5, 12.5), challenger=Proportion(5, 12))


# Intervals for one proportion.


@settings(max_examples=50)
@given(some, alphas)
def test_limits_by_definition(one, alpha):
    x, n = float(one.events), float(one.trials)
    low, high = limits(proportion_intervals.clopper_pearson(one, alpha=alpha))
    assert low == pytest.approx(special.betaincinv(x, n - x + 1, alpha / 2) if x else 0.0, rel=1e-9, abs=1e-13)
    assert high == pytest.approx(special.betainccinv(x + 1, n - x, alpha / 2) if x < n else 1.0, rel=1e-9, abs=1e-13)
    z = -special.ndtri(alpha / 2)
    for limit in limits(proportion_intervals.wilson(one, alpha=alpha)):
        assert (x - n * limit) ** 2 == pytest.approx(z * z * n * limit * (1 - limit), rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("n", [1, 59, BILLION])
@pytest.mark.parametrize("alpha", [0.05, 1e-9, 1e-200])
def test_without_events_and_with_only_events_limits_are_closed_forms(n, alpha):
    """Of themselves to 1e-12, although near 0 at a billion trials."""
    nothing, everything = Proportion(0, n), Proportion(n, n)
    exact = -math.expm1(math.log(alpha) / n)
    z_squared = special.ndtri(alpha) ** 2
    assert proportion_intervals.clopper_pearson_low(nothing, alpha=alpha) == 0
    assert proportion_intervals.clopper_pearson_high(nothing, alpha=alpha) == pytest.approx(exact, rel=1e-10)
    assert proportion_intervals.clopper_pearson_high(everything, alpha=alpha) == 1
    assert proportion_intervals.clopper_pearson_low(everything, alpha=alpha) == pytest.approx(
        math.exp(math.log(alpha) / n), rel=1e-12
    )
    assert proportion_intervals.wilson_low(nothing, alpha=alpha) == 0
    assert proportion_intervals.wilson_high(nothing, alpha=alpha) == pytest.approx(
        z_squared / (n + z_squared), rel=1e-12
    )
    assert proportion_intervals.wilson_high(everything, alpha=alpha) == 1


@pytest.mark.parametrize("alpha", [0.05, 1e-7])
def test_one_event_of_a_billion_is_exact(alpha):
    """P(X <= 1) = (1-p)^n + n p (1-p)^(n-1), which plain floats can do."""
    high = float(proportion_intervals.clopper_pearson_high(Proportion(1, BILLION), alpha=alpha))
    found = math.exp(BILLION * math.log1p(-high)) + BILLION * high * math.exp((BILLION - 1) * math.log1p(-high))
    assert found == pytest.approx(alpha, rel=1e-9)


@pytest.mark.parametrize("alpha", [0.05, 1e-7, 1e-300])
def test_a_billion_and_its_complement_have_mirrored_limits(alpha):
    events = np.array([1, 7, 12_345, 10**7, 3 * 10**8, 5 * 10**8])
    for interval in INTERVALS:
        one = interval(Proportion(events, BILLION), alpha=alpha)
        other = interval(Proportion(BILLION - events, BILLION), alpha=alpha)
        assert one.low == pytest.approx(1 - other.high, abs=1e-12)
        assert one.high == pytest.approx(1 - other.low, abs=1e-12)


@pytest.mark.parametrize("interval", INTERVALS)
def test_of_no_trials_everything_is_possible(interval):
    assert limits(interval(Proportion(0, 0), alpha=0.05)) == (0.0, 1.0)


@settings(max_examples=50)
@given(some, some, alphas)
def test_intervals_narrow_as_alpha_grows_and_hold_the_observed_rate(one, other, alpha):
    for interval in (
        *(lambda alpha, made=made: made(one, alpha=alpha) for made in INTERVALS),
        lambda alpha: proportion_intervals.newcombe(champion=one, challenger=other, alpha=alpha),
    ):
        (low, high), (inner_low, inner_high) = limits(interval(alpha)), limits(interval(min(2 * alpha, 0.95)))
        assert low <= inner_low + 1e-14
        assert inner_high <= high + 1e-14
    for made in INTERVALS:
        assert (
            made(one, alpha=min(alpha, 0.3)).low - 1e-12 <= one.rates <= made(one, alpha=min(alpha, 0.3)).high + 1e-12
        )


def test_clopper_pearson_covers_at_every_rate_and_wilson_on_average():
    n, rates = 30, np.linspace(0.001, 0.999, 400)
    chances = stats.binom.pmf(np.arange(n + 1)[:, np.newaxis], n, rates)
    coverage = {}
    for interval in INTERVALS:
        made = interval(Proportion(np.arange(n + 1), n), alpha=0.05)
        inside = (made.low[:, np.newaxis] <= rates) & (rates <= made.high[:, np.newaxis])
        coverage[interval] = (inside * chances).sum(axis=0)
    assert coverage[proportion_intervals.clopper_pearson].min() >= 0.95
    assert coverage[proportion_intervals.wilson].mean() == pytest.approx(0.95, abs=0.01)
    assert coverage[proportion_intervals.wilson].min() < 0.95


@settings(max_examples=50)
@given(some, some, alphas)
def test_swapping_the_variants_mirrors_newcombes_interval(one, other, alpha):
    low, high = limits(proportion_intervals.newcombe(champion=one, challenger=other, alpha=alpha))
    mirrored = limits(proportion_intervals.newcombe(champion=other, challenger=one, alpha=alpha))
    assert mirrored == pytest.approx((-high, -low), abs=1e-14)
    assert -1 <= low <= high <= 1


def test_newcombe_has_no_limits_without_trials():
    found = proportion_intervals.newcombe(champion=Proportion([0, 1], [0, 4]), challenger=Proportion(1, 4), alpha=0.05)
    assert np.isnan(found.low).tolist() == np.isnan(found.high).tolist() == [True, False]


def test_many_intervals_at_once_are_those_of_each_alone():
    events, trials, levels = [0, 3, 50, 1, 0], [0, 3, 90, BILLION, 7], [0.05, 0.1, 1e-9, 0.5, 0.9]
    for interval in INTERVALS:
        together = interval(Proportion(events, trials), alpha=levels)
        for number, (x, n, alpha) in enumerate(zip(events, trials, levels, strict=True)):
            alone = limits(interval(Proportion(x, n), alpha=alpha))
            assert (together.low[number], together.high[number]) == pytest.approx(alone, rel=1e-11, abs=0)


@pytest.mark.parametrize(
    "call",
    [
        lambda alpha: proportion_intervals.wilson(Proportion(1, 2), alpha=alpha),
        lambda alpha: proportion_intervals.wilson_low(Proportion(1, 2), alpha=alpha),
        lambda alpha: proportion_intervals.wilson_high(Proportion(1, 2), alpha=alpha),
        lambda alpha: proportion_intervals.clopper_pearson(Proportion(1, 2), alpha=alpha),
        lambda alpha: proportion_intervals.clopper_pearson_low(Proportion(1, 2), alpha=alpha),
        lambda alpha: proportion_intervals.clopper_pearson_high(Proportion(1, 2), alpha=alpha),
        lambda alpha: proportion_intervals.newcombe(
            champion=Proportion(1, 2), challenger=Proportion(1, 2), alpha=alpha
        ),
    ],
)
@pytest.mark.parametrize("alpha", [0.0, 1.0, math.nan])
def test_an_alpha_outside_of_its_range_is_refused(call, alpha):
    with pytest.raises(ValueError, match=f"alpha must lie strictly between 0 and 1, found {alpha:g}"):
        call(alpha)


@pytest.mark.parametrize("alpha", [0.05, 0.5, 0.95])
def test_the_exact_limit_of_nothing_but_events_keeps_its_distance_from_1(alpha):
    low = proportion_intervals.clopper_pearson_low(Proportion(1e9, 1e9), alpha=alpha)
    assert 1 - low == pytest.approx(-np.expm1(np.log(alpha) / 1e9), rel=1e-5)
