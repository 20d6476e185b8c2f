"""Each look spends what the plan allows, whatever the information, and the past is never rewritten."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from model_experiment.statistics import group_sequential, spending
from model_experiment.statistics.group_sequential import LARGEST_BOUND, Look

fractions = st.lists(st.floats(0.05, 0.95), min_size=1, max_size=4).map(sorted)


def history(informations, *, alpha):
    looks = []
    for information in informations:
        looks.append(group_sequential.next_look(looks, information=information, alpha=alpha))
    return looks


def test_fourteen_equal_looks_have_the_known_bounds():
    looks = group_sequential.planned_looks(14, alpha=0.05)
    assert [look.bound for look in looks[-5:]] == pytest.approx([2.499, 2.379, 2.275, 2.184, 2.103], abs=6e-4)
    assert looks[0].bound == LARGEST_BOUND


def test_one_look_is_the_ordinary_test():
    (only,) = group_sequential.planned_looks(1, alpha=0.05)
    assert only.bound == pytest.approx(1.959963985, abs=1e-8)


def test_planning_ahead_and_going_look_by_look_give_the_same_bounds():
    ahead = group_sequential.planned_looks(14, alpha=0.05)
    stepwise = history([look.information for look in ahead], alpha=0.05)
    assert [look.bound for look in stepwise] == pytest.approx([look.bound for look in ahead], abs=1e-8)


@pytest.mark.parametrize(("first", "second"), [(0.3, 1.0), (0.5, 0.8), (0.9, 0.97), (0.6, 0.62)])
def test_two_looks_agree_with_the_bivariate_normal_distribution(first, second):
    looks = history([first, second], alpha=0.05)
    correlation = math.sqrt(first / second)
    inside = stats.multivariate_normal(cov=[[1, correlation], [correlation, 1]]).cdf(
        [look.bound for look in looks], lower_limit=[-look.bound for look in looks]
    )
    assert 1 - inside == pytest.approx(looks[-1].spent, abs=2e-6)


@settings(deadline=None, max_examples=15)
@given(fractions, st.floats(0.001, 0.3))
def test_what_the_looks_reject_under_no_effect_is_what_they_spent(informations, alpha):
    looks = history(informations, alpha=alpha)
    assert 2 * sum(group_sequential.upper_crossings(looks)) == pytest.approx(looks[-1].spent, rel=1e-3, abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(st.floats(0.05, 0.95), st.floats(0.001, 0.5), st.floats(0.001, 0.5))
def test_less_alpha_makes_a_higher_first_bound(information, one, other):
    strict, loose = (group_sequential.next_look([], information=information, alpha=a) for a in sorted((one, other)))
    assert strict.bound >= loose.bound - 1e-9


@settings(deadline=None, max_examples=15)
@given(fractions, st.floats(0.01, 0.2))
def test_a_final_look_spends_all_and_is_never_stricter_than_a_planned_one(informations, alpha):
    looks = history(informations[:-1], alpha=alpha)
    planned = group_sequential.next_look(looks, information=informations[-1], alpha=alpha)
    final = group_sequential.final_look(looks, information=informations[-1], alpha=alpha)
    assert final.spent == alpha
    assert final.bound <= planned.bound + 1e-9
    assert 2 * sum(group_sequential.upper_crossings([*looks, final])) == pytest.approx(alpha, rel=1e-3)


def test_a_look_without_new_information_cannot_stop():
    looks = history([0.4, 0.4], alpha=0.05)
    assert looks[1].bound == LARGEST_BOUND
    assert looks[1].spent == looks[0].spent


@pytest.mark.parametrize("step", [0.0, 1e-9, 1e-6, 1e-4, 1e-3])
def test_a_final_look_may_come_with_hardly_any_new_information(step):
    looks = history([0.3, 0.6], alpha=0.05)
    final = group_sequential.final_look(looks, information=0.6 + step, alpha=0.05)
    once = group_sequential.final_look(looks[:1], information=0.6, alpha=0.05)
    assert final.bound == pytest.approx(once.bound, abs=2e-3)


def test_the_bound_of_a_look_takes_the_stored_bounds_as_they_are():
    """Paths that a stricter past let go on may still stop now, so less is left for the others."""
    as_planned = [Look(0.5, spent=0.003, bound=2.9626)]
    stricter = [Look(0.5, spent=0.003, bound=5.0)]
    before, after = (group_sequential.next_look(past, information=1.0, alpha=0.05) for past in (as_planned, stricter))
    assert after.bound > before.bound + 0.01


def test_forty_irregular_looks_spend_exactly_alpha():
    informations = np.sort(np.random.default_rng(7).uniform(0.01, 1, 40)).tolist()
    looks = history([*informations, 1.0], alpha=0.05)
    assert looks[-1].spent == pytest.approx(0.05, rel=1e-12)
    assert 2 * sum(group_sequential.upper_crossings(looks)) == pytest.approx(0.05, abs=1e-6)


def test_an_effect_is_found_as_often_as_simulation_finds_it():
    looks = group_sequential.planned_looks(5, alpha=0.05)
    steps = np.random.default_rng(3).normal(2.8 / 5, math.sqrt(1 / 5), (200_000, 5)).cumsum(axis=1)
    z = steps / np.sqrt([look.information for look in looks])
    inside = np.abs(z) < [look.bound for look in looks]
    alive = np.cumprod(inside, axis=1)
    stops = (z >= [look.bound for look in looks]) & np.column_stack([np.ones(len(z)), alive[:, :-1]]).astype(bool)
    expected = group_sequential.upper_crossings(looks, drift=2.8)
    assert stops.mean(axis=0).tolist() == pytest.approx(list(expected), abs=0.004)


def test_the_known_looks_of_an_experiment_past_its_plan_count_as_full_information():
    assert group_sequential.information_fraction(1200, planned=1000) == 1.0
    assert group_sequential.information_fraction(250, planned=1000) == 0.25


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.001, 0.5))
def test_spending_never_falls_and_ends_at_alpha(one, other, alpha):
    earlier, later = (spending.obrien_fleming(t, alpha=alpha) for t in sorted((one, other)))
    assert 0 <= earlier <= later <= alpha * (1 + 1e-12)
    assert spending.obrien_fleming(1.0, alpha=alpha) == pytest.approx(alpha, rel=1e-12)
