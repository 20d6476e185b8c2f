"""How many users are needed, and what can be seen with those there are.

For two proportions p1, p2 with mean p and the same number n of users in both variants, two-sided at alpha::

    n = (z_{alpha/2} sqrt(2 p (1-p)) + z_beta sqrt(p1 (1-p1) + p2 (1-p2)))^2 / (p2 - p1)^2

This is the formula of R's ``power.prop.test``; power counts rejections in the right direction only.

A plan multiplies n by ``sequential_inflation`` for the looks and by ``split_inflation`` for an uneven split.
The reverse questions divide the users there are by the same factors first.

The trap: power for the effect that was *observed* says nothing that its p-value did not say. Plan for the
smallest effect that would matter.
"""

import math
from collections.abc import Sequence

from scipy import optimize, special

from model_experiment.statistics import arguments, group_sequential, tails
from model_experiment.statistics.group_sequential import Look
from model_experiment.statistics.not_estimable import NotEstimable


def required_per_variant(rate1: float, rate2: float, *, alpha: float, power: float) -> float:
    """The users in *each* of two equal variants, not rounded, that tell the rates apart with ``power``.

    >>> round(required_per_variant(0.50, 0.75, power=0.90, alpha=0.05), 1)
    76.7
    """
    if rate1 == rate2:
        raise ValueError(f"rate1 and rate2 must differ, found {rate1} for both")
    noise, signal = _deviations(rate1, rate2)
    quantile = tails.normal_quantile(arguments.probability("alpha", alpha) / 2)
    needed = quantile * noise + tails.normal_quantile(1 - _powerful(power, alpha)) * signal
    return (needed / (rate2 - rate1)) ** 2


def power_of(rate1: float, rate2: float, *, per_variant: float, alpha: float) -> float:
    """The probability that ``per_variant`` users in each of two variants tell the rates apart.

    >>> round(power_of(0.50, 0.75, per_variant=50, alpha=0.05), 6)
    0.740166
    """
    noise, signal = _deviations(rate1, rate2)
    quantile = tails.normal_quantile(arguments.probability("alpha", alpha) / 2)
    size = arguments.positive("per_variant", per_variant)
    return float(special.ndtr((abs(rate2 - rate1) * math.sqrt(size) - quantile * noise) / signal))


def detectable_relative_effect(
    per_variant: float, *, baseline: float, alpha: float, power: float
) -> float | NotEstimable:
    """The smallest relative rise over ``baseline`` that ``per_variant`` users in each variant show.

    >>> round(detectable_relative_effect(14_751, baseline=0.10, alpha=0.05, power=0.80), 4)
    0.1
    """
    arguments.probability("baseline", baseline)
    _powerful(power, alpha)

    def shortfall(rise: float) -> float:
        return power_of(baseline, baseline * (1 + rise), per_variant=per_variant, alpha=alpha) - power

    smallest, largest = 1e-9, (1 / baseline - 1) * (1 - 1e-9)
    if shortfall(largest) < 0:
        return NotEstimable(f"{per_variant:g} users per variant show no rise over {baseline:g} with power {power:g}")
    if shortfall(smallest) >= 0:
        return smallest
    return float(optimize.brentq(shortfall, smallest, largest, xtol=1e-12))


def sequential_inflation(looks: Sequence[Look], *, alpha: float, power: float) -> float:
    """How many times the sample of a single look a test with these ``looks`` may need, at equal power.

    A test that stops when it is sure needs this much more at most, and less on average.

    >>> looks = group_sequential.planned_looks(14, alpha=0.05)
    >>> round(sequential_inflation(looks, alpha=0.05, power=0.80), 3)
    1.042
    """
    quantile = tails.normal_quantile(arguments.probability("alpha", alpha) / 2)
    fixed = quantile + tails.normal_quantile(1 - _powerful(power, alpha))

    def shortfall(drift: float) -> float:
        return sum(group_sequential.upper_crossings(looks, drift=drift)) - power

    return float(optimize.brentq(shortfall, 0.0, 10 * fixed, xtol=1e-9) / fixed) ** 2


def split_inflation(share: float) -> float:
    """How many times the *total* of users a ``share`` f of the challenger needs: 1/(4 f (1-f)).

    >>> round(split_inflation(0.1), 3)
    2.778
    """
    arguments.probability("share", share)
    return 1 / (4 * share * (1 - share))


def _powerful(power: float, alpha: float) -> float:
    if not alpha < power < 1:
        raise ValueError(f"power must lie strictly between alpha ({alpha}) and 1, found {power}")
    return power


def _deviations(rate1: float, rate2: float) -> tuple[float, float]:
    """The standard deviation of a difference of one user each, if the rates were equal and as they are."""
    arguments.probability("rate1", rate1)
    arguments.probability("rate2", rate2)
    mean = (rate1 + rate2) / 2
    return math.sqrt(2 * mean * (1 - mean)), math.sqrt(rate1 * (1 - rate1) + rate2 * (1 - rate2))
