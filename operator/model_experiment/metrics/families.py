"""The names of metrics and labels, shared by whoever writes them and whoever asks for them.

Two kinds of process count, each under names of its own: the collector what users did, the comparator what the answers
of a shadow experiment are. Both count in the same form, so whoever reads one can read the other.

Every counter carries ``uid``, ``experiment`` ("namespace/name"), ``variant`` and ``bucket`` ("0" to "99"),
some one label more. All label sets of an experiment exist at 0 from the moment the process knows it, and
start at 0 in every process. The trap: a counter without the ``started`` gauge beside it cannot be told from
the one before a restart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from model_experiment.api.words import Strategy
from model_experiment.decision.counts import Family


class Label(StrEnum):
    """The labels that a process sets itself; all others come from the scrape."""

    UID = "uid"
    EXPERIMENT = "experiment"
    VARIANT = "variant"
    BUCKET = "bucket"
    CLASS = "class"
    ABOVE = "above"
    OUTCOME = "outcome"
    RESULT = "result"


COUNTER_LABELS = (Label.UID, Label.EXPERIMENT, Label.VARIANT, Label.BUCKET)

DETAIL_LABELS = {
    Family.RESPONSES: Label.CLASS,
    Family.SLOW_RESPONSES: Label.ABOVE,
    Family.OUTCOME_VALUE: Label.OUTCOME,
    Family.OUTCOMES: Label.OUTCOME,
    Family.PAIRS: Label.RESULT,
}


@dataclass(frozen=True, slots=True)
class Exporter:
    """One kind of process that counts, and the metric of each family that it counts."""

    process: str
    metrics: Mapping[Family, str]

    @property
    def heartbeat(self) -> str:
        """The gauge with the time of the scrape."""
        return f"model_experiment_{self.process}_heartbeat_timestamp_seconds"

    @property
    def started(self) -> str:
        """The gauge with the time when the process started."""
        return f"model_experiment_{self.process}_started_timestamp_seconds"

    def counted(self, count: int) -> str:
        """So many of these processes, in words."""
        return f"1 {self.process}" if count == 1 else f"{count} {self.process}s"


_OF_PAIRS = (Family.PAIRS, Family.SLOWER_PAIRS)
_OF_ANSWERS = (*_OF_PAIRS, Family.REQUESTS, Family.RESPONSES, Family.SLOW_RESPONSES)

COLLECTOR = Exporter(
    "collector", {family: f"model_experiment_{family}_total" for family in Family if family not in _OF_PAIRS}
)
COMPARATOR = Exporter("comparator", {family: f"model_experiment_shadow_{family}_total" for family in _OF_ANSWERS})


def exporter_of(strategy: Strategy) -> Exporter:
    """Whoever counts the experiments of a strategy."""
    match strategy:
        case Strategy.AB_TEST:
            return COLLECTOR
        case Strategy.SHADOW:
            return COMPARATOR
        case _:
            assert_never(strategy)
