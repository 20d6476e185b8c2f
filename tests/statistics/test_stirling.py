"""What is left of log-gammas keeps its digits where the difference of them has none."""

import math

import numpy as np
import pytest

from model_experiment.statistics import stirling


@pytest.mark.parametrize("z", [0.01, 0.5, 3.0, 49.0, 51.0, 1e6])
def test_stirlings_remainder_is_what_is_left_of_log_gamma(z):
    left = math.lgamma(z) - ((z - 0.5) * math.log(z) - z + math.log(2 * math.pi) / 2)
    scale = max(1.0, abs(math.lgamma(z)))
    assert stirling.remainder(np.array(z)) == pytest.approx(left, abs=1e-15 * 8 * scale)


@pytest.mark.parametrize("deviation", [-0.9, -1e-3, 1e-9, 0.5, 1e6])
def test_the_divergence_is_that_of_its_series_and_its_definition(deviation):
    series = deviation**2 / 2 - deviation**3 / 6 + deviation**4 / 12
    direct = (1 + deviation) * math.log(1 + deviation) - deviation
    expected = series if abs(deviation) < 0.01 else direct
    assert stirling.divergence(np.array(deviation)) == pytest.approx(expected, rel=1e-6)
