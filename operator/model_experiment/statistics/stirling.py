"""What is left of logarithms of gamma functions when their large parts have cancelled.

The trap: a difference of log-gammas. At a billion users they are some 10^10, and their rounding alone moves a
probability by 1e-6. With the two functions here the large parts are never computed (Loader 2000, "Fast and accurate
computation of binomial probabilities").
"""

import math

import numpy as np
from scipy import special

from model_experiment.statistics.arguments import Floats

_LARGE = 50.0  # the series is exact from here on
_HALF = 0.5


def remainder(z: Floats) -> Floats:
    """What Stirling's formula leaves: ln Gamma(z) - ((z - 1/2) ln z - z + ln(2 pi)/2), by its series for large z.

    >>> round(float(remainder(np.array(1.0))), 9)  # 1 - ln(2 pi)/2
    0.081061467
    """
    large = np.maximum(z, _LARGE)
    series = (1 / 12 - (1 / 360 - 1 / (1260 * large**2)) / large**2) / large
    near = np.minimum(z, _LARGE)
    direct = special.gammaln(near) - ((near - _HALF) * np.log(near) - near + math.log(2 * math.pi) / 2)
    return np.asarray(np.where(z > near, series, direct))


def divergence(deviation: Floats) -> Floats:
    """(1 + d) ln(1 + d) - d of a relative deviation d: x ln(x/m) - (x - m) over m, for x = (1 + d) m."""
    return np.asarray((1 + deviation) * np.log1p(deviation) - deviation)
