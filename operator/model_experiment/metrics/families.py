"""The names of the collector's metrics and labels, shared by whoever writes them and whoever asks for them.

Every counter carries ``uid``, ``experiment`` ("namespace/name"), ``variant`` and ``bucket`` ("0" to "99"),
some one label more. All label sets of an experiment exist at 0 from the moment the collector knows it, and
start at 0 in every process. The trap: a counter without the ``started`` gauge beside it cannot be told from
the one before a restart.
"""

from enum import StrEnum

from model_experiment.decision.counts import Family


class Label(StrEnum):
    """The labels that the collector sets itself; all others come from the scrape."""

    UID = "uid"
    EXPERIMENT = "experiment"
    VARIANT = "variant"
    BUCKET = "bucket"
    CLASS = "class"
    ABOVE = "above"
    OUTCOME = "outcome"


COUNTER_LABELS = (Label.UID, Label.EXPERIMENT, Label.VARIANT, Label.BUCKET)

HEARTBEAT = "model_experiment_collector_heartbeat_timestamp_seconds"  # the time of the scrape
STARTED = "model_experiment_collector_started_timestamp_seconds"  # when this process started

METRICS = {family: f"model_experiment_{family}_total" for family in Family}
FAMILIES = {metric: family for family, metric in METRICS.items()}

DETAIL_LABELS = {
    Family.RESPONSES: Label.CLASS,
    Family.SLOW_RESPONSES: Label.ABOVE,
    Family.OUTCOME_VALUE: Label.OUTCOME,
    Family.OUTCOMES: Label.OUTCOME,
}
