"""Totals of one metric, an entry for each bucket of users.

Users are spread over B buckets by a hash that is independent of their variant, so buckets are independent
clusters and each variant has all of them at any split. A table holds one numerator and one denominator a
bucket: outcomes and users for a per-user mean, events and requests for a rate.

The trap: buckets are the *last* axis. Leading axes are experiments, segments or metrics, and nothing is ever
added over them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from model_experiment.statistics import arguments
from model_experiment.statistics.arguments import Floats


@dataclass(frozen=True, slots=True, eq=False)
class BucketTable:
    """Totals of one metric for one variant; empty buckets are entries with 0 and 0.

    A bucket with a numerator and no denominator is kept: its residual is the whole numerator.

    >>> morning, evening = BucketTable([1, 0], [9, 8]), BucketTable([2, 1], [5, 6])
    >>> day = morning + evening
    >>> day.numerators.tolist(), day.denominators.tolist()
    ([3.0, 1.0], [14.0, 14.0])

    Raises:
        ValueError: unless both are of one shape with at least one axis, finite and 0 or more.
    """

    numerators: Floats
    denominators: Floats

    def __init__(self, numerators: ArrayLike, denominators: ArrayLike) -> None:
        x, w = arguments.counts("numerators", numerators), arguments.counts("denominators", denominators)
        if x.ndim == 0 or x.shape != w.shape:
            raise ValueError(
                f"numerators and denominators must be tables of one shape, found shapes {x.shape}, {w.shape}"
            )
        object.__setattr__(self, "numerators", x)
        object.__setattr__(self, "denominators", w)

    def __add__(self, other: "BucketTable") -> "BucketTable":
        arguments.require_fit(left=self.numerators, right=other.numerators)
        if self.size != other.size:
            raise ValueError(f"left and right must have the same buckets, found {self.size} and {other.size}")
        return BucketTable(self.numerators + other.numerators, self.denominators + other.denominators)

    @property
    def size(self) -> int:
        """The number of buckets, with those that are empty."""
        return int(self.numerators.shape[-1])

    @property
    def non_empty(self) -> NDArray[np.int_]:
        """How many buckets hold anything, for each experiment."""
        return np.asarray(np.count_nonzero((self.numerators > 0) | (self.denominators > 0), axis=-1))
