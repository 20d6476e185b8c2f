"""The counts as Prometheus reads them.

Every label set of an experiment is there at 0 as soon as the experiment is known, so that a first event is an
increase and not a birth. ``started`` tells this process from the one before, ``heartbeat`` how old an answer
is.
"""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from model_experiment.assignment import BUCKETS
from model_experiment.collector.counting import Tallies, Tally
from model_experiment.decision.counts import Family
from model_experiment.metrics.families import COLLECTOR, COUNTER_LABELS, DETAIL_LABELS

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
_BUCKET_LABELS = tuple(str(bucket) for bucket in range(BUCKETS))


class ExperimentMetrics:
    """The collector's contract with the controller, made from the tallies at every scrape."""

    def __init__(self, tallies: Tallies, *, clock: Callable[[], float], started: float) -> None:
        self._tallies = tallies
        self._clock = clock
        self._started = started

    def collect(self) -> Iterator[Metric]:
        """All families, also those without an experiment."""
        yield GaugeMetricFamily(
            COLLECTOR.started, "When this process started, in seconds since 1970.", value=self._started
        )
        yield GaugeMetricFamily(COLLECTOR.heartbeat, "When this was read, in seconds since 1970.", value=self._clock())
        families = {family: _family(family) for family in COLLECTOR.metrics}
        for tally in self._tallies:
            _add(families, tally)
        yield from families.values()


def registry_of(tallies: Tallies, *, clock: Callable[[], float], started: float) -> CollectorRegistry:
    """A registry with the experiments' metrics in it; the collector's own health joins them."""
    registry = CollectorRegistry()
    registry.register(ExperimentMetrics(tallies, clock=clock, started=started))
    return registry


def _family(family: Family) -> CounterMetricFamily:
    detail = [DETAIL_LABELS[family]] if family in DETAIL_LABELS else []
    return CounterMetricFamily(COLLECTOR.metrics[family], _MEANINGS[family], labels=[*COUNTER_LABELS, *detail])


def _add(families: dict[Family, CounterMetricFamily], tally: Tally) -> None:
    counted = tally.counted
    for (variant, measure), table in tally.tables.items():
        detail = [measure.detail] if measure.detail else []
        for bucket, count in zip(_BUCKET_LABELS, table, strict=True):
            families[measure.family].add_metric([counted.uid, counted.label, variant, bucket, *detail], count)
