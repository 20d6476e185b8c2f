"""The quantiles of plans are those of the normal distribution."""

import re

import numpy as np
import pytest
from scipy import stats

from model_experiment.statistics.planning import deviates
from model_experiment.statistics.tails import Sides


@pytest.mark.parametrize(("sides", "tail"), [(Sides.ONE, 0.05), (Sides.TWO, 0.025)])
def test_alpha_is_shared_by_the_sides(sides, tail):
    found = deviates.distance(alpha=0.05, power=[0.8, 0.9], sides=sides)
    assert found == pytest.approx(stats.norm.isf(tail) + stats.norm.ppf([0.8, 0.9]), rel=1e-12)


def test_what_does_not_vary_is_seen_for_sure_or_never():
    found = deviates.power_of(np.array([1.0, -1.0, 0.0, 1.0]), spread=np.array([0.0, 0.0, 0.0, 1.0]))
    assert found == pytest.approx([1.0, 0.0, 0.0, stats.norm.cdf(1.0)])


@pytest.mark.parametrize(
    ("alpha", "power", "message"),
    [
        pytest.param(0.05, 0.05, "power must lie strictly between alpha (0.05) and 1, found 0.05", id="by chance"),
        pytest.param([0.01, 0.2], 0.1, "power must lie strictly between alpha (0.2) and 1, found 0.1", id="one of two"),
        pytest.param(0.0, 0.8, "alpha must lie strictly between 0 and 1, found 0", id="no error allowed"),
        pytest.param(0.05, 1.0, "power must lie strictly between 0 and 1, found 1", id="certainty"),
    ],
)
def test_a_plan_without_sense_is_refused(alpha, power, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        deviates.distance(alpha=alpha, power=power)
