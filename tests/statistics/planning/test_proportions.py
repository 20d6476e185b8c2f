"""Plans of proportions agree with the published table, and each question undoes the other."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_experiment.statistics.not_estimable import NotEstimable
from model_experiment.statistics.planning import proportions
from model_experiment.statistics.trust.equivalence import Better

PLAN = {"alpha": 0.05, "power": 0.8}
RISES = np.array([0.01, 0.02, 0.05, 0.1, 0.2])
USERS = {
    0.01: [15.6e6, 3.92e6, 637_010, 163_095, 42_693],
    0.02: [7.73e6, 1.94e6, 315_206, 80_682, 21_109],
    0.05: [3.00e6, 752_703, 122_124, 31_234, 8_158],
    0.10: [1.42e6, 356_335, 57_763, 14_751, 3_841],
    0.20: [630_260, 158_150, 25_583, 6_510, 1_683],
    0.30: [367_323, 92_089, 14_856, 3_763, 963],
    0.50: [156_973, 39_240, 6_275, 1_565, 388],
}
baselines = st.floats(0.005, 0.6)
rises = st.floats(0.01, 0.6)


@pytest.mark.parametrize("baseline", USERS)
def test_users_per_variant_are_those_of_the_published_table(baseline):
    needed = np.ceil(proportions.required_per_variant(baseline, baseline * (1 + RISES), **PLAN))
    digits = [3 if users > 1e6 else 9 for users in USERS[baseline]]  # millions are given to three digits
    assert [float(f"{users:.{d}g}") for users, d in zip(needed, digits, strict=True)] == USERS[baseline]


@settings(max_examples=50)
@given(baselines, rises, st.floats(0.5, 0.99), st.floats(0.001, 0.2))
def test_the_planned_users_have_the_planned_power_and_detect_the_planned_effect(baseline, rise, power, alpha):
    other = baseline * (1 + rise)
    users = proportions.required_per_variant(baseline, other, alpha=alpha, power=power)
    assert proportions.power_of(baseline, other, per_variant=users, alpha=alpha) == pytest.approx(power, abs=1e-9)
    found = proportions.detectable_relative_effect(users, baseline=baseline, alpha=alpha, power=power)
    assert found.single == pytest.approx(rise, rel=1e-5)


@settings(max_examples=50)
@given(baselines, st.floats(0.01, 0.9), st.floats(0.5, 0.99), st.floats(0.001, 0.2))
def test_where_lower_is_better_a_fall_is_what_is_detected(baseline, fall, power, alpha):
    users = proportions.required_per_variant(baseline, baseline * (1 - fall), alpha=alpha, power=power)
    found = proportions.detectable_relative_effect(
        users, baseline=baseline, alpha=alpha, power=power, better=Better.LOWER
    )
    assert found.single == pytest.approx(-fall, rel=1e-5)


def test_the_users_who_show_a_rise_of_a_tenth_show_a_smaller_fall():
    found = proportions.detectable_relative_effect(14_751, baseline=0.1, **PLAN, better=Better.LOWER).single
    assert -0.1 < found < -0.095
    assert proportions.power_of(0.1, 0.09, per_variant=14_751, alpha=0.05) == pytest.approx(0.834, abs=1e-3)


@settings(max_examples=50)
@given(baselines, rises)
def test_telling_a_from_b_needs_as_many_users_as_b_from_a_and_as_their_complements(baseline, rise):
    other = baseline * (1 + rise)
    forth = proportions.required_per_variant(baseline, other, **PLAN)
    assert proportions.required_per_variant(other, baseline, **PLAN) == pytest.approx(forth, rel=1e-9)
    assert proportions.required_per_variant(1 - baseline, 1 - other, **PLAN) == pytest.approx(forth, rel=1e-6)


@pytest.mark.parametrize(
    ("rate1", "rate2", "users", "power"),
    [
        pytest.param(0.0, 0.5, 100, 1.0, id="an event that never was"),
        pytest.param(0.0, 0.0, 100, 0.0, id="nothing to see"),
        pytest.param(0.0, 1.0, 1, 0.0, id="one user of each against a bound of 1.96 times .71"),
        pytest.param(0.0, 1.0, 2, 1.0, id="two of each"),
        pytest.param(0.3, 0.3, 1e9, 0.025, id="no effect is found in one tail"),
    ],
)
def test_power_at_the_ends(rate1, rate2, users, power):
    assert proportions.power_of(rate1, rate2, per_variant=users, alpha=0.05) == pytest.approx(power, abs=1e-9)


def test_many_plans_at_once_give_what_each_gives_alone():
    users = np.array([3.0, 14_751.0, 1e9, 1e30])
    base = np.array([0.5, 0.1, 0.02, 0.3])
    together = proportions.detectable_relative_effect(users, baseline=base, **PLAN)
    alone = [
        proportions.detectable_relative_effect(n, baseline=p, **PLAN).single for n, p in zip(users, base, strict=True)
    ]
    assert [together[i] for i in range(4)] == alone


def test_a_baseline_next_to_1_leaves_no_rise_to_see():
    found = proportions.detectable_relative_effect(1000, baseline=1 - 2**-53, alpha=0.05, power=0.8).single
    assert isinstance(found, NotEstimable)


def test_too_few_users_detect_nothing():
    found = proportions.detectable_relative_effect(3, baseline=0.5, **PLAN).single
    assert found == NotEstimable("3 users per variant show no rise over 0.5 with power 0.8")
    lower = proportions.detectable_relative_effect(3, baseline=0.5, **PLAN, better=Better.LOWER).single
    assert lower == NotEstimable("3 users per variant show no fall below 0.5 with power 0.8")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: proportions.required_per_variant([0.1, 0.2], [0.2, 0.2], **PLAN),
            "rate1 and rate2 must differ, found 0.2 twice",
            id="a plan for no effect",
        ),
        pytest.param(
            lambda: proportions.required_per_variant(0.1, 1.1, **PLAN),
            "rate2 must lie between 0 and 1, found 1.1",
            id="a rate above 1",
        ),
        pytest.param(
            lambda: proportions.power_of([0.1] * 2, [0.2] * 3, per_variant=9, alpha=0.05),
            "rate1, rate2, per_variant and alpha must have shapes that fit together, found (2,), (3,), (), ()",
            id="shapes that do not fit",
        ),
        pytest.param(
            lambda: proportions.power_of(0.1, 0.2, per_variant=0, alpha=0.05),
            "per_variant must be finite and above 0, found 0",
            id="no users",
        ),
        pytest.param(
            lambda: proportions.detectable_relative_effect(10, baseline=math.nan, **PLAN),
            "baseline must lie strictly between 0 and 1, found nan",
            id="no baseline",
        ),
    ],
)
def test_a_bad_argument_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
