"""What every routine asks of its arguments, in one wording: the argument, what must hold, what was found.

Each function returns its argument, so a check stands where the value is used first. NaN never passes.
"""

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]


def probability(name: str, value: float) -> float:
    """A number strictly between 0 and 1."""
    if not 0 < value < 1:
        raise ValueError(f"{name} must lie strictly between 0 and 1, found {value}")
    return value


def positive(name: str, value: float) -> float:
    """A finite number above 0."""
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be finite and above 0, found {value}")
    return value


def count(name: str, value: float) -> float:
    """A finite number of 0 or more; a count may be fractional, because over-dispersion divides it."""
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be finite and 0 or more, found {value}")
    return value


def at_least(name: str, value: float, *, smallest: float) -> float:
    """A finite number not below ``smallest``."""
    if not (math.isfinite(value) and value >= smallest):
        raise ValueError(f"{name} must be finite and {smallest:g} or more, found {value}")
    return value


def finite(name: str, values: ArrayLike) -> Floats:
    """A copy as an array of finite numbers."""
    array = np.array(values, dtype=np.float64)
    wrong = array[~np.isfinite(array)]
    if wrong.size:
        raise ValueError(f"{name} must be finite, found {wrong.flat[0]}")
    return array


def counts(name: str, values: ArrayLike) -> Floats:
    """An array of finite numbers of 0 or more."""
    array = finite(name, values)
    wrong = array[array < 0]
    if wrong.size:
        raise ValueError(f"{name} must be 0 or more, found {wrong.flat[0]}")
    return array


def positives(name: str, values: ArrayLike) -> Floats:
    """An array of finite numbers above 0."""
    array = finite(name, values)
    wrong = array[array <= 0]
    if wrong.size:
        raise ValueError(f"{name} must be above 0, found {wrong.flat[0]}")
    return array
