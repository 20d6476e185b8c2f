"""Users needed to tell two proportions apart, and what can be seen with those there are.

For two proportions p1, p2 with mean p and the same number n of users in both variants, two-sided at alpha::

    n = (z_{alpha/2} sqrt(2 p (1-p)) + z_beta sqrt(p1 (1-p1) + p2 (1-p2)))^2 / (p2 - p1)^2

This is the formula of R's ``power.prop.test``; power counts rejections in the right direction only. All functions
take numbers or arrays, which broadcast.

The trap: power for the effect that was *observed* says nothing that its p-value did not say. Plan for the
smallest effect that would matter.
"""

from typing import assert_never

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments, roots
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.not_estimable import Estimates, Index, reasons
from model_experiment.statistics.planning import deviates
from model_experiment.statistics.trust.equivalence import Better

_SMALLEST_CHANGE = 1e-9


def required_per_variant(rate1: ArrayLike, rate2: ArrayLike, *, alpha: ArrayLike, power: ArrayLike) -> Floats:
    """The users in *each* of two equal variants, not rounded, that tell the rates apart with ``power``.

    >>> round(float(required_per_variant(0.50, 0.75, power=0.90, alpha=0.05)), 1)
    76.7

    Raises:
        ValueError: where the rates are equal, or alpha is not below power.
    """
    wrong, right = deviates.quantiles(alpha=alpha, power=power)
    first, second, wrong, right = _rates(rate1, rate2, {"alpha": wrong, "power": right})
    same = np.flatnonzero(first == second)
    if same.size:
        raise ValueError(f"rate1 and rate2 must differ, found {first.flat[same[0]]:g} twice")
    noise, signal = _deviations(first, second)
    return np.asarray(np.square((wrong * noise + right * signal) / (second - first)))


def power_of(rate1: ArrayLike, rate2: ArrayLike, *, per_variant: ArrayLike, alpha: ArrayLike) -> Floats:
    """The probability that ``per_variant`` users in each of two variants tell the rates apart.

    >>> round(float(power_of(0.50, 0.75, per_variant=50, alpha=0.05)), 6)
    0.740166
    """
    users, z = arguments.positives("per_variant", per_variant), deviates.rejection(alpha=alpha)
    return _power(*_rates(rate1, rate2, {"per_variant": users, "alpha": z}))


def detectable_relative_effect(
    per_variant: ArrayLike,
    *,
    baseline: ArrayLike,
    alpha: ArrayLike,
    power: ArrayLike,
    better: Better = Better.HIGHER,
) -> Estimates:
    """The smallest relative change of ``baseline`` for the better that ``per_variant`` users in each variant show.

    A fall is below 0, and below a baseline of one half it is smaller than a rise. Not estimable where they show no
    change that a proportion can make.

    >>> round(detectable_relative_effect(14_751, baseline=0.10, alpha=0.05, power=0.80).single, 4)
    0.1
    """
    size, base, z, wanted = arguments.together(
        {
            "per_variant": arguments.positives("per_variant", per_variant),
            "baseline": arguments.probabilities("baseline", baseline),
            "z": deviates.rejection(alpha=alpha),
            "power": deviates.wanted_power(power, alpha=alpha),
        }
    )
    match better:
        case Better.HIGHER:
            sign, end, words = 1.0, 1 / base - 1, "rise over"
        case Better.LOWER:
            sign, end, words = -1.0, np.ones(base.shape), "fall below"
        case _:
            assert_never(better)
    smallest, largest = np.full(base.shape, _SMALLEST_CHANGE), end * (1 - _SMALLEST_CHANGE)

    def shortfall(change: Floats) -> Floats:
        return _power(base, np.minimum(base * (1 + sign * change), 1.0), size, z) - wanted

    # Where no change is seen, or every one is, the sign never changes: the smallest is taken for a root there.
    never = shortfall(largest) < 0
    settled = never | (shortfall(smallest) >= 0)
    found = roots.root(lambda change: np.where(settled, change - smallest, shortfall(change)), smallest, largest)

    def worded(index: Index) -> str:
        return f"{size[index]:g} users per variant show no {words} {base[index]:g} with power {wanted[index]:g}"

    return Estimates(sign * found, reasons(never, worded))


def _rates(rate1: ArrayLike, rate2: ArrayLike, others: dict[str, Floats]) -> tuple[Floats, ...]:
    rates = {"rate1": arguments.shares("rate1", rate1), "rate2": arguments.shares("rate2", rate2)}
    return arguments.together({**rates, **others})


def _power(rate1: Floats, rate2: Floats, per_variant: Floats, z: Floats) -> Floats:
    noise, signal = _deviations(rate1, rate2)
    return deviates.power_of(np.abs(rate2 - rate1) * np.sqrt(per_variant) - z * noise, spread=signal)


def _deviations(rate1: Floats, rate2: Floats) -> tuple[Floats, Floats]:
    """The standard deviation of a difference of one user each, if the rates were equal and as they are."""
    mean = (rate1 + rate2) / 2
    return np.sqrt(2 * mean * (1 - mean)), np.sqrt(rate1 * (1 - rate1) + rate2 * (1 - rate2))
