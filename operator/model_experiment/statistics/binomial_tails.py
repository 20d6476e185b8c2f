"""The binomial distribution and the beta function behind it, in logarithms.

For X of n trials with probability p, and real a, b > 0::

    P(X >= x) = I_p(x, n - x + 1),    P(X <= x) = 1 - I_p(x + 1, n - x)                   (DLMF 8.17.5)
    P(X = x)  = p^x q^(n-x) / ((n + 1) B(x + 1, n - x + 1)),    q = 1 - p
    I_p(a, b) = p^a q^b / (a B(a, b)) * 1/(1 + d1/(1 + d2/(1 + ...)))                      (DLMF 8.17.22)

The trap: ln B(a, b) by itself. It is some 10^9 at a billion trials; here its large parts are cancelled with those of
the powers (``stirling``), which leaves an error of 1e-11.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from model_experiment.statistics import stirling
from model_experiment.statistics.arguments import Booleans, Floats

_HALF = 0.5
_FAR = 1e-30  # from here on the continued fraction is exact after some ten levels, for all a and b up to 1e12
_LEVELS = 20


def log_pmf(x: ArrayLike, trials: ArrayLike, p: ArrayLike) -> Floats:
    """The logarithm of P(X = x), for 0 <= x <= trials.

    >>> round(float(np.exp(log_pmf(2, 5, 0.5))), 12)
    0.3125
    """
    k, n = np.asarray(x, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    return np.asarray(log_power(k + 1, n - k + 1, p) - np.log(p) - np.log1p(np.negative(p)) - np.log(n + 1))


def log_at_least(x: ArrayLike, trials: ArrayLike, p: ArrayLike) -> Floats:
    """The logarithm of P(X >= x), for any x up to trials + 1.

    >>> round(float(np.exp(log_at_least(4, 5, 0.5))), 12), round(float(log_at_least(900, 1000, 0.1)), 4)
    (0.1875, -1760.9369)
    """
    k, n, share = _floats(x, trials, p)
    inside = (k > 0) & (k <= n)
    a = np.where(inside, k, 1.0)
    return np.where(inside, log_below(a, np.where(inside, n - k + 1, 1.0), share), np.where(k > 0, -math.inf, 0.0))


def log_at_most(x: ArrayLike, trials: ArrayLike, p: ArrayLike) -> Floats:
    """The logarithm of P(X <= x), for any x from -1 on."""
    k, n, share = _floats(x, trials, p)
    inside = (k >= 0) & (k < n)
    b = np.where(inside, n - k, 1.0)
    return np.where(inside, log_above(np.where(inside, k + 1, 1.0), b, share), np.where(k < 0, -math.inf, 0.0))


def log_below(a: ArrayLike, b: ArrayLike, p: ArrayLike) -> Floats:
    """The logarithm of I_p(a, b), the probability that a beta variable lies below ``p``; a, b > 0 and 0 < p < 1."""
    one, other, share = _floats(a, b, p)
    log_area, large, far = _log_of(special.betainc(one, other, share))
    log_area[large] = np.log1p(-special.betaincc(one[large], other[large], share[large]))
    one, other, share = one[far], other[far], share[far]
    log_area[far] = log_power(one, other, share) - np.log(one * _fraction(one, other, share))
    return log_area


def log_above(a: ArrayLike, b: ArrayLike, p: ArrayLike) -> Floats:
    """The logarithm of 1 - I_p(a, b), the probability that a beta variable lies above ``p``."""
    one, other, share = _floats(a, b, p)
    log_area, large, far = _log_of(special.betaincc(one, other, share))
    log_area[large] = np.log1p(-special.betainc(one[large], other[large], share[large]))
    one, other, share = one[far], other[far], share[far]
    log_area[far] = log_power(one, other, share) - np.log(other * _fraction(other, one, 1 - share))
    return log_area


def log_power(a: ArrayLike, b: ArrayLike, p: ArrayLike) -> Floats:
    """The sum a ln p + b ln(1 - p) - ln B(a, b), its large parts cancelled beforehand; a, b > 0 and 0 < p < 1.

    >>> round(float(log_power(2, 3, 0.5)), 9), round(math.log(0.5**5 * 12), 9)
    (-0.980829253, -0.980829253)
    """
    one, other, share = _floats(a, b, p)
    n = one + other
    expected, rest = n * share, n * (1 - share)
    excess = np.where(share < _HALF, one - expected, rest - other)
    distance = _distance(one, expected, excess) + _distance(other, rest, -excess)
    size = np.log(one / (2 * math.pi) * (other / n)) / 2
    return np.asarray(size - distance + stirling.remainder(n) - stirling.remainder(one) - stirling.remainder(other))


def _distance(x: Floats, mean: Floats, excess: Floats) -> Floats:
    """The sum x ln(x / mean) - excess, by the relative deviation only near the mean, as it overflows elsewhere."""
    far = np.abs(excess) > _HALF * mean
    near = mean * stirling.divergence(np.where(far, 0.0, excess) / mean)
    return np.where(far, x * (np.log(x) - np.log(mean)) - excess, near)


def _log_of(area: Floats) -> tuple[Floats, Booleans, Booleans]:
    """The logarithm, where the other area says it better because this one is large, and where floats fail it."""
    with np.errstate(divide="ignore"):
        log_area: Floats = np.asarray(np.log(area))
    return log_area, np.asarray(area > _HALF), np.asarray(area < _FAR)


def _fraction(a: Floats, b: Floats, p: Floats) -> Floats:
    """1 + d1/(1 + d2/(1 + ...)), from the inside out; good where p is far below a / (a + b)."""
    value = np.ones_like(p)
    for m in range(_LEVELS, 0, -1):
        value = 1 + m * (b - m) * p / ((a + 2 * m - 1) * (a + 2 * m)) / value
        k = m - 1
        value = 1 - (a + k) * (a + b + k) * p / ((a + 2 * k) * (a + 2 * k + 1)) / value
    return value


def _floats(*values: ArrayLike) -> tuple[Floats, ...]:
    return np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in values))
