"""What every routine asks of its arguments, in one wording: the argument, what must hold, what was found.

Each function returns its argument as an array of float64, so a check stands where the value is used first; one
number becomes an array of no dimension. NaN never passes.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]
Booleans: TypeAlias = NDArray[np.bool_]

_KINDS_OF_NUMBERS = "biufO"
_LONGEST = 200  # of a message


def require(name: str, array: Floats, holds: Booleans, what_must_hold: str) -> Floats:
    """``array`` if ``holds`` is true throughout; ``what_must_hold`` is a clause such as "be above 0"."""
    if not holds.all():
        raise ValueError(f"{name} must {what_must_hold}, found {array[~holds].flat[0]:.15g}")
    return array


def numbers(name: str, values: ArrayLike) -> Floats:
    """Numbers of any kind, which may be none at all (NaN) or infinite; no text, dates or lists of unequal length."""
    try:
        found = np.asarray(values)
        if found.dtype.kind in _KINDS_OF_NUMBERS:
            return np.array(found, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"{name} must be numbers, found {values!r}"[:_LONGEST])


def finite(name: str, values: ArrayLike) -> Floats:
    """Finite numbers."""
    array = numbers(name, values)
    return require(name, array, np.isfinite(array), "be finite")


def counts(name: str, values: ArrayLike) -> Floats:
    """Finite numbers of 0 or more; a count may be fractional, because over-dispersion divides it."""
    array = numbers(name, values)
    return require(name, array, np.isfinite(array) & (array >= 0), "be finite and 0 or more")


def whole_counts(name: str, values: ArrayLike) -> Floats:
    """Whole numbers of 0 or more, for methods that count ways instead of measuring."""
    array = counts(name, values)
    return require(name, array, array == np.floor(array), "be whole")


def positives(name: str, values: ArrayLike) -> Floats:
    """Finite numbers above 0."""
    array = numbers(name, values)
    return require(name, array, np.isfinite(array) & (array > 0), "be finite and above 0")


def at_least(name: str, values: ArrayLike, *, smallest: float) -> Floats:
    """Finite numbers not below ``smallest``."""
    array = numbers(name, values)
    return require(name, array, np.isfinite(array) & (array >= smallest), f"be finite and {smallest:g} or more")


def probabilities(name: str, values: ArrayLike) -> Floats:
    """Numbers strictly between 0 and 1."""
    array = numbers(name, values)
    return require(name, array, (array > 0) & (array < 1), "lie strictly between 0 and 1")


def shares(name: str, values: ArrayLike) -> Floats:
    """Numbers from 0 to 1, both allowed."""
    array = numbers(name, values)
    return require(name, array, (array >= 0) & (array <= 1), "lie between 0 and 1")


def parts(name: str, values: ArrayLike, *, whole_name: str, whole: ArrayLike) -> tuple[Floats, Floats]:
    """Counts and the counts that they are part of, of one shape after broadcasting."""
    part, total = together({name: counts(name, values), whole_name: counts(whole_name, whole)})
    over = np.flatnonzero(part > total)
    if over.size:
        found = f"{part.flat[over[0]]:.15g} of {total.flat[over[0]]:.15g}"
        raise ValueError(f"{name} must not exceed {whole_name}, found {found}")
    return part, total


def together(named: dict[str, Floats]) -> tuple[Floats, ...]:
    """Arrays broadcast to one shape, in the order given."""
    try:
        return tuple(np.broadcast_arrays(*named.values()))
    except ValueError:
        found = ", ".join(str(array.shape) for array in named.values())
        raise ValueError(f"{_listed(list(named))} must have shapes that fit together, found {found}") from None


def require_fit(**named: Floats) -> None:
    """Refuse arrays of shapes that do not broadcast; for parts of what is computed from as a whole."""
    together(named)


def probability(name: str, value: float) -> float:
    """One number strictly between 0 and 1."""
    return _one(name, probabilities(name, value))


def positive(name: str, value: float) -> float:
    """One finite number above 0."""
    return _one(name, positives(name, value))


def count(name: str, value: float) -> float:
    """One finite number of 0 or more."""
    return _one(name, counts(name, value))


def number(name: str, value: float) -> float:
    """One finite number."""
    return _one(name, finite(name, value))


def _one(name: str, checked: Floats) -> float:
    if checked.ndim:
        raise ValueError(f"{name} must be one number, found an array of shape {checked.shape}")
    return float(checked)


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if names[1:] else names[0]
