"""What has been counted so far, per variant and per bucket of users: the numbers every judgement starts from.

For: the arrays that objectives, guardrails and checks read. Not for: where the numbers come from, how old
they are and what is missing; whoever builds a ``Counts`` has answered that. The trap: "nothing counted yet"
is a table of zeros, while "not measured" is no table at all, and asking for one is an error instead of a
zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from model_experiment.assignment import BUCKETS

Buckets = NDArray[np.float64]


class Family(StrEnum):
    """What can be counted about a variant."""

    EXPOSURES = "exposures"  # users who met the variant for the first time
    RAMP_EXPOSURES = "ramp_exposures"  # the same while a ramp goes on, when they do not count for objectives
    REQUESTS = "requests"
    MISASSIGNED = "misassigned"  # requests that met another variant than their user is assigned to
    BYPASSED = "bypassed"  # requests that belong to the experiment but stayed on the user's own route: the champion's
    RESPONSES = "responses"  # by class: ServerError, ClientError
    SLOW_RESPONSES = "slow_responses"  # by declared latency: "250ms"
    OUTCOME_VALUE = "outcome_value"  # sum of the values of an outcome, by its name
    OUTCOMES = "outcomes"  # number of outcomes, by name
    PAIRS = "pairs"  # of answers to one request, by result: Equal, Different, NotComparable
    SLOWER_PAIRS = "slower_pairs"  # the challenger took longer than the declared margin allows


class PairResult(StrEnum):
    """What a pair of answers is."""

    EQUAL = "Equal"
    DIFFERENT = "Different"
    NOT_COMPARABLE = "NotComparable"


@dataclass(frozen=True, slots=True, order=True)
class Measure:
    """One thing that is counted: a family, and the class, latency or outcome where the family has several."""

    family: Family
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.family} {self.detail}".rstrip()


EXPOSURES = Measure(Family.EXPOSURES)
RAMP_EXPOSURES = Measure(Family.RAMP_EXPOSURES)
REQUESTS = Measure(Family.REQUESTS)
MISASSIGNED = Measure(Family.MISASSIGNED)
BYPASSED = Measure(Family.BYPASSED)
EQUAL, DIFFERENT, NOT_COMPARABLE = PAIRS = tuple(Measure(Family.PAIRS, result) for result in PairResult)
SLOWER_PAIRS = Measure(Family.SLOWER_PAIRS)


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Totals since the start of the experiment, as known at ``time`` (unix seconds).

    ``tables`` maps a variant and a measure to its 100 buckets; whole numbers are exact up to 2**53.
    The tables become read-only: they are shared, not copied.

    Raises:
        ValueError: if a table does not have one finite number for each bucket.
    """

    time: float
    tables: Mapping[tuple[str, Measure], Buckets]

    def __post_init__(self) -> None:
        for (variant, measure), table in self.tables.items():
            if table.shape != (BUCKETS,) or not np.isfinite(table).all():
                raise ValueError(f"{measure} of variant {variant} must be {BUCKETS} finite numbers, found {table!r}")
            table.setflags(write=False)

    def has(self, variant: str, measure: Measure) -> bool:
        """Whether this was measured at all; zeros count as measured."""
        return (variant, measure) in self.tables

    def buckets(self, variant: str, measure: Measure) -> Buckets:
        """The 100 bucket totals of a variant.

        Raises:
            LookupError: if this was not measured.
        """
        table = self.tables.get((variant, measure))
        if table is None:
            raise LookupError(f"{measure} of variant {variant} was not measured")
        return table

    def total(self, variant: str, measure: Measure) -> float:
        """The sum over all buckets of a variant.

        Raises:
            LookupError: if this was not measured.
        """
        return float(self.buckets(variant, measure).sum())
