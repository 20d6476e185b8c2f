"""How much more data a running experiment needs, from the error that it has so far.

The error s shrinks like 1 / sqrt(1 + k) as the data grow by k times what is there, and the effect that matters, d, is
found with the wanted power where::

    d / s_k >= c + z_beta,  s_k = s / sqrt(1 + k)
    k = s^2 ((z_{alpha/2} + z_beta) / d)^2 - 1              at a planned end, c = z_{alpha/2}
    k by iteration                                          anytime, c the multiplier at (1 + k) n users

These are GrowthBook's mid-experiment power, with one rejection tail, and a k below 0 is 0: it is enough.

The trap: d is the effect that was planned for. With the effect that was *found* in its place this is the p-value in
another guise.
"""

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments, roots
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.planning import deviates
from model_experiment.statistics.sequential.normal_mixture import NormalMixture

_LARGEST_LOG = 500.0  # e^500 times the data is more than any error can ask for


def additional_multiple(standard_error: ArrayLike, *, effect: ArrayLike, alpha: ArrayLike, power: ArrayLike) -> Floats:
    """How many times the present data must come *on top*, so that ``effect`` is found with ``power``; 0 is enough.

    ``standard_error`` is on the same scale as ``effect``, which may have either sign.

    >>> round(float(additional_multiple(0.0918, effect=0.05, alpha=0.05, power=0.80)), 2)
    25.46

    Raises:
        ValueError: for an effect of 0, an error not above 0, or alpha not below power.
    """
    ratio, distance = arguments.together(
        {
            "standard_error and effect": _errors_per_effect(standard_error, effect),
            "alpha and power": deviates.distance(alpha=alpha, power=power),
        }
    )
    return np.asarray(np.maximum(np.square(ratio * distance) - 1, 0.0))


def additional_multiple_anytime(
    standard_error: ArrayLike,
    *,
    effect: ArrayLike,
    sample_size: ArrayLike,
    mixture: NormalMixture,
    alpha: ArrayLike,
    power: ArrayLike,
) -> Floats:
    """The same where the interval of a normal ``mixture`` decides; ``sample_size`` users of both variants so far.

    >>> mixture = NormalMixture.tuned_at(5_000, alpha=0.05)
    >>> found = additional_multiple_anytime(
    ...     0.0918, effect=0.05, sample_size=1_000, mixture=mixture, alpha=0.05, power=0.80
    ... )
    >>> round(float(found), 1)
    55.7
    """
    needed, users, right, _ = arguments.together(
        {
            "standard_error and effect": np.square(_errors_per_effect(standard_error, effect)),
            "sample_size": arguments.positives("sample_size", sample_size),
            "alpha and power": deviates.quantiles(alpha=alpha, power=power)[1],
            "mixture": mixture.rho,
        }
    )
    start = np.zeros(needed.shape)

    def excess(log_times: Floats) -> Floats:
        """How far above what is needed the data are, at exp(log_times) times those that are there."""
        inside = np.fmin(np.fmax(log_times, 0.0), _LARGEST_LOG)
        wide = mixture.multiplier(np.exp(inside) * users, alpha=alpha) + right
        return np.asarray(inside - np.log(needed * np.square(wide)))

    enough = excess(start) >= 0
    return np.expm1(roots.root(lambda place: np.where(enough, place, excess(place)), start, _LARGEST_LOG))


def _errors_per_effect(standard_error: ArrayLike, effect: ArrayLike) -> Floats:
    error, size = arguments.together(
        {
            "standard_error": arguments.positives("standard_error", standard_error),
            "effect": np.abs(arguments.finite("effect", effect)),
        }
    )
    if not size.all():
        raise ValueError("effect must not be 0, found 0")
    return np.asarray(error / size)
