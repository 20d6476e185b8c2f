"""Plans agree with the published tables, and each question undoes the other."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_experiment.statistics import group_sequential, planning
from model_experiment.statistics.not_estimable import NotEstimable

baselines = st.floats(0.005, 0.6)


@pytest.mark.parametrize(
    ("baseline", "relative", "users"),
    [(0.01, 0.01, 15.6e6), (0.01, 0.2, 42_693), (0.1, 0.1, 14_751), (0.2, 0.2, 1683), (0.5, 0.05, 6275)],
)
def test_users_per_variant_are_those_of_the_published_table(baseline, relative, users):
    needed = planning.required_per_variant(baseline, baseline * (1 + relative), alpha=0.05, power=0.8)
    assert math.ceil(needed) == pytest.approx(users, rel=0.002)


@settings(deadline=None)
@given(baselines, st.floats(0.01, 0.6), st.floats(0.5, 0.99), st.floats(0.001, 0.2))
def test_the_planned_users_have_the_planned_power_and_detect_the_planned_effect(baseline, relative, power, alpha):
    other = baseline * (1 + relative)
    users = planning.required_per_variant(baseline, other, alpha=alpha, power=power)
    assert planning.power_of(baseline, other, per_variant=users, alpha=alpha) == pytest.approx(power, abs=1e-9)
    found = planning.detectable_relative_effect(users, baseline=baseline, alpha=alpha, power=power)
    assert found == pytest.approx(relative, rel=1e-5)


@settings(deadline=None)
@given(baselines, st.floats(0.01, 0.6))
def test_telling_a_from_b_needs_as_many_users_as_b_from_a(baseline, relative):
    other = baseline * (1 + relative)
    forth = planning.required_per_variant(baseline, other, alpha=0.05, power=0.8)
    assert planning.required_per_variant(other, baseline, alpha=0.05, power=0.8) == pytest.approx(forth, rel=1e-9)


def test_too_few_users_detect_nothing():
    found = planning.detectable_relative_effect(3, baseline=0.5, alpha=0.05, power=0.8)
    assert found == NotEstimable("3 users per variant show no rise over 0.5 with power 0.8")


@pytest.mark.parametrize(
    ("count", "power", "factor"),
    [
        pytest.param(1, 0.8, 1.0, id="one look costs nothing"),
        pytest.param(14, 0.8, 1.042, id="fourteen looks cost 4 percent"),
    ],
)
def test_the_price_of_several_looks(count, power, factor):
    looks = group_sequential.planned_looks(count, alpha=0.05)
    assert planning.sequential_inflation(looks, alpha=0.05, power=power) == pytest.approx(factor, abs=0.002)


@settings(deadline=None, max_examples=8)
@given(st.integers(1, 10), st.floats(0.5, 0.95), st.floats(0.01, 0.2))
def test_looking_more_often_never_needs_fewer_users(count, power, alpha):
    one, more = (
        planning.sequential_inflation(group_sequential.planned_looks(k, alpha=alpha), alpha=alpha, power=power)
        for k in (count, count + 1)
    )
    assert 1 - 1e-6 <= one <= more + 1e-4


def test_an_uneven_split_needs_more_users_in_all():
    assert planning.split_inflation(0.5) == 1.0
    assert planning.split_inflation(0.05) == pytest.approx(5.263, abs=0.001)
    assert planning.split_inflation(0.95) == pytest.approx(planning.split_inflation(0.05))
