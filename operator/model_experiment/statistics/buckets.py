"""Ratios of totals for variants that users were split into, with an error that respects users.

Users are spread over B buckets by a hash that is independent of their variant, so buckets are independent
clusters and each variant has all of them at any split. A table holds one numerator and one denominator a
bucket: outcomes and users for a per-user mean, events and requests for a rate.

For variant g:  R = sum x / sum w,  e_b = x_b - R w_b,  V = B/(B-1) * sum e_b^2 / (sum w)^2,  B the non-empty
buckets. This is the linearised (delta method) variance of a ratio with clusters, Deng, Knoblich & Lu 2018
(arXiv 1803.06336).

The trap: a binomial error from counts of requests takes a user's requests for independent ones, and then the
false alarms of a 5 % test run from 10 % to 59 %. There is no way here to give it.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.effects import Effect, Scale
from model_experiment.statistics.not_estimable import NotEstimable

MINIMUM_BUCKETS = 20
"""Below this many non-empty buckets the variance itself is too uncertain to be used."""

SAFE_DISTANCE = 4.0
"""A ratio nearer to 0 than this many standard errors has no trustworthy logarithm."""

# A residual this small relative to its numerator is what rounding leaves of an exact 0.
_ROUNDING = 64 * np.finfo(np.float64).eps


@dataclass(frozen=True, slots=True, eq=False)
class BucketTable:
    """Totals of one metric for one variant, one entry a bucket; empty buckets are entries with 0 and 0.

    A bucket with a numerator and no denominator is kept: its residual is the whole numerator.

    Raises:
        ValueError: unless both are one-dimensional, of one length, finite and 0 or more.
    """

    numerators: Floats
    denominators: Floats

    def __init__(self, numerators: ArrayLike, denominators: ArrayLike) -> None:
        x, w = arguments.counts("numerators", numerators), arguments.counts("denominators", denominators)
        if x.ndim != 1 or x.shape != w.shape:
            raise ValueError(
                f"numerators and denominators must be lists of one length, found shapes {x.shape}, {w.shape}"
            )
        object.__setattr__(self, "numerators", x)
        object.__setattr__(self, "denominators", w)

    @property
    def non_empty(self) -> int:
        """How many buckets hold anything."""
        return int(np.count_nonzero((self.numerators > 0) | (self.denominators > 0)))


@dataclass(frozen=True, slots=True)
class Ratio:
    """R of one variant, the variance V of R, and the number of non-empty buckets behind V."""

    value: float
    variance: float
    buckets: int


def ratios_and_variances(numerators: Floats, denominators: Floats) -> tuple[Floats, Floats]:
    """R and V along the last axis, for any leading axes; the caller makes sure that they exist.

    Each row needs a denominator above 0 and two non-empty buckets.
    """
    total = denominators.sum(axis=-1)
    ratio = numerators.sum(axis=-1) / total
    non_empty = np.count_nonzero((numerators > 0) | (denominators > 0), axis=-1)
    squares = np.square(_residuals(numerators, denominators, ratio)).sum(axis=-1)
    return ratio, non_empty / (non_empty - 1) * squares / np.square(total)


def overdispersions(numerators: Floats, denominators: Floats) -> Floats:
    """The phi of each row, 1 or more, along the last axis; 1 where nothing or everything is an event.

    phi = B/(B-1) * sum e_b^2 / (sum w * R (1-R)), the variance of R over its binomial one.
    """
    ratio, variance = ratios_and_variances(numerators, denominators)
    binomial = ratio * (1 - ratio) / denominators.sum(axis=-1)
    phi = np.divide(variance, binomial, out=np.ones_like(variance), where=binomial > 0)
    return np.asarray(np.maximum(phi, 1.0))


def estimate(table: BucketTable, *, subject: str = "the variant") -> Ratio | NotEstimable:
    """R, V and B of one variant; ``subject`` names it in the reason where there is none.

    >>> estimate(BucketTable([2.0] * 3, [10.0] * 3), subject="the champion")
    NotEstimable(reason='the champion has data in 3 of 3 buckets, at least 20 are needed')
    """
    if table.non_empty < MINIMUM_BUCKETS:
        found = f"{table.non_empty} of {table.numerators.size} buckets"
        return NotEstimable(f"{subject} has data in {found}, at least {MINIMUM_BUCKETS} are needed")
    if not table.denominators.any():
        return NotEstimable(f"{subject} has no denominator: all {table.denominators.size} of them are 0")
    ratio, variance = ratios_and_variances(table.numerators, table.denominators)
    return Ratio(float(ratio), float(variance), table.non_empty)


def difference(*, champion: BucketTable, challenger: BucketTable) -> Effect | NotEstimable:
    """The challenger's ratio minus the champion's: s^2 = V_A + V_B, t with B_A + B_B - 2 degrees of freedom.

    Not estimable with too few buckets, or where no bucket of either variant differs from its mean (s = 0).
    """
    match _both(champion, challenger):
        case NotEstimable() as missing:
            return missing
        case (old, new):
            variance = old.variance + new.variance
            if variance == 0:
                return _no_variation()
            return Effect(new.value - old.value, math.sqrt(variance), old.buckets + new.buckets - 2)


def relative_difference(*, champion: BucketTable, challenger: BucketTable) -> Effect | NotEstimable:
    """The challenger's ratio relative to the champion's, on the log scale: s^2 = V_A/R_A^2 + V_B/R_B^2.

    The log scale, because swapping the variants then mirrors the interval, and no limit falls below -100 %.
    Not estimable where ``difference`` is not, and where either ratio is within 4 standard errors of 0 (some
    16 events of independent users): there a ratio to it has no bounds (Fieller 1954).
    """
    match _both(champion, challenger):
        case NotEstimable() as missing:
            return missing
        case (old, new):
            for subject, ratio in (("champion", old), ("challenger", new)):
                if ratio.value <= SAFE_DISTANCE * math.sqrt(ratio.variance):
                    return _too_near_zero(subject, ratio)
            variance = old.variance / old.value**2 + new.variance / new.value**2
            if variance == 0:
                return _no_variation()
            freedom = old.buckets + new.buckets - 2
            return Effect(math.log(new.value / old.value), math.sqrt(variance), freedom, Scale.LOG_RATIO)


def overdispersion(*tables: BucketTable) -> float | NotEstimable:
    """How many times the binomial variance a rate really has: the largest phi of the tables, 1 or more.

    A table with too few buckets is left to the others, because users are alike in all variants.

    Raises:
        ValueError: where a bucket has more events than requests, since only shares of requests have a phi.
    """
    for table in tables:
        _require_shares(table)
    usable = [table for table in tables if isinstance(estimate(table), Ratio)]
    if not usable:
        return NotEstimable(f"no variant has data in {MINIMUM_BUCKETS} buckets, so clustering cannot be measured")
    return max(float(overdispersions(table.numerators, table.denominators)) for table in usable)


def _both(champion: BucketTable, challenger: BucketTable) -> tuple[Ratio, Ratio] | NotEstimable:
    old, new = estimate(champion, subject="the champion"), estimate(challenger, subject="the challenger")
    if isinstance(old, NotEstimable):
        return old
    return new if isinstance(new, NotEstimable) else (old, new)


def _residuals(numerators: Floats, denominators: Floats, ratio: Floats) -> Floats:
    residuals = numerators - np.expand_dims(ratio, -1) * denominators
    # Buckets that are exactly proportional would leave 1e-17 instead of 0, and "prove" any difference.
    exact = np.abs(residuals) <= _ROUNDING * numerators
    return np.where(exact, 0.0, residuals)


def _no_variation() -> NotEstimable:
    return NotEstimable("no bucket of either variant differs from its mean, so there is no error to measure with")


def _too_near_zero(subject: str, ratio: Ratio) -> NotEstimable:
    found = f"{ratio.value:.4g} with standard error {math.sqrt(ratio.variance):.4g}"
    return NotEstimable(f"the {subject}'s ratio must be {SAFE_DISTANCE:g} standard errors above 0, found {found}")


def _require_shares(table: BucketTable) -> None:
    wrong = np.flatnonzero(table.numerators > table.denominators)
    if wrong.size:
        first = int(wrong[0])
        found = f"{table.numerators[first]:g} of {table.denominators[first]:g} in bucket {first}"
        raise ValueError(f"numerators must not exceed denominators, found {found}")
