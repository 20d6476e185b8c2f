"""Days are whole weeks and their waits; what comes within a time is what the days were for."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_experiment.statistics.not_estimable import NotEstimable
from model_experiment.statistics.planning import duration


@pytest.mark.parametrize(
    ("users", "waits", "days"),
    [
        pytest.param(0, {}, 7, id="a week at least"),
        pytest.param(700, {}, 7, id="exactly a week"),
        pytest.param(701, {}, 14, id="one user more is a week more"),
        pytest.param(1_400, {"label_delay": 2.5, "washout": 1}, 17.5, id="waits come on top and are not rounded"),
    ],
)
def test_days_at_a_hundred_users_a_day(users, waits, days):
    assert duration.days(users, users_per_day=100, **waits).single == days


@settings(max_examples=50)
@given(st.integers(1, 10**9), st.integers(1, 10**6), st.integers(0, 30), st.integers(0, 30))
def test_the_planned_days_bring_the_users_and_a_week_less_does_not(users, traffic, delay, washout):
    flow = {"users_per_day": traffic, "label_delay": delay, "washout": washout}
    days = duration.days(users, **flow).single
    assert duration.reached(days, **flow) >= users
    assert days == 7 + delay + washout or duration.reached(days - 7, **flow) < users


def test_nobody_counts_before_the_waits_are_over():
    assert duration.reached([3, 5], users_per_day=100, label_delay=2, washout=2).tolist() == [0, 100]


def test_without_traffic_the_users_are_never_reached():
    found = duration.days([10, 20], users_per_day=[5, 0])
    assert found[0] == 7
    assert found[1] == NotEstimable("no users come, so 20 are never reached")
    assert np.isnan(found.values[1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param((-1, 5, 0), "users must be finite and 0 or more, found -1", id="fewer than no users"),
        pytest.param((1, -5, 0), "users_per_day must be finite and 0 or more, found -5", id="users leave"),
        pytest.param((1, 5, -1), "label_delay must be finite and 0 or more, found -1", id="labels from the future"),
    ],
)
def test_a_bad_argument_is_refused_by_name(arguments, message):
    users, traffic, delay = arguments
    with pytest.raises(ValueError, match=re.escape(message)):
        duration.days(users, users_per_day=traffic, label_delay=delay)
