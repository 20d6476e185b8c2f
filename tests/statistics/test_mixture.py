"""The anytime interval and the anytime evidence are two views of one thing."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from model_experiment.statistics import e_values
from model_experiment.statistics.effects import Effect
from model_experiment.statistics.mixture import NormalMixture

sizes = st.floats(10, 1e7)
alphas = st.floats(0.001, 0.3)


@pytest.mark.parametrize(("alpha", "multiplier"), [(0.10, 2.76), (0.05, 3.035), (0.01, 3.57), (0.001, 4.21)], ids=str)
def test_the_price_of_looking_always_at_the_tuned_size(alpha, multiplier):
    mixture = NormalMixture.tuned_at(5000, alpha=alpha)
    assert mixture.multiplier(5000, alpha=alpha) == pytest.approx(multiplier, abs=0.006)


@pytest.mark.parametrize(("factor", "multiplier"), [(0.25, 3.26), (1, 3.035), (4, 3.13)])
def test_the_price_is_higher_before_and_after_the_tuned_size(factor, multiplier):
    mixture = NormalMixture.tuned_at(5000, alpha=0.05)
    assert mixture.multiplier(5000 * factor, alpha=0.05) == pytest.approx(multiplier, abs=0.006)


@settings(deadline=None)
@given(st.floats(-20, 20), sizes, sizes, alphas)
def test_the_interval_excludes_no_effect_exactly_where_the_evidence_reaches_its_threshold(z, size, tuned, alpha):
    mixture = NormalMixture.tuned_at(tuned, alpha=0.05)
    log_e = mixture.log_e_value(z, size)
    assume(abs(e_values.anytime_p_value(log_e) - alpha) > 1e-9)
    excluded = not Effect(z, 1.0).interval(mixture.multiplier(size, alpha=alpha)).contains(0.0)
    assert excluded == (e_values.anytime_p_value(log_e) < alpha)


@settings(deadline=None)
@given(sizes, sizes, alphas, alphas)
def test_less_alpha_makes_a_wider_interval(size, tuned, one, other):
    mixture = NormalMixture.tuned_at(tuned, alpha=0.05)
    smaller, larger = sorted((one, other))
    assert mixture.multiplier(size, alpha=smaller) >= mixture.multiplier(size, alpha=larger)


def test_no_data_is_no_evidence():
    assert NormalMixture.tuned_at(5000, alpha=0.05).log_e_value(3.0, 0) == 0.0


def test_evidence_beyond_a_float_is_cut_for_readers_and_gives_the_smallest_p_value():
    log_e = NormalMixture.tuned_at(5000, alpha=0.05).log_e_value(100.0, 5000)
    assert log_e > 1000
    assert e_values.e_value(log_e) == pytest.approx(8.2e307, rel=0.01)
    assert e_values.anytime_p_value(log_e) == 0.0
