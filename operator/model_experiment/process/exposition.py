"""Counts as Prometheus reads them, in the one form that the controller reads from every process that counts.

Every label set that is known beforehand is there at 0 as soon as the experiment is, so that a first event is an
increase and not a birth. ``started`` tells this process from the one before, ``heartbeat`` how old an answer is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from model_experiment.assignment import BUCKETS
from model_experiment.decision.counts import Family, Measure
from model_experiment.metrics.families import COUNTER_LABELS, DETAIL_LABELS, Exporter

Totals = tuple[str, str, Mapping[tuple[str, Measure], Sequence[float]]]
"""The UID and the name of an experiment, and what was counted of it, by bucket."""

_BUCKET_LABELS = tuple(str(bucket) for bucket in range(BUCKETS))


@dataclass(frozen=True, slots=True)
class _Collector:
    collect: Callable[[], Iterable[Metric]]


def registry_of(collect: Callable[[], Iterable[Metric]]) -> CollectorRegistry:
    """A registry with metrics that are made at every scrape; those of the process itself join them."""
    registry = CollectorRegistry()
    registry.register(_Collector(collect))
    return registry


def counters(
    exporter: Exporter, meanings: Mapping[Family, str], experiments: Iterable[Totals], *, started: float, now: float
) -> Iterator[Metric]:
    """All families of a process, also those without an experiment; times are seconds since 1970."""
    yield GaugeMetricFamily(exporter.started, "When this process started, in seconds since 1970.", value=started)
    yield GaugeMetricFamily(exporter.heartbeat, "When this was read, in seconds since 1970.", value=now)
    families = {family: _family(exporter, family, meanings[family]) for family in exporter.metrics}
    for uid, label, tables in experiments:
        for (variant, measure), table in tables.items():
            detail = [measure.detail] if measure.detail else []
            for bucket, count in zip(_BUCKET_LABELS, table, strict=True):
                families[measure.family].add_metric([uid, label, variant, bucket, *detail], count)
    yield from families.values()


def _family(exporter: Exporter, family: Family, meaning: str) -> CounterMetricFamily:
    detail = [DETAIL_LABELS[family]] if family in DETAIL_LABELS else []
    return CounterMetricFamily(exporter.metrics[family], meaning, labels=[*COUNTER_LABELS, *detail])
