"""The port: where counts come from, and the five answers that are never mixed up.

For: whoever needs the numbers of an experiment without caring who keeps them. Not for: what follows from an
answer; that is decided elsewhere. Only a ``Value`` has numbers; a value with warnings is partial: good enough
to see harm in it, not good enough to promote on. The trap: "no data" is not zero, and a source that is down
says nothing about a challenger.
"""

from dataclasses import dataclass
from typing import Protocol

from model_experiment.decision.counts import Measure
from model_experiment.metrics.families import COLLECTOR, Exporter
from model_experiment.metrics.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: these measures, for all of these variants of one experiment, of those who count them."""

    uid: str
    variants: tuple[str, ...]
    measures: tuple[Measure, ...]
    exporter: Exporter = COLLECTOR


@dataclass(frozen=True, slots=True)
class Value:
    """Numbers for every variant and measure from at least one fresh process.

    ``warnings`` tells, one sentence each, what may be missing; it is empty for a complete answer.
    """

    snapshot: Snapshot
    warnings: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """What was read, and what may be missing."""
        return "; ".join([f"{self.snapshot.exporter.counted(len(self.snapshot.readings))} read", *self.warnings])


@dataclass(frozen=True, slots=True)
class NoData:
    """The source works, but has no numbers of this experiment, or not of all variants and measures."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotANumber:
    """The source has something that is not a finite number."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stale:
    """All processes reported too long ago, or in the future; ``age_seconds`` is negative for the future."""

    age_seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class SourceDown:
    """The source gave no usable answer in time."""

    reason: str


Answer = Value | NoData | NotANumber | Stale | SourceDown


@dataclass(frozen=True, slots=True)
class History:
    """One answer for each evaluation time (unix seconds) of a past stretch, oldest first, at least one."""

    answers: tuple[tuple[float, Answer], ...]


class CountsSource(Protocol):
    """Whoever keeps the counters. No method raises for anything that the source does: it answers."""

    async def read(self, question: Question, *, at: float) -> Answer:
        """What is known at a time (unix seconds)."""
        ...

    async def read_range(self, question: Question, *, start: float, end: float, step: float) -> History | SourceDown:
        """What ``read`` would have answered at ``start``, every ``step`` seconds after it, and at last at ``end``.

        For a reader that slept: it goes through the evaluations that it missed as if it had been there, and
        misses no process that came and went. The last answer is always that of ``end``, also where it is
        no multiple of the step. Times are whole milliseconds. It costs about as much as so many reads.
        """
        ...
