"""Designs cost what is published, and what a definition of their cost says."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_experiment.statistics.planning import inflation, proportions
from model_experiment.statistics.sequential import group_sequential
from model_experiment.statistics.tails import Sides

PLAN = {"alpha": 0.05, "power": 0.8}


@pytest.mark.parametrize(
    ("looks", "largest", "average"),
    [
        pytest.param(group_sequential.planned_looks(1, alpha=0.05), 1.0, 1.0, id="one look costs nothing"),
        pytest.param(group_sequential.planned_looks(14, alpha=0.05), 1.042, 0.79, id="fourteen looks cost 4 percent"),
        pytest.param(inflation.anytime_looks(14, alpha=0.05), 1.76, 1.16, id="an anytime interval at fourteen looks"),
        pytest.param(inflation.anytime_looks(100, alpha=0.05), 1.68, 1.05, id="an anytime interval at a hundred looks"),
    ],
)
def test_the_published_price_of_several_looks(looks, largest, average):
    assert inflation.sequential(looks, **PLAN) == pytest.approx(largest, abs=0.006)
    assert inflation.expected(looks, **PLAN) == pytest.approx(average, abs=0.011)


@settings(max_examples=8)
@given(st.integers(1, 10), st.floats(0.5, 0.95), st.floats(0.01, 0.2))
def test_looking_more_often_never_needs_fewer_users(count, power, alpha):
    one, more = (
        inflation.sequential(group_sequential.planned_looks(k, alpha=alpha), alpha=alpha, power=power)
        for k in (count, count + 1)
    )
    assert 1 - 1e-6 <= one <= more + 1e-4


def test_the_larger_the_effect_the_sooner_it_is_seen():
    looks = group_sequential.planned_looks(14, alpha=0.05)
    found = [inflation.expected(looks, effect=effect, **PLAN) for effect in (0.0, 1.0, 1.5, 2.0)]
    # Published for a sample of one look, .99, .76, .56 and .43; here for 1.042 times that, at the full power.
    assert found == pytest.approx([1.03, 0.79, 0.575, 0.44], abs=0.01)


@pytest.mark.parametrize("count", [1, 5, 14])
def test_one_side_at_alpha_costs_what_two_sides_cost_at_twice_that(count):
    one = group_sequential.planned_looks(count, alpha=0.05, sides=Sides.ONE)
    both = group_sequential.planned_looks(count, alpha=0.1)
    for cost in (inflation.sequential, inflation.expected):
        found = cost(one, **PLAN, sides=Sides.ONE)
        assert found == pytest.approx(cost(both, alpha=0.1, power=0.8), abs=1e-3)


def test_one_side_does_not_stop_where_the_effect_is_on_the_other():
    looks = group_sequential.planned_looks(5, alpha=0.05, sides=Sides.ONE)
    largest = inflation.sequential(looks, **PLAN, sides=Sides.ONE)
    assert largest == pytest.approx(1.035, abs=0.001)
    assert inflation.expected(looks, **PLAN, effect=0.0, sides=Sides.ONE) == pytest.approx(0.99 * largest, abs=0.01)


def test_clusters_of_equal_size_are_kishs_design_effect():
    assert inflation.clusters([1, 20, 20], correlation=[0.5, 0.0, 1.0]).tolist() == [1.0, 1.0, 20.0]


def test_the_design_effect_is_what_clustering_multiplies_a_variance_by():
    sizes, correlation = np.array([1.0, 2.0, 5.0, 12.0]), 0.1
    # var(sum) = sum over clusters of m + m (m-1) icc, against sum m were they independent.
    exact = (sizes + sizes * (sizes - 1) * correlation).sum() / sizes.sum()
    found = inflation.clusters(sizes.mean(), correlation=correlation, variation=sizes.std() / sizes.mean())
    assert found == pytest.approx(exact)


def test_an_adjustment_halves_the_sample_at_a_correlation_of_seven_tenths_of_either_sign():
    assert inflation.adjustment([0.0, 0.5**0.5, -(0.5**0.5)]) == pytest.approx([1.0, 0.5, 0.5])


def test_an_uneven_split_needs_more_users_in_all():
    found = inflation.split([0.5, 0.05, 0.95])
    assert found == pytest.approx([1.0, 5.26316, 5.26316], abs=1e-5)
    both = inflation.shares(champion=[0.5, 0.95, 0.05], challenger=[0.5, 0.05, 0.95])
    assert both == pytest.approx(found)


def test_several_challengers_pay_for_their_share_of_alpha():
    one, third = (
        float(proportions.required_per_variant(0.5, 0.5001, alpha=alpha, power=0.8)) for alpha in (0.05, 0.05 / 3)
    )
    assert inflation.challengers(3, **PLAN) == pytest.approx(third / one, rel=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: inflation.split(0.0), "share must lie strictly between 0 and 1, found 0", id="nobody's share"
        ),
        pytest.param(
            lambda: inflation.shares(champion=0.6, challenger=[0.2, 0.5]),
            "champion and challenger must not exceed 1 together, found 1.1",
            id="more than all users",
        ),
        pytest.param(
            lambda: inflation.clusters(0.5, correlation=0.1),
            "mean_size must be finite and 1 or more, found 0.5",
            id="half a request",
        ),
        pytest.param(
            lambda: inflation.clusters(5, correlation=1.1),
            "correlation must lie between 0 and 1, found 1.1",
            id="a correlation above 1",
        ),
        pytest.param(
            lambda: inflation.adjustment([0.5, 1.0]),
            "correlation must lie strictly between -1 and 1, found 1",
            id="the outcome itself",
        ),
        pytest.param(
            lambda: inflation.challengers(0, **PLAN), "count must be finite and 1 or more, found 0", id="no challenger"
        ),
        pytest.param(
            lambda: inflation.anytime_looks(0, alpha=0.05),
            "count must be whole and 1 or more, found 0",
            id="a plan without looks",
        ),
    ],
)
def test_a_bad_argument_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
