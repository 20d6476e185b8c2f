"""Several p-values of one experiment: which of them count when all are looked at?

With m p-values in a family, sorted p(1) <= ... <= p(m), the adjusted ones are::

    Bonferroni            m p(i)
    Holm                  max over j <= i of (m - j + 1) p(j)        Holm 1979 (Scand. J. Statist. 6, 65-70)
    Benjamini-Hochberg    min over j >= i of m p(j) / j              1995 (J. R. Statist. Soc. B 57, 289-300)

each at most 1, and rejected at alpha where it is alpha or less. The first two bound the chance of any false
rejection, under any dependence; the third bounds the expected share of false ones among the rejected, for
p-values that are independent or positively dependent.

Everything is in logarithms of p-values, so that one below every float keeps its place. The last axis is the
family, leading axes are experiments. NaN is a metric without a p-value: it is no part of the family, and stays
NaN.

The trap: the family is chosen before the data. Whoever drops metrics after seeing them has a smaller family and
a broken promise; a metric that was planned but has no p-value may be counted by ``planned``. Metrics that must
*all* hold (guardrails before a promotion) need no adjustment at all.
"""

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments, tails
from model_experiment.statistics.arguments import Booleans, Floats

# Equal up to the rounding of a logarithm is equal: 5 times .01 is .05.
_ROUNDING = 1e-12


def logarithms(p_values: ArrayLike) -> Floats:
    """The natural logarithms of p-values; 0 becomes minus infinity, NaN stays NaN.

    Raises:
        ValueError: for a p-value outside of 0 to 1.
    """
    p = arguments.numbers("p_values", p_values)
    arguments.shares("p_values", p[~np.isnan(p)])
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(p))


def bonferroni(log_p_values: ArrayLike, *, planned: ArrayLike | None = None) -> Floats:
    """The adjusted p-values, in logarithms; ``planned`` is m where it is not the number of p-values given.

    >>> np.exp(bonferroni(logarithms([0.01, 0.04, 0.5]))).round(4).tolist()
    [0.03, 0.12, 1.0]
    """
    family = _family(log_p_values)
    size = _size(family) if planned is None else arguments.at_least("planned", planned, smallest=1)[..., np.newaxis]
    arguments.require_fit(log_p_values=family, planned=size)
    return np.minimum(family + np.log(size), 0.0)


def holm(log_p_values: ArrayLike) -> Floats:
    """The adjusted p-values, in logarithms: never above Bonferroni's, with the same promise.

    >>> np.exp(holm(logarithms([0.01, 0.04, 0.03]))).round(4).tolist()
    [0.03, 0.06, 0.06]
    """
    family = _family(log_p_values)
    order, rank = _ranked(family)
    left = np.maximum(_size(family) - rank, 1.0)
    stepped = np.maximum.accumulate(np.take_along_axis(family, order, axis=-1) + np.log(left), axis=-1)
    return _in_place(stepped, order)


def benjamini_hochberg(log_p_values: ArrayLike) -> Floats:
    """The adjusted p-values, in logarithms: among those at most q, the expected share of false ones is at most q.

    >>> np.exp(benjamini_hochberg(logarithms([0.01, 0.04, 0.03]))).round(4).tolist()
    [0.03, 0.04, 0.04]
    """
    family = _family(log_p_values)
    order, rank = _ranked(family)
    scaled = np.take_along_axis(family, order, axis=-1) + np.log(_size(family) / (rank + 1.0))
    # fmin passes over the NaN at the end of the order, which come back at their places below.
    stepped = np.fmin.accumulate(scaled[..., ::-1], axis=-1)[..., ::-1]
    return _in_place(np.where(np.isnan(scaled), np.nan, stepped), order)


def rejected(log_adjusted: ArrayLike, *, alpha: ArrayLike) -> Booleans:
    """Which adjusted p-values are ``alpha`` or less; those that are NaN are not."""
    adjusted, level = arguments.numbers("log_adjusted", log_adjusted), arguments.probabilities("alpha", alpha)
    arguments.require_fit(log_adjusted=adjusted, alpha=level)
    return np.asarray(adjusted <= np.log(level) + _ROUNDING)


def critical(comparisons: ArrayLike, *, alpha: ArrayLike) -> Floats:
    """The multiplier for ``comparisons`` two-sided intervals that all hold together with chance 1 - alpha.

    z of alpha / (2 m), Bonferroni's: the argument of ``Effects.interval``.

    >>> round(float(critical(5, alpha=0.05)), 4)
    2.5758
    """
    size, level = arguments.together(
        {
            "comparisons": arguments.at_least("comparisons", comparisons, smallest=1),
            "alpha": arguments.probabilities("alpha", alpha),
        }
    )
    return tails.normal_quantile(level / (2 * size))


def _family(log_p_values: ArrayLike) -> Floats:
    family = arguments.numbers("log_p_values", log_p_values)
    if family.ndim == 0:
        raise ValueError("log_p_values must have the family as their last axis, found a single number")
    too_large = family > _ROUNDING
    if too_large.any():
        raise ValueError(f"log_p_values must be 0 or less, found {family[too_large].flat[0]:g}")
    return family


def _size(family: Floats) -> Floats:
    """The m of each experiment, 1 at least, with an axis to broadcast over its family."""
    return np.maximum(np.count_nonzero(~np.isnan(family), axis=-1, keepdims=True), 1.0)


def _ranked(family: Floats) -> tuple[np.ndarray, Floats]:
    """The order from the smallest p-value, NaN last, and the ranks 0, 1, ... along it."""
    return np.argsort(family, axis=-1, kind="stable"), np.arange(family.shape[-1], dtype=np.float64)


def _in_place(stepped: Floats, order: np.ndarray) -> Floats:
    """Values along the order put back where they came from, at most ln 1."""
    adjusted = np.empty_like(stepped)
    np.put_along_axis(adjusted, order, np.minimum(stepped, 0.0), axis=-1)
    return adjusted
