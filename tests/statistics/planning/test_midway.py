"""What is asked for in addition is exactly what was missing."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_experiment.statistics.planning import midway, relative
from model_experiment.statistics.sequential.normal_mixture import NormalMixture
from model_experiment.statistics.tails import normal_quantile

PLAN = {"alpha": 0.05, "power": 0.8}
MIXTURE = NormalMixture.tuned_at(5_000, alpha=0.05)
errors = st.floats(1e-6, 1e6)


@settings(max_examples=50)
@given(st.floats(0.01, 0.5), st.floats(0.5, 5.0), st.integers(1, 10**6))
def test_a_running_experiment_ends_with_what_a_plan_would_have_asked_for(effect, variation, users):
    planned = float(relative.required_per_variant(effect, variation=variation, **PLAN))
    error = variation * (2 / users) ** 0.5
    more = midway.additional_multiple(error, effect=effect, **PLAN)
    assert (1 + more) * users == pytest.approx(max(planned, users), rel=1e-9)


@settings(max_examples=50)
@given(errors, st.integers(1, 10**9))
def test_the_anytime_interval_and_beta_fit_into_the_effect_exactly_at_the_end(error, users):
    more = midway.additional_multiple_anytime(error, effect=-0.05, sample_size=users, mixture=MIXTURE, **PLAN)
    final = error / np.sqrt(1 + more)
    reach = (MIXTURE.multiplier((1 + more) * users, alpha=0.05) + normal_quantile(0.2)) * final
    assert reach <= 0.05 * (1 + 1e-9)
    assert more == 0 or reach == pytest.approx(0.05, rel=1e-9)
    assert more >= midway.additional_multiple(error, effect=0.05, **PLAN)


def test_enough_is_enough():
    assert midway.additional_multiple([1e-9, 1.0], effect=0.05, **PLAN).tolist()[0] == 0
    enough = midway.additional_multiple_anytime([1e-9, 1e-3], effect=0.05, sample_size=10, mixture=MIXTURE, **PLAN)
    assert enough[0] == 0


def test_many_experiments_at_once_give_what_each_gives_alone():
    error, users = np.array([[1e-3], [0.1], [3.0]]), np.array([10, 10**6])
    together = midway.additional_multiple_anytime(error, effect=0.05, sample_size=users, mixture=MIXTURE, **PLAN)
    for i, j in np.ndindex(3, 2):
        alone = midway.additional_multiple_anytime(
            error[i, 0], effect=0.05, sample_size=users[j], mixture=MIXTURE, **PLAN
        )
        assert together[i, j] == pytest.approx(float(alone), rel=1e-9)


@pytest.mark.parametrize(
    ("error", "effect", "message"),
    [
        pytest.param(0.1, 0.0, "effect must not be 0, found 0", id="no effect"),
        pytest.param(0.0, 0.1, "standard_error must be finite and above 0, found 0", id="no error"),
        pytest.param(0.1, float("nan"), "effect must be finite, found nan", id="an effect that is NaN"),
    ],
)
def test_a_bad_argument_is_refused_by_name(error, effect, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        midway.additional_multiple(error, effect=effect, **PLAN)
