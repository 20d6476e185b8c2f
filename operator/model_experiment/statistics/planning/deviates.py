"""The normal quantiles that every plan is made of.

A test at alpha rejects beyond z_a, with a = alpha for one side and alpha / 2 for two. An effect is found with a given
power where its z lies z_a + z_beta from 0 on average, beta = 1 - power. Power counts rejections in the right
direction only, as R's ``power.prop.test`` and ``power.t.test`` do.

The trap: sides. A non-inferiority question has one side, "do they differ?" has two, and taking one for the other
changes the sample by a quarter.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from model_experiment.statistics import arguments, tails
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.tails import Sides


def distance(*, alpha: ArrayLike, power: ArrayLike, sides: Sides = Sides.TWO) -> Floats:
    """The z that an effect must have on average to be found with ``power``: z_a + z_beta.

    >>> round(float(distance(alpha=0.05, power=0.80)), 4)
    2.8016
    """
    wrong, right = quantiles(alpha=alpha, power=power, sides=sides)
    return np.asarray(wrong + right)


def quantiles(*, alpha: ArrayLike, power: ArrayLike, sides: Sides = Sides.TWO) -> tuple[Floats, Floats]:
    """z_a and z_beta.

    Raises:
        ValueError: unless 0 < alpha < power < 1.
    """
    return rejection(alpha=alpha, sides=sides), tails.normal_quantile(1 - wanted_power(power, alpha=alpha))


def rejection(*, alpha: ArrayLike, sides: Sides = Sides.TWO) -> Floats:
    """z_a."""
    return tails.normal_quantile(arguments.probabilities("alpha", alpha) / sides)


def power_of(excess: Floats, *, spread: Floats) -> Floats:
    """The chance that a normal around ``excess`` with standard deviation ``spread`` exceeds 0; a spread may be 0."""
    certain = np.where(excess > 0, 1.0, 0.0)
    return np.where(spread > 0, special.ndtr(excess / np.where(spread > 0, spread, 1.0)), certain)


def wanted_power(power: ArrayLike, *, alpha: ArrayLike) -> Floats:
    """``power`` above ``alpha`` and below 1: less is reached without any effect."""
    wanted, level = arguments.together(
        {"power": arguments.probabilities("power", power), "alpha": arguments.probabilities("alpha", alpha)}
    )
    low = np.flatnonzero(wanted <= level)
    if low.size:
        found, least = wanted.flat[low[0]], level.flat[low[0]]
        raise ValueError(f"power must lie strictly between alpha ({least:g}) and 1, found {found:g}")
    return wanted
