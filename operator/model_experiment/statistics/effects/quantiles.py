"""Quantiles of values that only a histogram is left of, as exactly as its bins allow.

With F the share of values up to a point, n values and over-dispersion phi, the interval for the q-quantile goes
from where F is q - z s to where it is q + z s::

    s^2 = phi q (1 - q) / n

This inverts the score test of "the share up to here is q" (for phi = 1 the order statistics n q -+ z sqrt(n q
(1 - q)); Conover 1999, "Practical Nonparametric Statistics", section 3.2). phi is the over-dispersion of the share
above the quantile, as ``ratios.overdispersion`` measures it.

The trap: inside a bin nothing is known. Limits between edges are straight lines from edge to edge; ``bins`` holds
the edges around them, which is all that was measured. The last bin has no end: no quantile lies *at* its edge.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments, tails
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.effects.effect import Intervals
from model_experiment.statistics.not_estimable import Estimates, first_of, reasons
from model_experiment.statistics.summaries.histograms import Histogram


@dataclass(frozen=True, slots=True, eq=False)
class QuantileInterval:
    """A quantile, its ``limits`` with straight lines inside bins, and ``bins``, from edge to edge around them.

    An upper limit in the last bin is infinite and a lower one there is the last edge. NaN of an empty histogram.
    """

    values: Estimates
    limits: Intervals
    bins: Intervals


def interval(histogram: Histogram, *, q: ArrayLike, alpha: ArrayLike, phi: ArrayLike = 1.0) -> QuantileInterval:
    """The ``q``-quantile and its interval at 1 - ``alpha``.

    The quantile is not estimable in an empty histogram or where it lies in the last bin, of which only the lower
    edge is known.

    >>> found = interval(Histogram([0.1, 0.2, 0.5], [500, 400, 90, 10]), q=0.95, alpha=0.05)
    >>> round(found.values.single, 4), round(found.limits.single.low, 4), round(found.limits.single.high, 4)
    (0.3667, 0.3216, 0.4117)
    >>> found.bins.single
    Interval(low=0.2, high=0.5)
    """
    level = arguments.probabilities("q", q)
    z = tails.normal_quantile(arguments.probabilities("alpha", alpha) / 2)
    factor = arguments.at_least("phi", phi, smallest=1)
    n, level, z, factor = arguments.together({"histogram": histogram.totals, "q": level, "alpha": z, "phi": factor})
    radius = z * np.sqrt(factor * level * (1 - level) / np.where(n > 0, n, 1.0))
    value, _, end = _at(histogram, level)
    low, outer_low, _ = _at(histogram, np.maximum(level - radius, 0.0))
    high, _, outer_high = _at(histogram, level + radius)
    there = n > 0
    empty = reasons(np.asarray(~there), lambda _: "the histogram is empty")
    last = reasons(
        np.asarray(np.isinf(end)),
        lambda i: f"the {level[i]:g}-quantile is above the last edge, {histogram.edges[-1]:g}",
    )
    low = np.where(np.isinf(low), outer_low, low)
    limits = Intervals(np.where(there, low, np.nan), np.where(there, high, np.nan))
    bins = Intervals(np.where(there, outer_low, np.nan), np.where(there, outer_high, np.nan))
    return QuantileInterval(Estimates(value, first_of(empty, last)), limits, bins)


def difference(
    *, champion: Histogram, challenger: Histogram, q: ArrayLike, alpha: ArrayLike, phi: ArrayLike = 1.0
) -> Intervals:
    """Limits for the challenger's quantile minus the champion's, that err on the safe side.

    From edge to edge of both intervals, each at 1 - alpha / 2: both hold at once with 1 - ``alpha`` (Bonferroni).
    Infinite to a side where a limit is; NaN where a histogram is empty.

    >>> edges = [0.1, 0.2, 0.5]
    >>> fast, slow = Histogram(edges, [90, 9, 1, 0]), Histogram(edges, [10, 80, 9, 1])
    >>> difference(champion=fast, challenger=slow, q=0.5, alpha=0.05).single
    Interval(low=0.0, high=0.2)
    """
    arguments.require_fit(champion=champion.totals, challenger=challenger.totals)
    half = arguments.probabilities("alpha", alpha) / 2
    old, new = (interval(one, q=q, alpha=half, phi=phi).bins for one in (champion, challenger))
    return Intervals(new.low - old.high, new.high - old.low)


def _at(histogram: Histogram, level: Floats) -> tuple[Floats, Floats, Floats]:
    """Where the share of values reaches ``level`` by a straight line in its bin, and the edges of that bin."""
    n = histogram.totals[..., np.newaxis]
    up_to = np.cumsum(histogram.counts, axis=-1) / np.where(n > 0, n, 1.0)
    edges = np.concatenate(([histogram.lowest], histogram.edges, [np.inf]))
    bins = np.sum(up_to[..., :-1] < level[..., np.newaxis], axis=-1)
    last = bins == histogram.edges.size
    start, end = edges[bins], edges[bins + 1]
    padded = np.concatenate((np.zeros((*up_to.shape[:-1], 1)), up_to), axis=-1)
    padded = np.broadcast_to(padded, (*bins.shape, padded.shape[-1]))
    before, after = (np.take_along_axis(padded, (bins + step)[..., np.newaxis], axis=-1)[..., 0] for step in (0, 1))
    part = (level - before) / np.where(after > before, after - before, 1.0)
    inside = start + np.clip(part, 0.0, 1.0) * (np.where(last, start, end) - start)
    return np.where(last, np.inf, inside), start, end
