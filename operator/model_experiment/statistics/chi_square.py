"""Chi-square tails in logarithms, the result of a chi-square test, and the test that a table is independent.

For counts O of a table with R rows, C columns and n in all (Pearson 1900)::

    E_rc = (sum of row r) (sum of column c) / n,   X2 = sum (O - E)^2 / E,   R, C without empty rows and columns
    p    = P(chi2_df > X2),                        df = (R - 1) (C - 1)

The trap: small expected counts, where X2 is no chi-square. Cochran's rule (1954, Biometrics 10, 417-451) is asked
for: no expected count below 1, and at most a fifth of them below 5. And counts must be of independent things:
of users, never of their requests.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from model_experiment.statistics import arguments
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.not_estimable import Index, NotEstimable, Reasons, first_of, known, reason_at, reasons

_UNDERFLOWS = 1e-200
_TERMS = 100

_SMALL, _SMALLEST, _SMALL_SHARE = 5.0, 1.0, 0.2
_TWO = 2


@dataclass(frozen=True, slots=True)
class ChiSquareTest:
    """One statistic, its degrees of freedom and the natural logarithm of its p-value."""

    statistic: float
    degrees_of_freedom: float
    log_p_value: float

    @property
    def p_value(self) -> float:
        """0 only where it is below the smallest float: use ``log_p_value`` there."""
        return float(np.exp(self.log_p_value))


@dataclass(frozen=True, slots=True, eq=False)
class ChiSquareTests:
    """Tests of many experiments; where ``missing`` holds a ``NotEstimable`` the numbers are NaN."""

    statistics: Floats
    degrees_of_freedom: Floats
    log_p_values: Floats
    missing: Reasons

    def __post_init__(self) -> None:
        there = known(self.missing)
        for name in ("statistics", "degrees_of_freedom", "log_p_values"):
            object.__setattr__(self, name, np.where(there, getattr(self, name), np.nan))

    def __getitem__(self, index: int | Index) -> ChiSquareTest | NotEstimable:
        missing = reason_at(self.missing, index)
        if missing:
            return missing
        return ChiSquareTest(
            float(self.statistics[index]), float(self.degrees_of_freedom[index]), float(self.log_p_values[index])
        )

    @property
    def single(self) -> ChiSquareTest | NotEstimable:
        """The test of a lone experiment, or why there is none."""
        return self[()]

    @property
    def p_values(self) -> Floats:
        """As ``ChiSquareTest.p_value``."""
        return np.asarray(np.exp(self.log_p_values))


def log_tail(statistics: ArrayLike, degrees_of_freedom: ArrayLike) -> Floats:
    """The logarithm of P(chi2 > statistic), for statistics of 0 or more; NaN gives NaN.

    >>> log_tail([3.841459, 1e6], 1).round(4).tolist()
    [-2.9957, -500007.1335]
    """
    found, freedom = (
        arguments.numbers("statistics", statistics),
        arguments.numbers("degrees_of_freedom", degrees_of_freedom),
    )
    arguments.require("statistics", found, ~(found < 0), "be 0 or more")
    arguments.require("degrees_of_freedom", freedom, ~(freedom <= 0), "be above 0")
    x, a = arguments.together({"statistics": found / 2, "degrees_of_freedom": freedom / 2})
    area = special.gammaincc(a, x)
    far = (area < _UNDERFLOWS) & np.isfinite(x)
    with np.errstate(divide="ignore"):
        log_area: Floats = np.asarray(np.log(area))
    if far.any():
        log_area[far] = _log_far_tail(x[far], a[far])
    return log_area


def _log_far_tail(x: Floats, a: Floats) -> Floats:
    """The same where the area underflows: Q(a, x) by Legendre's continued fraction (DLMF 8.9.2, contracted)."""
    fraction = x + 2 * _TERMS + 1 - a
    for term in range(_TERMS, 0, -1):
        fraction = x + 2 * term - 1 - a - term * (term - a) / fraction
    return np.asarray(a * np.log(x) - x - special.gammaln(a) - np.log(fraction))


def of_statistics(statistics: Floats, degrees_of_freedom: Floats, *, missing: Reasons) -> ChiSquareTests:
    """Statistics with their p-values."""
    return ChiSquareTests(statistics, degrees_of_freedom, log_tail(statistics, degrees_of_freedom), missing)


def independence(
    counts: ArrayLike, *, name: str = "counts", rows: str = "rows", columns: str = "columns"
) -> ChiSquareTests:
    """Whether rows and columns are independent; the last two axes of ``counts`` are the table.

    Empty rows and columns are no part of a table. Not estimable with fewer than two of either, or where expected
    counts are too small by Cochran's rule. ``name``, ``rows`` and ``columns`` say in messages what they are.

    >>> independence([[30, 10], [20, 40]]).single.statistic.__round__(4)
    16.6667

    Raises:
        ValueError: for counts that are negative or not finite, or fewer than two axes.
    """
    table = arguments.counts(name, counts)
    if table.ndim < _TWO:
        raise ValueError(f"{name} must have {rows} and {columns} as their last two axes, found shape {table.shape}")
    down, across = table.sum(axis=-1), table.sum(axis=-2)
    total = down.sum(axis=-1)[..., np.newaxis, np.newaxis]
    expected = down[..., np.newaxis] * across[..., np.newaxis, :] / np.where(total > 0, total, 1.0)
    terms = np.square(table - expected) / np.where(expected > 0, expected, 1.0)
    height, width = (np.asarray(np.count_nonzero(sums, axis=-1), dtype=np.float64) for sums in (down, across))
    narrow = reasons(
        np.asarray(np.minimum(height, width) < _TWO),
        lambda i: f"there are counts in {height[i]:g} {rows} and {width[i]:g} {columns}, two of each are needed",
    )
    freedom = np.maximum((height - 1) * (width - 1), 1.0)
    return of_statistics(terms.sum(axis=(-2, -1)), freedom, missing=first_of(narrow, _too_small(expected)))


def _too_small(expected: Floats) -> Reasons:
    """Why the statistic is no chi-square, where Cochran's rule is broken."""
    there = expected > 0
    smallest = np.asarray(np.min(expected, axis=(-2, -1), where=there, initial=np.inf))
    small = np.asarray(np.count_nonzero(there & (expected < _SMALL), axis=(-2, -1)))
    cells = np.asarray(np.count_nonzero(there, axis=(-2, -1)))

    def worded(index: Index) -> str:
        return (
            f"{small[index]} of {cells[index]} expected counts are below {_SMALL:g}, the smallest is "
            f"{smallest[index]:.3g}; at most a fifth may be below {_SMALL:g} and none below {_SMALLEST:g}"
        )

    return reasons(np.asarray((smallest < _SMALLEST) | (small > _SMALL_SHARE * cells)), worded)
