"""What the collector shows Prometheus: its contract with the controller."""

from collections.abc import Iterator

from prometheus_client.core import Metric

from model_experiment.collector.counting import Tallies
from model_experiment.decision.counts import Family
from model_experiment.metrics.families import COLLECTOR
from model_experiment.process.exposition import counters

_MEANINGS = {
    Family.EXPOSURES: "Users who met the variant first, each counted once over all collectors and restarts.",
    Family.RAMP_EXPOSURES: "Users who met the variant first while a ramp went on.",
    Family.REQUESTS: "Requests that the variant answered, or failed to.",
    Family.MISASSIGNED: "Requests that met another variant than their user is assigned to.",
    Family.BYPASSED: "Requests with the assignment header that the user's own route served.",
    Family.RESPONSES: "Responses of the variant with a status of 500 and above, or from 400 to 499.",
    Family.SLOW_RESPONSES: "Requests that took longer than a declared limit, first byte in to last byte out.",
    Family.OUTCOMES: "Outcomes told of users who met the variant first.",
    Family.OUTCOME_VALUE: "Sum of the values of the outcomes told of users who met the variant first.",
}


def metrics_of(tallies: Tallies, *, started: float, now: float) -> Iterator[Metric]:
    """All families, also those without an experiment; times are seconds since 1970."""
    experiments = ((each.counted.uid, each.counted.label, each.tables) for each in tallies)
    return counters(COLLECTOR, _MEANINGS, experiments, started=started, now=now)
