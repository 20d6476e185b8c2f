"""Roots are found where they are, for all functions at once, in few evaluations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special

from model_experiment.statistics import roots


@pytest.mark.parametrize(
    ("function", "low", "high"),
    [
        pytest.param(lambda x: x**3 - 2 * x - 5, 2.0, 3.0, id="Wallis's cubic"),
        pytest.param(lambda x: np.cos(x) - x, 0.0, 1.0, id="a smooth curve"),
        pytest.param(lambda x: special.ndtr(x) - 1e-12, -9.0, 9.0, id="nearly 0 over half of the bracket"),
        pytest.param(lambda x: np.sign(x - 1 / 3), 0.0, 1.0, id="a step, which never is 0"),
        pytest.param(lambda x: x, 0.0, 1.0, id="a root at the low end"),
        pytest.param(lambda x: x - 1, 0.0, 1.0, id="a root at the high end"),
    ],
)
def test_the_root_is_that_of_an_established_method(function, low, high):
    expected = optimize.brentq(function, low, high, xtol=1e-13)
    assert float(roots.root(function, low, high)) == pytest.approx(expected, abs=1e-10)


@settings(max_examples=50)
@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=8))
def test_many_roots_at_once_are_each_as_good_as_alone(squares):
    found = roots.root(lambda x: x * x - squares, np.zeros(len(squares)), 1e4)
    assert found == pytest.approx(np.sqrt(squares), rel=1e-7, abs=1e-11)


def test_a_smooth_function_needs_about_ten_evaluations():
    calls = []
    roots.root(lambda x: calls.append(x) or np.exp(x) - 2, 0.0, 5.0)
    assert len(calls) <= 15


def test_the_function_is_asked_inside_the_bracket_alone():
    asked = []
    roots.root(lambda x: asked.append(x) or x - np.array([0.5, 0.999999, 1e-9]), [0.0, 0.0, 0.0], 1.0)
    assert 0 <= np.min(asked) <= np.max(asked) <= 1


def test_what_is_not_a_number_stays_so_and_spoils_no_other():
    found = roots.root(lambda x: x - np.array([0.5, np.nan]), [0.0, 0.0], 1.0)
    assert found[0] == pytest.approx(0.5)
    assert np.isnan(found[1])


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        pytest.param(2.0, 3.0, "function must change its sign between low and high, found 1 and 2", id="no root there"),
        pytest.param(np.nan, 3.0, "low must be finite, found nan", id="no low end"),
        pytest.param([0.0, 0.0], [1.0, 1.0, 1.0], "low and high must have shapes that fit together", id="shapes"),
    ],
)
def test_a_bracket_without_a_root_is_refused(low, high, message):
    with pytest.raises(ValueError, match=message):
        roots.root(lambda x: x - 1.0, low, high)
