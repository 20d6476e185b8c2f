"""Normal and t tail areas in logarithms, and the way from one to the other by equal tail area.

Logarithms, because ``1 - cdf`` is exactly 0 from z = 8.3 on, and the area itself underflows for t beyond some
hundred.

The trap: a sequential bound is made for z, an effect from 2 x 100 buckets has a t. They are compared after
mapping one to the other so that the tail areas agree, and intervals take the mapped multiplier, so that an
interval excludes 0 exactly where its z passes the bound.

All functions take numbers or arrays, which broadcast, and return arrays; of NaN they are NaN.
"""

import math
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from model_experiment.statistics import arguments, binomial_tails
from model_experiment.statistics.arguments import Floats

_LARGEST_Z = 37.0
_MANY = 1e7  # from here on df / (df + t^2) is too near 1 to be raised to the power df / 2
_FARTHEST = 1e150  # whose square is a float
_SMALLEST = 1e-290


class Sides(IntEnum):
    """On how many sides of 0 a test can reject; alpha is for all of them together."""

    ONE = 1
    """Rejects only where z is high, however low it gets: for "the challenger is better", or "is worse" with -z."""

    TWO = 2
    """Rejects where z is high or low, at bounds of one size and with half of alpha each."""


def normal_quantile(tail: ArrayLike) -> Floats:
    """The z that a standard normal exceeds with probability ``tail``, 0 < tail < 1.

    >>> round(float(normal_quantile(0.025)), 6)
    1.959964
    """
    return np.asarray(-special.ndtri(arguments.probabilities("tail", tail)))


def log_t_tail(t: ArrayLike, degrees_of_freedom: ArrayLike) -> Floats:
    """The logarithm of P(T > t), 0 <= t, cut at 1e150; infinite degrees of freedom mean the normal distribution.

    >>> log_t_tail([2.0, 1e6], 198).round(4).tolist()
    [-3.7536, -2215.497]
    """
    size, freedom = _with_freedom("t", t, degrees_of_freedom)
    size = np.minimum(size, _FARTHEST)
    area = np.asarray(special.stdtr(np.where(np.isinf(freedom), 1.0, freedom), -size))
    underflows = area < _SMALLEST
    many = np.isinf(freedom) | (underflows & (freedom > _MANY))
    far = ~many & (underflows | (np.square(size) > freedom))
    with np.errstate(divide="ignore"):
        log_tail = np.asarray(np.log(area))
    if many.any():
        log_tail[many] = special.log_ndtr(-_near_z(size[many], freedom[many]))
    if far.any():
        log_tail[far] = _log_far_t_tail(size[far], freedom[far])
    return log_tail


def _with_freedom(name: str, size: ArrayLike, degrees_of_freedom: ArrayLike) -> tuple[Floats, ...]:
    """Both of one shape; NaN stands for what is not known and passes."""
    of_size, freedom = arguments.numbers(name, size), arguments.numbers("degrees_of_freedom", degrees_of_freedom)
    arguments.require(name, of_size, ~(of_size < 0), "be 0 or more")
    arguments.require("degrees_of_freedom", freedom, ~(freedom <= 0), "be above 0")
    return arguments.together({name: of_size, "degrees_of_freedom": freedom})


def _near_z(t: Floats, freedom: Floats) -> Floats:
    """The z of t for ten million degrees of freedom or more, by Wallace 1959; infinitely many change nothing.

    Where P underflows, ln P is good to a ten-millionth of itself.
    """
    finite = np.where(np.isinf(freedom), 1.0, freedom)
    z = (8 * finite + 1) / (8 * finite + 3) * np.sqrt(finite * np.log1p(np.square(t) / finite))
    return np.where(np.isinf(freedom), t, z)


def _log_far_t_tail(t: Floats, freedom: Floats) -> Floats:
    """The same, from t^2 > df on or where the area underflows.

    The area is the incomplete beta function I_x(df/2, 1/2) / 2 with x = df / (df + t^2) (DLMF 8.17).
    """
    return np.asarray(binomial_tails.log_below(freedom / 2, 0.5, freedom / (freedom + t * t)) - math.log(2))


def z_of_t(t: ArrayLike, degrees_of_freedom: ArrayLike) -> Floats:
    """The z whose tail area equals that of ``t``, with the sign of ``t``.

    >>> round(float(z_of_t(-2.0, 38)), 4)
    -1.9375
    """
    ratio = arguments.numbers("t", t)
    return np.asarray(np.copysign(special.ndtri_exp(log_t_tail(np.abs(ratio), degrees_of_freedom)), ratio))


def t_of_z(z: ArrayLike, degrees_of_freedom: ArrayLike) -> Floats:
    """The t whose tail area equals that of ``z`` >= 0: the inverse of ``z_of_t``.

    Beyond z = 37 the area underflows and t is taken as infinite: an interval that wide says nothing anyway.
    """
    size, freedom = _with_freedom("z", z, degrees_of_freedom)
    finite_freedom = np.where(np.isinf(freedom), 1.0, freedom)
    t = -special.stdtrit(finite_freedom, special.ndtr(-np.minimum(size, _LARGEST_Z)))
    return np.asarray(np.where(np.isinf(freedom), size, np.where(size > _LARGEST_Z, math.inf, t)))
