"""A collector as small as can be: counters at 0, a start, a heartbeat, and a port to be scraped at."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from prometheus_client import start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from metrics.builders import VARIANTS
from model_experiment.decision.counts import Family, Measure
from model_experiment.metrics.families import COLLECTOR, COUNTER_LABELS, DETAIL_LABELS
from model_experiment.process.exposition import registry_of


@dataclass(slots=True, eq=False)
class Exporter:
    """One process of a collector that counts one experiment."""

    uid: str
    measures: Sequence[Measure]
    started: float = field(default_factory=time.time)
    counters: dict[tuple[str, Measure], np.ndarray] = field(init=False)

    def __post_init__(self) -> None:
        self.counters = {(variant, m): np.zeros(100) for variant in VARIANTS for m in self.measures}

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily(COLLECTOR.started, "start", value=self.started)
        yield GaugeMetricFamily(COLLECTOR.heartbeat, "now", value=time.time())
        families = {family: _family(family) for family in COLLECTOR.metrics}
        for (variant, measure), table in self.counters.items():
            detail = [measure.detail] if measure.detail else []
            for bucket, value in enumerate(table):
                labels = [self.uid, "shop/ranker", variant, str(bucket), *detail]
                families[measure.family].add_metric(labels, value)
        yield from families.values()


def _family(family: Family) -> CounterMetricFamily:
    detail = [DETAIL_LABELS[family]] if family in DETAIL_LABELS else []
    return CounterMetricFamily(COLLECTOR.metrics[family], "counted", labels=[*COUNTER_LABELS, *detail])


@contextmanager
def exporting(exporter: Exporter, port: int = 0) -> Iterator[int]:
    """Serves ``/metrics`` on a port (a free one if 0) until the end, as if the process then ended."""
    server, thread = start_http_server(port, "127.0.0.1", registry_of(exporter.collect))
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
