"""Normal and t tail areas in logarithms, and the way from one to the other by equal tail area.

Logarithms, because ``1 - cdf`` is exactly 0 from z = 8.3 on, and the area itself underflows for t beyond some
hundred.

The trap: a sequential bound is made for z, an effect from 2 x 100 buckets has a t. They are compared after
mapping one to the other so that the tail areas agree, and intervals take the mapped multiplier, so that an
interval excludes 0 exactly where its z passes the bound.
"""

import math

from scipy import special

_LARGEST_Z = 37.0


def normal_quantile(tail: float) -> float:
    """The z that a standard normal exceeds with probability ``tail``, 0 < tail < 1.

    >>> round(normal_quantile(0.025), 6)
    1.959964
    """
    return -float(special.ndtri(tail))


def log_t_tail(t: float, degrees_of_freedom: float) -> float:
    """The logarithm of P(T > t), t >= 0; ``math.inf`` degrees of freedom mean the normal distribution.

    Far out the area is the incomplete beta function I_x(df/2, 1/2) / 2 with x = df / (df + t^2), from its
    power series about x = 0 (DLMF 8.17.8), which needs no number smaller than its own logarithm.

    >>> round(log_t_tail(2.0, 198), 6), round(log_t_tail(1e6, 198), 1)
    (-3.753591, -2215.5)
    """
    if math.isinf(degrees_of_freedom):
        return float(special.log_ndtr(-t))
    if t * t <= degrees_of_freedom:
        return math.log(special.stdtr(degrees_of_freedom, -t))
    half = degrees_of_freedom / 2
    x = degrees_of_freedom / (degrees_of_freedom + t * t)
    series = special.hyp2f1(half + 0.5, 1, half + 1, x)
    log_power = half * math.log(x) + 0.5 * math.log1p(-x)
    return float(log_power - math.log(2 * half) - special.betaln(half, 0.5) + math.log(series))


def z_of_t(t: float, degrees_of_freedom: float) -> float:
    """The z whose tail area equals that of ``t``, with the sign of ``t``.

    >>> round(z_of_t(-2.0, 38), 4)
    -1.9375
    """
    return math.copysign(float(special.ndtri_exp(log_t_tail(abs(t), degrees_of_freedom))), t)


def t_of_z(z: float, degrees_of_freedom: float) -> float:
    """The t whose tail area equals that of ``z`` >= 0: the inverse of ``z_of_t``.

    Beyond z = 37 the area underflows and t is taken as infinite: an interval that wide says nothing anyway.
    """
    if math.isinf(degrees_of_freedom):
        return z
    if z > _LARGEST_Z:
        return math.inf
    return -float(special.stdtrit(degrees_of_freedom, special.ndtr(-z)))
