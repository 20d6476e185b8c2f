"""Sums of differences over parts of an experiment (windows, days, segments) that share their buckets of users.

With c_k the coefficient of part k, and R and e as in ``effects/ratios.py``::

    d   = sum_k c_k (R_B,k - R_A,k)
    r_b = sum_k c_k e_b,k / sum w_k                          the residual of a bucket, for each variant
    s^2 = V_A + V_B,   V = B/(B-1) * sum r_b^2,              t with Welch's degrees of freedom

The residuals of one bucket are added *before* they are squared, so whatever its users have in common from part to
part stays in the error once, as it should.

The trap: the same users come back. Taking parts for independent makes the error of a change too large, and that of
an average too small.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.effects import ratios
from model_experiment.statistics.effects.effect import Effects
from model_experiment.statistics.effects.ratios import Ratios
from model_experiment.statistics.not_estimable import first_of, known, reasons
from model_experiment.statistics.summaries.buckets import BucketTable


def contrast(
    *, champion: BucketTable, challenger: BucketTable, coefficients: ArrayLike, parts: Sequence[str]
) -> Effects:
    """The sum of coefficients times differences of ratios, over parts that share their buckets of users.

    Parts (windows, days, segments) are the axis before the buckets; ``coefficients`` has them last and broadcasts
    over experiments; ``parts`` names them in reasons. A part with coefficient 0 need not have a ratio.

    Raises:
        ValueError: unless both tables have an axis of these parts, and there is a finite coefficient for each.
    """
    c = arguments.finite("coefficients", coefficients)
    old = _combined(champion, c, parts, subject="the champion")
    new = _combined(challenger, c, parts, subject="the challenger")
    return ratios.between(champion=old, challenger=new)


def _combined(table: BucketTable, coefficients: Floats, parts: Sequence[str], *, subject: str) -> Ratios:
    """The contrast of one variant: sum c R, its variance from the buckets' summed residuals, and the buckets."""
    each, total = ratios.estimate(table, subject=subject), table.denominators.sum(axis=-1)
    if not coefficients.shape[-1:] == total.shape[-1:] == (len(parts),):
        found = f"found shapes {coefficients.shape}, {table.numerators.shape}"
        raise ValueError(f"coefficients and {subject} must be of the {len(parts)} parts, {found}")
    c, total = arguments.together({"coefficients": coefficients, subject: total})
    used = c != 0
    share = c / np.where(total > 0, total, 1.0)
    residual = np.where(used[..., np.newaxis], ratios.residuals(table, each.values), 0.0)
    combined = np.einsum("...p,...pb->...b", share, residual)
    size = np.einsum("...p,...pb->...b", np.abs(share), table.numerators)
    filled = ((table.numerators > 0) | (table.denominators > 0)) & used[..., np.newaxis]
    buckets = np.count_nonzero(filled.any(axis=-2), axis=-1).astype(float)
    variance = buckets / np.maximum(buckets - 1, 1) * ratios.sum_of_products(combined, combined, scale=size)
    value = np.where(used, c * each.values, 0.0).sum(axis=-1)
    missing = np.broadcast_to(each.missing, c.shape)
    named = reasons(used & ~known(missing), lambda index: f"{parts[index[-1]]}: {missing[index].reason}")
    return Ratios(value, variance, buckets, first_of(*(named[..., part] for part in range(c.shape[-1]))))
