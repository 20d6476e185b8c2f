"""Users needed to tell two means apart by a t test, exactly, for users' values that are normal.

With n users in each of two variants and d the difference of means over the standard deviation of one user::

    power = P(T' > t_a),   T' noncentral t with 2 n - 2 degrees of freedom and noncentrality d sqrt(n / 2)

with t_a the quantile that T exceeds with probability alpha / 2 (two sides) or alpha (one). This is R's
``power.t.test``, which counts rejections in the right direction only. All functions take numbers or arrays, which
broadcast.

The trap: skewed values such as revenue. With the thousands of users that they need the t is a normal, and what
matters is their coefficient of variation: plan those with ``relative``.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from model_experiment.statistics import arguments, roots
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.planning import deviates
from model_experiment.statistics.tails import Sides

_FEWEST = 2.0
_LARGEST_SHIFT, _LARGEST_RATIO = 1e5, 1e9
_MOST_DOUBLINGS = 200


def required_per_variant(
    effect_size: ArrayLike, *, alpha: ArrayLike, power: ArrayLike, sides: Sides = Sides.TWO
) -> Floats:
    """The users in *each* of two equal variants, not rounded, that show ``effect_size`` with ``power``.

    ``effect_size`` is the difference over the standard deviation, of either sign. Two users are the fewest that have
    a variance, so 2 is the smallest answer.

    >>> round(float(required_per_variant(1.0, alpha=0.05, power=0.90)), 4)
    22.0211

    Raises:
        ValueError: for an effect of 0, or alpha not below power.
    """
    size, level, wanted = arguments.together(
        {
            "effect_size": np.abs(arguments.finite("effect_size", effect_size)),
            "alpha": arguments.probabilities("alpha", alpha),
            "power": deviates.wanted_power(power, alpha=alpha),
        }
    )
    if not size.all():
        raise ValueError("effect_size must not be 0, found 0")

    def shortfall(users: Floats) -> Floats:
        return _power(size, users, tail=level / sides) - wanted

    fewest = np.full(size.shape, _FEWEST)
    plenty = shortfall(fewest) >= 0
    normal = 2 * np.square(deviates.distance(alpha=level, power=wanted, sides=sides) / size)
    most = _until_positive(shortfall, fewest + normal)
    return roots.root(lambda users: np.where(plenty, users - fewest, shortfall(users)), fewest, most)


def power_of(effect_size: ArrayLike, *, per_variant: ArrayLike, alpha: ArrayLike, sides: Sides = Sides.TWO) -> Floats:
    """The probability that ``per_variant`` users, 2 or more, in each of two variants show ``effect_size``.

    >>> round(float(power_of(1.0, per_variant=20, alpha=0.05)), 6)
    0.868953
    """
    size, users, level = arguments.together(
        {
            "effect_size": np.abs(arguments.finite("effect_size", effect_size)),
            "per_variant": arguments.at_least("per_variant", per_variant, smallest=_FEWEST),
            "alpha": arguments.probabilities("alpha", alpha),
        }
    )
    return _power(size, users, tail=level / sides)


def detectable_effect_size(
    per_variant: ArrayLike, *, alpha: ArrayLike, power: ArrayLike, sides: Sides = Sides.TWO
) -> Floats:
    """The smallest effect size that ``per_variant`` users, 2 or more, in each variant show with ``power``.

    >>> round(float(detectable_effect_size(22.0211, alpha=0.05, power=0.90)), 4)
    1.0
    """
    users, level, wanted = arguments.together(
        {
            "per_variant": arguments.at_least("per_variant", per_variant, smallest=_FEWEST),
            "alpha": arguments.probabilities("alpha", alpha),
            "power": deviates.wanted_power(power, alpha=alpha),
        }
    )

    def shortfall(size: Floats) -> Floats:
        return _power(size, users, tail=level / sides) - wanted

    normal = deviates.distance(alpha=level, power=wanted, sides=sides) * np.sqrt(2 / users)
    return roots.root(shortfall, np.zeros(users.shape), _until_positive(shortfall, normal))


def _power(effect_size: Floats, per_variant: Floats, *, tail: Floats) -> Floats:
    freedom, shift = 2 * per_variant - 2, effect_size * np.sqrt(per_variant / 2)
    critical = -special.stdtrit(freedom, tail)
    # P(T' > t) as the lower tail of the mirrored variable: 1 - cdf would lose the digits of a small power.
    near = special.nctdtr(freedom, -np.minimum(shift, _LARGEST_SHIFT), -critical)
    # Beyond that SciPy has no number, and the estimate's own noise is nothing: T' is the shift over a chi.
    ratio = np.minimum(shift / np.maximum(critical, 1.0), _LARGEST_RATIO)
    far = special.chdtr(freedom, freedom * np.square(ratio))
    return np.asarray(np.where(shift > _LARGEST_SHIFT, far, near))


def _until_positive(function: Callable[[Floats], Floats], start: Floats) -> Floats:
    """``start``, doubled wherever and as long as ``function`` is below 0."""
    place = start
    for _ in range(_MOST_DOUBLINGS):
        short = function(place) < 0
        if not short.any():
            break
        place = np.where(short, 2 * place, place)
    return place
