"""An interval excludes "no effect" exactly where z passes the bound; tails never underflow to nonsense."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from model_experiment.statistics import tails
from model_experiment.statistics.effects.effect import Effect, Interval, Scale

estimates = st.floats(-10, 10)
errors = st.floats(0.01, 10)
freedoms = st.one_of(st.integers(20, 2000).map(float), st.just(math.inf))
bounds = st.floats(0.1, 8.5)


@given(estimates, errors, freedoms, bounds, st.sampled_from(Scale))
def test_the_interval_excludes_no_effect_exactly_where_z_passes_the_bound(estimate, error, freedom, bound, scale):
    effect = Effect(estimate, error, freedom, scale)
    assume(abs(abs(effect.z) - bound) > 1e-6)
    assert effect.interval(bound).contains(0.0) == (abs(effect.z) < bound)


@given(estimates, errors, freedoms, bounds)
def test_the_opposite_effect_has_the_mirrored_interval_and_z(estimate, error, freedom, bound):
    effect, opposite = Effect(estimate, error, freedom), Effect(-estimate, error, freedom)
    interval, mirrored = effect.interval(bound), opposite.interval(bound)
    assert (mirrored.low, mirrored.high) == (-interval.high, -interval.low)
    assert opposite.z == -effect.z
    assert opposite.p_value == effect.p_value


@pytest.mark.parametrize("freedom", [21, 38, 198, 5000])
@pytest.mark.parametrize("t", [0.0, 0.3, 1.0, 2.5, 8.0])
def test_p_values_are_those_of_the_t_distribution(t, freedom):
    assert Effect(t, 1.0, freedom).p_value == pytest.approx(2 * stats.t.sf(t, freedom), rel=1e-10)


def test_infinitely_many_degrees_of_freedom_are_the_normal_distribution():
    assert Effect(1.959963984540054, 1.0).p_value == pytest.approx(0.05, rel=1e-12)
    assert Effect(3.0, 1.0).z == pytest.approx(3.0, rel=1e-12)


def test_a_p_value_below_every_float_still_has_a_logarithm():
    effect = Effect(1e6, 1.0, 198)
    assert effect.p_value == 0.0
    assert effect.log_p_value == pytest.approx(-2214.8, abs=0.1)
    assert 60 < effect.z < 70


@pytest.mark.parametrize(
    ("t", "freedom", "log_tail"),
    [
        pytest.param(31.0, 1000.5, -340.79071, id="by its area"),
        pytest.param(40.0, 1e4, -746.63428, id="an area that underflows, with many degrees of freedom"),
        pytest.param(1e3, 1e5, -119901.39, id="a t far out, with many degrees of freedom"),
        pytest.param(38.0, math.inf, -726.55720, id="a normal tail that underflows"),
    ],
)
def test_a_tail_that_underflows_has_its_logarithm(t, freedom, log_tail):
    assert float(tails.log_t_tail(t, freedom)) == pytest.approx(log_tail, rel=1e-5)


@given(st.floats(0.01, 30), st.integers(30, 2000))
def test_mapping_z_to_t_and_back_changes_nothing(z, freedom):
    assert tails.z_of_t(tails.t_of_z(z, freedom), freedom) == pytest.approx(z, rel=1e-7)


def test_both_ways_to_a_t_tail_agree_where_they_meet():
    meeting = math.sqrt(198)
    below, above = tails.log_t_tail(meeting, 198), tails.log_t_tail(meeting * (1 + 1e-12), 198)
    assert above == pytest.approx(below, rel=1e-10)


def test_a_log_ratio_is_shown_as_relative_change():
    effect = Effect(math.log(1.061), 0.02, scale=Scale.LOG_RATIO)
    assert effect.value == pytest.approx(0.061)
    assert effect.interval(1.96).low == pytest.approx(1.061 * math.exp(-0.0392) - 1)


def test_an_interval_without_limit_ends_at_infinity_and_never_falls_below_minus_100_percent():
    interval = Effect(0.1, 5.0, 38, Scale.LOG_RATIO).interval(60.0)
    assert interval == Interval(-1.0, math.inf)
    assert Effect(0.1, 5.0, math.inf, Scale.LOG_RATIO).interval(200.0).high == math.inf


@pytest.mark.parametrize(
    ("t", "freedom", "log_tail"),
    [
        pytest.param(100, 1001, -1204.017796957278, id="just over a thousand"),
        pytest.param(1e9, 1001, -17290.53090140916, id="far out"),
        pytest.param(40, 1e4, -746.6342824782068, id="ten thousand"),
        pytest.param(1e9, 1e8, -1151292556.6313016, id="where Wallace's approximation stands in"),
    ],
)
def test_a_t_whose_tail_area_underflows_keeps_its_logarithm(t, freedom, log_tail):
    """Against the density integrated with 40 digits (mpmath)."""
    assert tails.log_t_tail(t, freedom) == pytest.approx(log_tail, rel=1e-7 if freedom > 1e7 else 1e-12)


def test_an_effect_of_more_errors_than_a_float_holds_has_a_p_value():
    assert Effect(1e300, 1e-300, 5).p_value == 0
