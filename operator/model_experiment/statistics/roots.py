"""Where functions change their sign, for many functions at once.

Chandrupatla 1997 (Advances in Engineering Software 28, 145-149): inverse quadratic steps where they are safe,
halving where they are not. It is here because intervals of many experiments are inverted together, and because
importing an optimisation library would double the time this library takes to import.

The trap: the bracket. A root outside of it does not exist for this function, so it is refused.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments
from model_experiment.statistics.arguments import Floats

_MOST_STEPS = 200
_HALF = 0.5
_EPSILON = float(np.finfo(np.float64).eps)


def root(
    function: Callable[[Floats], ArrayLike], low: ArrayLike, high: ArrayLike, *, tolerance: float = 1e-12
) -> Floats:
    """The place between ``low`` and ``high`` where ``function`` is 0, to ``tolerance``, for each element.

    ``function`` takes an array of places and returns the array of its values, element by element; NaN values give
    NaN.

    >>> root(lambda x: x**3 - [1.0, 8.0], [0.0, 0.0], 5.0).round(9).tolist()
    [1.0, 2.0]

    Raises:
        ValueError: where the values at ``low`` and ``high`` have the same sign.
    """
    b, a = arguments.together({"low": arguments.finite("low", low), "high": arguments.finite("high", high)})
    f_b, f_a = np.asarray(function(b), dtype=np.float64), np.asarray(function(a), dtype=np.float64)
    _require_change(f_b, f_a)
    step, found = np.full(a.shape, _HALF), np.full(a.shape, np.nan)
    for _ in range(_MOST_STEPS):
        with np.errstate(all="ignore"):
            new = a + step * (b - a)
            value = np.asarray(function(new), dtype=np.float64)
            same = np.sign(value) == np.sign(f_a)
            c, f_c = np.where(same, a, b), np.where(same, f_a, f_b)
            b, f_b = np.where(same, b, a), np.where(same, f_b, f_a)
            a, f_a = new, value
            best = np.where(np.abs(f_a) < np.abs(f_b), a, b)
            smallest = (2 * _EPSILON * np.abs(best) + tolerance / 2) / np.abs(b - c)
            done = (smallest > _HALF) | (f_a == 0) | (f_b == 0) | np.isnan(value)
            found = np.where(np.isnan(found) & done & ~np.isnan(value), best, found)
            if np.all(done | ~np.isnan(found)):
                break
            least = np.minimum(smallest, _HALF)  # what is done stays inside its bracket
            step = np.clip(_next_step((a, b, c), (f_a, f_b, f_c)), least, 1 - least)
    return found


def _next_step(places: tuple[Floats, Floats, Floats], values: tuple[Floats, Floats, Floats]) -> Floats:
    """How far to go from a towards b: by inverse quadratic interpolation where that is safe, else half."""
    (a, b, c), (f_a, f_b, f_c) = places, values
    xi, phi = (a - b) / (c - b), (f_a - f_b) / (f_c - f_b)
    safe = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
    curved = f_a / (f_b - f_a) * f_c / (f_b - f_c) + (c - a) / (b - a) * f_a / (f_c - f_a) * f_b / (f_c - f_b)
    return np.where(safe & np.isfinite(curved), curved, _HALF)


def _require_change(at_low: Floats, at_high: Floats) -> None:
    wrong = np.flatnonzero(np.sign(at_low) * np.sign(at_high) > 0)
    if wrong.size:
        low, high = at_low.flat[wrong[0]], at_high.flat[wrong[0]]
        raise ValueError(f"function must change its sign between low and high, found {low:g} and {high:g}")
