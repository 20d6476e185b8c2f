"""Adjusted p-values are those of their definitions, for any family, with gaps, and below every float."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from model_experiment.statistics.trust import multiplicity
from model_experiment.statistics.trust.multiplicity import benjamini_hochberg, bonferroni, holm, logarithms, rejected

METHODS = [bonferroni, holm, benjamini_hochberg]
p_values = st.floats(1e-300, 1.0)
families = st.lists(p_values, min_size=1, max_size=12)
each_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)


def adjusted(method, family):
    return np.exp(method(logarithms(family)))


def rejected_step_by_step(family, alpha):
    """Holm's procedure as he gives it: from the smallest on, until one is too large."""
    found = [False] * len(family)
    for step, place in enumerate(np.argsort(family, kind="stable")):
        if family[place] > alpha / (len(family) - step):
            break
        found[place] = True
    return found


@settings(max_examples=50)
@given(families, st.floats(0.001, 0.5))
def test_holm_rejects_what_its_steps_reject(family, alpha):
    assert rejected(holm(logarithms(family)), alpha=alpha).tolist() == rejected_step_by_step(family, alpha)


@settings(max_examples=50)
@given(families)
def test_benjamini_hochberg_is_that_of_scipy(family):
    assert adjusted(benjamini_hochberg, family) == pytest.approx(stats.false_discovery_control(family), rel=1e-9)


@settings(max_examples=50)
@given(families)
def test_bonferroni_multiplies_and_each_method_is_no_stricter_than_the_one_before(family):
    first, second, third = (adjusted(method, family) for method in METHODS)
    assert first == pytest.approx(np.minimum(np.array(family) * len(family), 1), rel=1e-9)
    assert (second <= first * (1 + 1e-12)).all()
    assert (third <= second * (1 + 1e-12)).all()
    assert (third >= np.array(family) * (1 - 1e-9)).all()


@each_method
@settings(max_examples=50)
@given(families, st.randoms())
def test_the_order_of_a_family_does_not_matter(method, family, random):
    order = random.sample(range(len(family)), len(family))
    assert adjusted(method, family)[order] == pytest.approx(adjusted(method, np.array(family)[order]), rel=1e-12)


@each_method
def test_a_metric_without_p_value_is_no_part_of_the_family(method):
    found = adjusted(method, [0.01, math.nan, 0.04, 0.03, math.nan])
    assert np.isnan(found).tolist() == [False, True, False, False, True]
    assert found[[0, 2, 3]] == pytest.approx(adjusted(method, [0.01, 0.04, 0.03]), rel=1e-12)
    assert not rejected(np.log(found), alpha=0.999)[[1, 4]].any()


@each_method
def test_a_family_without_p_values_has_no_adjusted_ones(method):
    assert np.isnan(method([math.nan, math.nan])).all()


@each_method
def test_many_experiments_at_once_give_what_each_gives_alone(method):
    many = logarithms([[0.01, 0.04, 0.03], [0.5, math.nan, 0.001], [1.0, 0.0, 0.2]])
    assert np.array_equal(method(many), [method(row) for row in many], equal_nan=True)


@each_method
def test_p_values_below_every_float_keep_their_order(method):
    found = method([-5000.0, -4000.0, -1.0])
    assert found[0] == pytest.approx(-5000 + math.log(3), rel=1e-12)
    assert found[0] < found[1] < found[2] <= 0


@each_method
def test_a_lone_p_value_stays_what_it_is(method):
    assert adjusted(method, [0.03]) == pytest.approx([0.03], rel=1e-12)


def test_a_p_value_of_exactly_its_share_of_alpha_is_rejected():
    assert rejected(bonferroni(logarithms([0.01, 1, 1, 1, 1])), alpha=0.05)[0]
    assert not rejected(bonferroni(logarithms([0.0100001, 1, 1, 1, 1])), alpha=0.05)[0]


def test_the_planned_size_counts_metrics_that_are_not_there():
    found = bonferroni(logarithms([[0.01, 0.02], [0.01, 0.02]]), planned=[2, 5])
    assert np.exp(found) == pytest.approx(np.array([[0.02, 0.04], [0.05, 0.10]]))


def test_an_interval_excludes_0_exactly_where_bonferroni_rejects():
    z, m, alpha = np.linspace(1.5, 3.5, 201), 4, 0.05
    outside = z > multiplicity.critical(m, alpha=alpha)
    log_p = np.log(2 * stats.norm.sf(z))
    assert rejected(bonferroni(log_p, planned=m), alpha=alpha).tolist() == outside.tolist()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: logarithms([0.5, 1.5]), "p_values must lie between 0 and 1, found 1.5", id="a p-value above 1"
        ),
        pytest.param(lambda: holm([0.1, -2]), "log_p_values must be 0 or less, found 0.1", id="no logarithm"),
        pytest.param(lambda: holm(-1.0), "log_p_values must have the family as their last axis", id="no family"),
        pytest.param(
            lambda: bonferroni([-1.0], planned=0), "planned must be finite and 1 or more, found 0", id="nothing planned"
        ),
        pytest.param(
            lambda: rejected([-1.0], alpha=1.0), "alpha must lie strictly between 0 and 1, found 1", id="alpha of 1"
        ),
        pytest.param(
            lambda: multiplicity.critical(0, alpha=0.05),
            "comparisons must be finite and 1 or more, found 0",
            id="no comparisons",
        ),
    ],
)
def test_is_refused(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
