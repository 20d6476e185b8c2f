"""Ratios of totals for variants that users were split into, with an error that respects users.

For variant g of a ``BucketTable``::

    R = sum x / sum w,   e_b = x_b - R w_b,   V = B/(B-1) * sum e_b^2 / (sum w)^2,   B the non-empty buckets

This is the linearised (delta method) variance of a ratio with clusters, Deng, Knoblich & Lu 2018 (arXiv
1803.06336). Tables may have leading axes: one experiment for each of their entries.

The trap: a binomial error from counts of requests takes a user's requests for independent ones, and then the
false alarms of a 5 % test run from 10 % to 59 %. There is no way here to give it.
"""

from dataclasses import dataclass

import numpy as np

from model_experiment.statistics import arguments
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.effects.effect import Effects, Scale
from model_experiment.statistics.not_estimable import Estimates, Index, Reasons, first_of, known, reasons
from model_experiment.statistics.summaries.buckets import BucketTable

MINIMUM_BUCKETS = 20
"""Below this many non-empty buckets the variance itself is too uncertain to be used."""

SAFE_DISTANCE = 4.0
"""A ratio nearer to 0 than this many standard errors has no trustworthy logarithm."""

# A residual this small relative to its numerator is what rounding leaves of an exact 0.
_ROUNDING = 64 * np.finfo(np.float64).eps


@dataclass(frozen=True, slots=True, eq=False)
class Ratios:
    """R of one variant in each experiment, the variance V of R, and the non-empty buckets behind V.

    ``missing`` says why where there is none; the numbers are NaN there.
    """

    values: Floats
    variances: Floats
    buckets: Floats
    missing: Reasons


def estimate(table: BucketTable, *, subject: str = "the variant") -> Ratios:
    """R, V and B of one variant; ``subject`` names it in the reason where there is none.

    >>> estimate(BucketTable([2.0] * 3, [10.0] * 3), subject="the champion").missing[()]
    NotEstimable(reason='the champion has data in 3 of 3 buckets, at least 20 are needed')
    """
    non_empty, total = np.asarray(table.non_empty), table.denominators.sum(axis=-1)
    few = np.asarray(non_empty < MINIMUM_BUCKETS)
    nothing = np.asarray(total == 0) & ~few

    def too_few(index: Index) -> str:
        return (
            f"{subject} has data in {non_empty[index]} of {table.size} buckets, at least {MINIMUM_BUCKETS} are needed"
        )

    def no_denominator(_: Index) -> str:
        return f"{subject} has no denominator: all {table.size} of them are 0"

    there = ~(few | nothing)
    safe_total = np.where(there, total, 1.0)
    ratio = np.where(there, table.numerators.sum(axis=-1) / safe_total, np.nan)
    residual = residuals(table, ratio)
    variance = sum_of_products(residual, residual, scale=table.numerators) / np.square(safe_total)
    missing = first_of(reasons(few, too_few), reasons(nothing, no_denominator))
    return Ratios(ratio, non_empty / np.maximum(non_empty - 1, 1) * variance, non_empty.astype(float), missing)


def residuals(table: BucketTable, ratio: Floats) -> Floats:
    """The e_b of each bucket."""
    return np.asarray(table.numerators - ratio[..., np.newaxis] * table.denominators)


def level(table: BucketTable, *, subject: str = "the variant") -> Effects:
    """The ratio of one variant itself, against 0: its interval is that of the ratio, t with B - 1."""
    ratio = estimate(table, subject=subject)
    missing = first_of(ratio.missing, _no_variation(ratio, subject=subject))
    return Effects(ratio.values, np.sqrt(ratio.variances), ratio.buckets - 1, missing)


def difference(*, champion: BucketTable, challenger: BucketTable) -> Effects:
    """The challenger's ratio minus the champion's: s^2 = V_A + V_B, t with the degrees of freedom of ``welch``.

    Not estimable with too few buckets, or where no bucket of a variant differs from its mean (V = 0): its ratio would
    be taken as known exactly, and a challenger of 100 users without an event be "proven" worse than 3 % of them.
    """
    old, new = _both(champion, challenger)
    return between(champion=old, challenger=new)


def between(*, champion: Ratios, challenger: Ratios) -> Effects:
    """The difference of two ratios whose variances are known."""
    arguments.require_fit(champion=champion.values, challenger=challenger.values)
    variances = champion.variances, challenger.variances
    freedom = welch(variances, (np.maximum(champion.buckets - 1, 1), np.maximum(challenger.buckets - 1, 1)))
    missing = first_of(champion.missing, challenger.missing, *_nothing_varies(champion, challenger))
    return Effects(challenger.values - champion.values, np.sqrt(variances[0] + variances[1]), freedom, missing)


def relative_difference(*, champion: BucketTable, challenger: BucketTable) -> Effects:
    """The challenger's ratio relative to the champion's, on the log scale: s^2 = V_A/R_A^2 + V_B/R_B^2.

    The log scale, because swapping the variants then mirrors the interval, and no limit falls below -100 %.
    Not estimable where ``difference`` is not, and where either ratio is within 4 standard errors of 0 (some
    16 events of independent users): there a ratio to it has no bounds (Fieller 1954).
    """
    old, new = _both(champion, challenger)
    arguments.require_fit(champion=old.values, challenger=new.values)
    near = [
        too_near_zero(one.values, np.sqrt(one.variances), subject=subject)
        for subject, one in (("the champion's ratio", old), ("the challenger's ratio", new))
    ]
    with np.errstate(divide="ignore", invalid="ignore"):  # a ratio of 0 is missing below
        of_old, of_new = (one.variances / np.square(one.values) for one in (old, new))
        estimates = np.log(new.values / old.values)
    missing = first_of(old.missing, new.missing, *near, *_nothing_varies(old, new))
    freedom = welch((of_old, of_new), (old.buckets - 1, new.buckets - 1))
    return Effects(estimates, np.sqrt(of_old + of_new), freedom, missing, Scale.LOG_RATIO)


def welch(variances: tuple[Floats, Floats], freedoms: tuple[Floats, Floats]) -> Floats:
    """The degrees of freedom of V_A + V_B, where each V has its own: (V_A + V_B)^2 / (V_A^2/f_A + V_B^2/f_B).

    Welch 1947 and Satterthwaite 1946. It is f_A + f_B where the variances are alike, and falls towards the f of the
    larger one: a challenger with a small share of the users alone decides how well the error is known. NaN where no
    variance is above 0.
    """
    (old, new), (f_old, f_new) = variances, freedoms
    with np.errstate(invalid="ignore"):
        share = old / (old + new)  # of squares of shares none leaves the range of a float, whatever the unit
    return np.asarray(1 / (np.square(share) / f_old + np.square(1 - share) / f_new))


def overdispersion(*tables: BucketTable) -> Estimates:
    """How many times the binomial variance a rate really has: the largest phi of the tables, 1 or more.

    phi = B/(B-1) * sum e_b^2 / (sum w * R (1-R)) = V / (R (1-R) / sum w), and 1 where nothing or everything is an
    event. A table with too few buckets is left to the others, because users are alike in all variants; not
    estimable where none has enough.

    Raises:
        ValueError: where a bucket has more events than requests, since only shares of requests have a phi.
    """
    if not tables:
        raise ValueError("tables must be one or more, found none")
    each = arguments.together({f"table {number}": _phi(table) for number, table in enumerate(tables, 1)})
    largest = np.asarray(np.fmax.reduce(each))
    worded = f"no variant has data in {MINIMUM_BUCKETS} buckets, so clustering cannot be measured"
    return Estimates(largest, reasons(np.isnan(largest), lambda _: worded))


def _phi(table: BucketTable) -> Floats:
    """The phi of one variant, NaN where its variance is not estimable."""
    arguments.parts("numerators", table.numerators, whole_name="denominators", whole=table.denominators)
    ratio = estimate(table)
    binomial = ratio.values * (1 - ratio.values)
    phi = np.where(
        binomial > 0, ratio.variances * table.denominators.sum(axis=-1) / np.where(binomial > 0, binomial, 1), 1
    )
    return np.where(known(ratio.missing), np.maximum(phi, 1.0), np.nan)


def largest_overdispersion(table: BucketTable) -> Floats:
    """The over-dispersion that a rate has where each user is alike to itself throughout; 1 or more.

    It is the variance of the buckets' requests over their mean, sum w^2 / sum w over users: how many requests the user
    of a request has. No event is needed to know it, only that users fall into all buckets with the same chance.

    >>> largest_overdispersion(BucketTable([0, 0, 0, 0], [30, 0, 0, 0])).tolist()
    30.0
    """
    requests = table.denominators
    mean = requests.mean(axis=-1)
    variance = np.square(requests - mean[..., np.newaxis]).sum(axis=-1) / max(table.size - 1, 1)
    return np.asarray(np.maximum(variance / np.where(mean > 0, mean, 1), 1.0))


def sum_of_products(one: Floats, other: Floats, *, scale: Floats) -> Floats:
    """The sum over buckets of residuals times residuals, exactly 0 where rounding alone is left of them.

    Buckets that are exactly proportional leave residuals of 1e-17 times their numerators, ``scale``, and an error
    made of those would "prove" any difference.
    """
    product = np.einsum("...b,...b->...", one, other)
    nothing = _ROUNDING**2 * np.einsum("...b,...b->...", scale, scale)
    return np.where(np.abs(product) <= nothing, 0.0, product)


def _both(champion: BucketTable, challenger: BucketTable) -> tuple[Ratios, Ratios]:
    return estimate(champion, subject="the champion"), estimate(challenger, subject="the challenger")


def too_near_zero(values: Floats, errors: Floats, *, subject: str) -> Reasons:
    """Why nothing can be relative to ``subject``, where its value is within 4 standard errors of 0."""

    def worded(index: Index) -> str:
        found = f"{values[index]:.4g} with standard error {errors[index]:.4g}"
        return f"{subject} must be {SAFE_DISTANCE:g} standard errors above 0, found {found}"

    return reasons(np.asarray(values <= SAFE_DISTANCE * errors), worded)


def _nothing_varies(champion: Ratios, challenger: Ratios) -> tuple[Reasons, Reasons]:
    return _no_variation(champion, subject="the champion"), _no_variation(challenger, subject="the challenger")


def _no_variation(ratio: Ratios, *, subject: str) -> Reasons:
    worded = f"no bucket of {subject} differs from its mean, so there is no error to measure with"
    return reasons(np.asarray(ratio.variances == 0), lambda _: worded)
