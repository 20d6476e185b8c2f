"""Plans by the coefficient of variation agree with the published table; the variation is that of users."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_experiment.statistics.not_estimable import NotEstimable
from model_experiment.statistics.planning import relative
from model_experiment.statistics.summaries.moments import JointMoments, Moments

PLAN = {"alpha": 0.05, "power": 0.8}


def test_users_per_variant_are_those_of_the_published_table():
    needed = relative.required_per_variant([0.01, 0.02, 0.05, 0.1, 0.2], variation=1.0, **PLAN)
    assert np.ceil(needed).tolist() == [156_978, 39_245, 6_280, 1_570, 393]


@settings(max_examples=50)
@given(st.floats(1e-3, 2.0), st.floats(0.1, 20.0), st.floats(0.5, 0.99), st.floats(1e-4, 0.2))
def test_the_planned_users_have_the_planned_power_and_detect_the_planned_change(change, variation, power, alpha):
    users = relative.required_per_variant(-change, variation=variation, alpha=alpha, power=power)
    given_users = {"per_variant": users, "variation": variation, "alpha": alpha}
    assert relative.power_of(change, **given_users) == pytest.approx(power, abs=1e-9)
    assert relative.detectable(users, variation=variation, alpha=alpha, power=power) == pytest.approx(change, rel=1e-9)


def test_the_variation_of_a_mean_and_of_a_ratio_are_those_of_the_users():
    rng = np.random.default_rng(7)
    views = rng.poisson(20, (3, 500)) + 1.0
    clicks = rng.binomial(views.astype(int), 0.3).astype(float)
    of_mean = relative.variation_of_mean(Moments.of(clicks))
    assert of_mean.values == pytest.approx(clicks.std(axis=-1, ddof=1) / clicks.mean(axis=-1), rel=1e-9)
    of_ratio = relative.variation_of_ratio(JointMoments.of(clicks, views))
    ratio = clicks.sum(axis=-1, keepdims=True) / views.sum(axis=-1, keepdims=True)
    linear = (clicks - ratio * views).std(axis=-1, ddof=1) / clicks.mean(axis=-1)
    assert of_ratio.values == pytest.approx(linear, rel=1e-9)


def test_a_ratio_to_a_constant_varies_like_its_numerator():
    clicks = np.array([3.0, 4.0, 5.0, 4.0])
    ratio = relative.variation_of_ratio(JointMoments.of(clicks, np.full(4, 9.0)))
    assert ratio.single == pytest.approx(relative.variation_of_mean(Moments.of(clicks)).single)


@pytest.mark.parametrize(
    ("users", "reason"),
    [
        pytest.param([3.0], "1 users say nothing of how users differ", id="one user"),
        pytest.param(
            [0.0, 0.0, 3.0],
            "the mean must be 4 standard errors above 0, found 1 with standard error 1",
            id="a mean near 0",
        ),
    ],
)
def test_without_a_level_there_is_no_variation(users, reason):
    assert relative.variation_of_mean(Moments.of(users)).single == NotEstimable(reason)


def test_a_ratio_needs_both_its_levels():
    near, far = [0.0, 0.0, 3.0], [10.0, 10.5, 10.2]
    for pair, name in (((near, far), "numerator"), ((far, near), "denominator")):
        reason = relative.variation_of_ratio(JointMoments.of(*pair)).single.reason
        assert reason.startswith(f"the mean {name} must be 4 standard errors above 0")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: relative.required_per_variant(0.0, variation=1.0, **PLAN),
            "change must not be 0, found 0",
            id="a plan for no change",
        ),
        pytest.param(
            lambda: relative.required_per_variant(0.1, variation=0.0, **PLAN),
            "variation must be finite and above 0, found 0",
            id="users who do not vary",
        ),
        pytest.param(
            lambda: relative.power_of(math.inf, variation=1.0, per_variant=9, alpha=0.05),
            "change must be finite, found inf",
            id="an infinite change",
        ),
        pytest.param(
            lambda: relative.detectable(0, variation=1.0, **PLAN),
            "per_variant must be finite and above 0, found 0",
            id="no users",
        ),
    ],
)
def test_a_bad_argument_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
