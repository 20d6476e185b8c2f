"""Effects of opposite sign are tested by Gail and Simon's mixture of chi-square tails."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from model_experiment.statistics.effects.effect import Effects
from model_experiment.statistics.not_estimable import NotEstimable, reasons
from model_experiment.statistics.trust import qualitative_interaction
from model_experiment.statistics.trust.qualitative_interaction import critical_value, gail_simon, log_tail


def effects(estimates, errors):
    d = np.asarray(estimates, dtype=float)
    return Effects(d, np.asarray(errors, dtype=float), np.inf, reasons(np.isnan(d), lambda _: "nobody"))


def by_definition(c, count):
    return sum(stats.binom.pmf(i, count - 1, 0.5) * stats.chi2.sf(c, i) for i in range(1, count))


@settings(max_examples=50)
@given(st.floats(0.01, 60), st.integers(2, 12))
def test_the_tail_is_the_mixture_of_chi_squares(c, count):
    found = float(qualitative_interaction.log_tail(c, segment_count=count))
    assert math.exp(found) == pytest.approx(by_definition(c, count), rel=1e-9)


def test_critical_values_are_those_of_the_published_table():
    """Gail & Simon 1985, table 1, alpha .05, for two to five segments."""
    assert critical_value([2, 3, 4, 5], alpha=0.05) == pytest.approx([2.71, 4.23, 5.43, 6.50], abs=0.0051)


@settings(max_examples=50)
@given(st.integers(2, 12), st.floats(1e-12, 0.49))
def test_at_the_critical_value_the_tail_is_alpha(count, alpha):
    c = float(critical_value(count, alpha=alpha))
    assert by_definition(c, count) == pytest.approx(alpha, rel=1e-8)


def test_an_alpha_below_every_usual_one_has_a_critical_value():
    c = critical_value([2, 20], alpha=1e-300)
    assert qualitative_interaction.log_tail(c, segment_count=[2, 20]) == pytest.approx(math.log(1e-300), rel=1e-9)


def test_where_any_opposite_signs_are_enough_the_critical_value_is_0():
    assert critical_value([2, 2, 3], alpha=[0.5, 0.9, 0.75]).tolist() == [0.0, 0.0, 0.0]


def test_with_two_segments_p_is_that_of_the_smaller_z_on_one_side():
    test = gail_simon(effects([0.05, -0.02], [0.01, 0.01])).single
    assert test.statistic == pytest.approx(4.0)
    assert test.p_value == pytest.approx(stats.norm.sf(2.0), rel=1e-10)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0.01, 1)), min_size=2, max_size=6))
def test_the_statistic_is_the_smaller_side_and_does_not_know_which_is_good(pairs):
    d, s = map(np.array, zip(*pairs, strict=True))
    one, other = gail_simon(effects(d, s)).single, gail_simon(effects(-d, s)).single
    squares = (d / s) ** 2
    assert one == other
    assert one.statistic == pytest.approx(min(squares[d > 0].sum(), squares[d < 0].sum()), rel=1e-9)


def test_effects_of_one_sign_have_p_value_1():
    test = gail_simon(effects([0.5, 0.1, 0.0], [0.01, 0.01, 0.01])).single
    assert (test.statistic, test.p_value) == (0.0, 1.0)


def test_a_p_value_below_every_float_still_has_a_logarithm():
    test = gail_simon(effects([50.0, -50.0], [1.0, 1.0])).single
    assert test.log_p_value == pytest.approx(stats.norm.logsf(50), rel=1e-10)


def test_segments_without_an_effect_are_left_out():
    whole, rest = effects([0.1, math.nan, -0.2], [0.1] * 3), effects([0.1, -0.2], [0.1] * 2)
    assert gail_simon(whole).single == gail_simon(rest).single


def test_many_experiments_at_once_give_what_each_gives_alone():
    d = np.array([[0.3, -0.2, 0.1], [0.3, math.nan, -0.1], [math.nan, math.nan, 0.1]])
    together = gail_simon(effects(d, np.full((3, 3), 0.1)))
    alone = [gail_simon(effects(row, [0.1] * 3)).single for row in d]
    assert [together[i] for i in range(3)] == alone
    assert alone[2] == NotEstimable("1 of 3 segments have an effect, two are needed to compare")


def test_two_thousand_segments_do_not_overflow():
    at = critical_value(2000, alpha=0.05)
    chances = stats.binom.pmf(np.arange(1, 2000), 1999, 0.5) @ stats.chi2.sf(float(at), np.arange(1, 2000))
    assert chances == pytest.approx(0.05, rel=1e-9)


@pytest.mark.parametrize("c", [-1.0, np.nan, np.inf])
def test_a_statistic_that_cannot_be_has_no_tail(c):
    with pytest.raises(ValueError, match=f"c must be finite and 0 or more, found {c:g}"):
        log_tail(c, segment_count=3)


@pytest.mark.parametrize(
    ("count", "alpha", "message"),
    [
        pytest.param(1, 0.05, "segment_count must be finite and 2 or more, found 1", id="one segment"),
        pytest.param(2.5, 0.05, "segment_count must be whole, found 2.5", id="half a segment"),
        pytest.param(2, 0.0, "alpha must lie strictly between 0 and 1, found 0", id="alpha of 0"),
    ],
)
def test_is_refused(count, alpha, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        critical_value(count, alpha=alpha)
