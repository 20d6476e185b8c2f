"""Chi-square tails never underflow, and a table is independent by Pearson's test or not estimable."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from model_experiment.statistics import chi_square
from model_experiment.statistics.not_estimable import NotEstimable

cells = st.integers(10**4, 10**7)
tables = st.lists(st.lists(cells, min_size=3, max_size=3), min_size=2, max_size=4)


@settings(max_examples=50)
@given(st.floats(0, 300), st.integers(1, 300))
def test_the_tail_is_that_of_the_chi_square_distribution(statistic, freedom):
    expected = stats.chi2.logsf(statistic, freedom)
    assert float(chi_square.log_tail(statistic, freedom)) == pytest.approx(expected, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("freedom", [2, 20, 2000])
@pytest.mark.parametrize("statistic", [3e3, 1e5, 1e7])
def test_a_tail_below_every_float_is_the_sum_of_poisson_terms(statistic, freedom):
    """With 2 k degrees of freedom, P(chi2 > x) is P(Poisson(x/2) < k)."""
    below = np.arange(freedom // 2)
    expected = special.logsumexp(below * math.log(statistic / 2) - special.gammaln(below + 1)) - statistic / 2
    assert float(chi_square.log_tail(statistic, freedom)) == pytest.approx(expected, rel=1e-12)


def test_with_one_degree_of_freedom_the_tail_is_that_of_a_squared_normal():
    expected = math.log(2) + special.log_ndtr(-1000.0)
    assert float(chi_square.log_tail(1e6, 1)) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("freedom", [1, 7, 1000, 1_000_000])
def test_both_ways_to_a_tail_agree_where_they_meet(freedom):
    x = special.chdtri(freedom, 1e-201)
    near = math.log(special.chdtrc(freedom, x))
    assert float(chi_square.log_tail(x, freedom)) == pytest.approx(near, rel=1e-11)


def test_the_tail_of_nothing_is_everything_and_of_nan_is_nan():
    found = chi_square.log_tail([0.0, math.nan], 3)
    assert found[0] == 0.0
    assert np.isnan(found[1])


@settings(max_examples=50)
@given(tables)
def test_independence_is_pearsons_test(table):
    test = chi_square.independence(table).single
    expected = stats.chi2_contingency(table, correction=False)
    assert test.statistic == pytest.approx(expected.statistic, rel=1e-9, abs=1e-6)
    assert test.degrees_of_freedom == expected.dof
    assert test.p_value == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-300)


@settings(max_examples=50)
@given(tables)
def test_rows_and_columns_may_change_places(table):
    one, other = (chi_square.independence(t).single for t in (table, np.transpose(table)))
    assert one.statistic == pytest.approx(other.statistic, rel=1e-9, abs=1e-6)
    assert one.degrees_of_freedom == other.degrees_of_freedom


def test_empty_rows_and_columns_are_no_part_of_a_table():
    padded = [[30, 0, 10], [20, 0, 40], [0, 0, 0]]
    assert chi_square.independence(padded).single == chi_square.independence([[30, 10], [20, 40]]).single


def test_a_billion_users_in_each_cell_do_not_drown_a_small_imbalance():
    n, off = 10**9, 10**5
    test = chi_square.independence([[n + off, n - off], [n - off, n + off]]).single
    assert test.statistic == pytest.approx(4 * off**2 / n, rel=1e-9)


def test_a_p_value_below_every_float_still_has_a_logarithm():
    test = chi_square.independence([[10**6, 10], [10, 10**6]]).single
    assert test.p_value == 0.0
    assert test.log_p_value == pytest.approx(-test.statistic / 2, rel=1e-4)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        pytest.param(
            [[40, 50], [0, 0]], "there are counts in 1 rows and 2 columns, two of each are needed", id="one row"
        ),
        pytest.param(
            [[0, 0], [0, 0]], "there are counts in 0 rows and 0 columns, two of each are needed", id="nothing at all"
        ),
        pytest.param(
            [[100, 1], [100, 0]],
            "2 of 4 expected counts are below 5, the smallest is 0.498; "
            "at most a fifth may be below 5 and none below 1",
            id="an expected count below 1",
        ),
        pytest.param(
            [[100, 3], [100, 3]],
            "2 of 4 expected counts are below 5, the smallest is 3; at most a fifth may be below 5 and none below 1",
            id="more than a fifth of the expected counts below 5",
        ),
    ],
)
def test_is_not_estimable(table, reason):
    assert chi_square.independence(table).single == NotEstimable(reason)


def test_many_tables_at_once_give_what_each_gives_alone():
    many = [[[30, 10], [20, 40]], [[5, 0], [0, 0]], [[300, 10], [20, 40]]]
    together = chi_square.independence(many)
    assert [together[i] for i in range(3)] == [chi_square.independence(table).single for table in many]
    assert np.isnan(together.p_values).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        pytest.param([[1, -1], [2, 2]], "counts must be finite and 0 or more, found -1", id="a negative count"),
        pytest.param([[1, math.nan], [2, 2]], "counts must be finite and 0 or more, found nan", id="a NaN"),
        pytest.param(
            [1, 2], "counts must have rows and columns as their last two axes, found shape (2,)", id="no table"
        ),
    ],
)
def test_is_refused(counts, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        chi_square.independence(counts)
