"""Counts between fixed edges: what a latency histogram leaves of many values.

Bins are open below and closed above, as Prometheus has them (``le``)::

    (lowest, e_1], (e_1, e_2], ..., (e_K, infinity)          K edges, K + 1 counts

The trap: a share above a limit that is no edge. Whatever number is given for it is made up inside a bin, so there is
none here: an objective must be one of the edges.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.summaries.proportions import Proportion


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """``counts`` between ``edges``: bins on the last axis, one more than edges, experiments on the leading axes.

    All values are above ``lowest``, which is 0 for latencies. ``a + b`` joins different values.

    >>> day = Histogram([0.1, 0.5], [80, 15, 5]) + Histogram.from_cumulative([0.1, 0.5], [70, 90, 100])
    >>> day.counts.tolist(), day.above(0.5).events.tolist()
    ([150.0, 35.0, 15.0], 15.0)

    Raises:
        ValueError: unless edges are finite, rise and lie above ``lowest``, and there is a count of 0 or more a bin.
    """

    edges: Floats
    counts: Floats
    lowest: float

    def __init__(self, edges: ArrayLike, counts: ArrayLike, *, lowest: float = 0.0) -> None:
        limits, counted = arguments.finite("edges", edges), arguments.counts("counts", counts)
        below = arguments.number("lowest", lowest)
        if limits.ndim != 1 or not limits.size or not np.all(np.diff(limits, prepend=below) > 0):
            raise ValueError(f"edges must rise from lowest ({below:g}), found {limits.tolist()}")
        if counted.shape[-1:] != (limits.size + 1,):
            raise ValueError(
                f"counts must have a last axis of {limits.size + 1} bins for {limits.size} edges, "
                f"found shape {counted.shape}"
            )
        object.__setattr__(self, "edges", limits)
        object.__setattr__(self, "counts", counted)
        object.__setattr__(self, "lowest", below)

    @classmethod
    def from_cumulative(cls, edges: ArrayLike, cumulative: ArrayLike, *, lowest: float = 0.0) -> Self:
        """From counts of values up to each edge, and of all values last (the ``+Inf`` of Prometheus).

        Raises:
            ValueError: where they fall, or as the class.
        """
        up_to = arguments.counts("cumulative", cumulative)
        counts = np.diff(up_to, prepend=0.0) if up_to.ndim else up_to
        if np.any(counts < 0):
            raise ValueError(f"cumulative must not fall from bin to bin, found a step of {counts.min():.15g}")
        return cls(edges, counts, lowest=lowest)

    def __add__(self, other: "Histogram") -> "Histogram":
        if self.lowest != other.lowest or not np.array_equal(self.edges, other.edges):
            raise ValueError(f"edges must be the same to add, found {self.edges.tolist()} and {other.edges.tolist()}")
        arguments.require_fit(left=self.totals, right=other.totals)
        return Histogram(self.edges, self.counts + other.counts, lowest=self.lowest)

    @property
    def totals(self) -> Floats:
        """The values in each histogram."""
        return np.asarray(self.counts.sum(axis=-1))

    def above(self, limit: float) -> Proportion:
        """How many values are above ``limit``, exactly.

        Raises:
            ValueError: where ``limit`` is not an edge.
        """
        found = np.flatnonzero(self.edges == arguments.number("limit", limit))
        if not found.size:
            raise ValueError(f"limit must be one of the edges {self.edges.tolist()}, found {limit:g}")
        return Proportion(self.counts[..., found[0] + 1 :].sum(axis=-1), self.totals)
