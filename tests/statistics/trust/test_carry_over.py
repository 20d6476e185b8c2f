"""Variants of an old experiment are spread evenly over those of a new one, or it is seen."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from model_experiment.statistics.not_estimable import NotEstimable
from model_experiment.statistics.trust import carry_over


@settings(max_examples=50)
@given(st.lists(st.lists(st.integers(300, 10**4), min_size=2, max_size=2), min_size=2, max_size=4))
def test_it_is_pearsons_test_of_old_and_new_variants(users):
    found = carry_over.independence(users).single
    expected = stats.chi2_contingency(users, correction=False)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-300)
    assert found.degrees_of_freedom == len(users) - 1


def test_a_reused_salt_is_seen_and_a_new_one_passes():
    assert carry_over.independence([[5000, 100], [100, 5000]]).single.p_value == 0.0
    assert carry_over.independence([[2510, 2490], [2470, 2530]]).single.p_value > 0.4


def test_too_few_users_are_not_estimable():
    assert carry_over.independence([[500, 500], [0, 0]]).single == NotEstimable(
        "there are counts in 1 old variants and 2 new variants, two of each are needed"
    )
    few = carry_over.independence([[500, 500], [3, 2]]).single
    assert few.reason.startswith("2 of 4 expected counts are below 5, the smallest is 2.5;")


def test_many_experiments_at_once_give_what_each_gives_alone():
    users = np.array([[[50, 60], [70, 80]], [[5000, 100], [100, 5000]], [[1, 1], [1, 1]]])
    many = carry_over.independence(users)
    assert [many[i] for i in range(3)] == [carry_over.independence(one).single for one in users]


def test_negative_users_are_refused():
    with pytest.raises(ValueError, match=re.escape("users must be finite and 0 or more, found -1")):
        carry_over.independence([[5, -1], [5, 5]])
