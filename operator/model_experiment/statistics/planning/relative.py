"""Users needed to see a relative change of a mean or of a ratio of two sums, from its coefficient of variation.

With c the standard deviation of one user over the mean, and r the relative change that matters::

    n = 2 (z_{alpha/2} + z_beta)^2 c^2 / r^2             in each of two equal variants
    c^2 = variance / mean^2                              of a mean
    c^2 = variance of y/Y - x/X                          of the ratio of sums of y and x; Y, X their means

The second is the delta method (Deng, Knoblich & Lu 2018, arXiv 1803.06336). The estimate is taken as normal, which
needs hundreds of users and some 355 skewness^2 of them for skewed values. All functions take numbers or arrays, which
broadcast.

The trap: the user is the unit. A variation over requests says how many *requests* are needed if they were
independent, and they are not.
"""

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.effects.ratios import too_near_zero
from model_experiment.statistics.not_estimable import Estimates, Reasons, first_of, known, reasons
from model_experiment.statistics.planning import deviates
from model_experiment.statistics.summaries.moments import JointMoments, Moments


def required_per_variant(change: ArrayLike, *, variation: ArrayLike, alpha: ArrayLike, power: ArrayLike) -> Floats:
    """The users in *each* of two equal variants, not rounded, that show a relative ``change`` with ``power``.

    >>> round(float(required_per_variant(0.05, variation=1.0, alpha=0.05, power=0.80)), 1)
    6279.1

    Raises:
        ValueError: for a change of 0, a variation not above 0, or alpha not below power.
    """
    size, spread, distance = arguments.together(
        {
            "change": np.abs(arguments.finite("change", change)),
            "variation": arguments.positives("variation", variation),
            "alpha and power": deviates.distance(alpha=alpha, power=power),
        }
    )
    if not size.all():
        raise ValueError("change must not be 0, found 0")
    return np.asarray(2 * np.square(distance * spread / size))


def power_of(change: ArrayLike, *, variation: ArrayLike, per_variant: ArrayLike, alpha: ArrayLike) -> Floats:
    """The probability that ``per_variant`` users in each of two variants show a relative ``change``.

    >>> round(float(power_of(0.05, variation=1.0, per_variant=6279.1, alpha=0.05)), 4)
    0.8
    """
    size, error, z = arguments.together(
        {
            "change": np.abs(arguments.finite("change", change)),
            "variation and per_variant": _error(variation, per_variant),
            "alpha": deviates.rejection(alpha=alpha),
        }
    )
    return deviates.power_of(size - z * error, spread=error)


def detectable(per_variant: ArrayLike, *, variation: ArrayLike, alpha: ArrayLike, power: ArrayLike) -> Floats:
    """The smallest relative change that ``per_variant`` users in each variant show with ``power``.

    >>> round(float(detectable(6279.1, variation=1.0, alpha=0.05, power=0.80)), 4)
    0.05
    """
    distance, error = arguments.together(
        {
            "alpha and power": deviates.distance(alpha=alpha, power=power),
            "variation and per_variant": _error(variation, per_variant),
        }
    )
    return np.asarray(distance * error)


def variation_of_mean(users: Moments) -> Estimates:
    """The coefficient of variation of one user, for the plan of a mean.

    Not estimable with fewer than two users, or where the mean is not 4 standard errors above 0.

    >>> round(variation_of_mean(Moments.of([1.0, 2.0, 3.0, 2.0])).single, 4)
    0.4082
    """
    missing = _no_level(users, "the mean")
    mean = np.where(known(missing), users.means, 1.0)
    return Estimates(np.sqrt(users.variances) / mean, missing)


def variation_of_ratio(users: JointMoments) -> Estimates:
    """The same of a ratio of two sums over users, first over second; neither mean may be near 0.

    >>> clicks, views = [1.0, 2.0, 3.0, 2.0], [10.0, 20.0, 30.0, 24.0]
    >>> round(variation_of_ratio(JointMoments.of(clicks, views)).single, 4)
    0.0972
    """
    missing = first_of(_no_level(users.first, "the mean numerator"), _no_level(users.second, "the mean denominator"))
    first, second = (np.where(known(missing), part.means, 1.0) for part in (users.first, users.second))
    return Estimates(np.sqrt(users.combined(1 / first, -1 / second).variances), missing)


def _error(variation: ArrayLike, per_variant: ArrayLike) -> Floats:
    """The standard error of the relative change: variation sqrt(2 / n)."""
    spread, users = arguments.together(
        {
            "variation": arguments.positives("variation", variation),
            "per_variant": arguments.positives("per_variant", per_variant),
        }
    )
    return np.asarray(spread * np.sqrt(2 / users))


def _no_level(users: Moments, subject: str) -> Reasons:
    few = reasons(users.n < 2, lambda i: f"{users.n[i]:g} users say nothing of how users differ")  # noqa: PLR2004
    errors = np.sqrt(users.variances / np.maximum(users.n, 1.0))
    return first_of(few, too_near_zero(users.means, errors, subject=subject))
