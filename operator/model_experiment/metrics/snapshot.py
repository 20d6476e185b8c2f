"""What one evaluation saw: of each process that counts, its start, its heartbeat and its counters.

For: the value that travels from a metric source to the ledger. Not for: whether it is complete or fresh
enough to judge by (see ``judgement``). The trap: a process is known by its start, not by its address. An
address may have two processes after each other, and one process may be scraped under two addresses or by two
Prometheus servers.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from model_experiment.decision.counts import Buckets, Measure
from model_experiment.metrics.families import COLLECTOR, Exporter

Key = tuple[str, Measure]
Tables = Mapping[Key, Buckets]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One process, read once.

    ``process`` is what people call it, such as "collector 10.0.0.1:9090". ``started`` and ``heartbeat`` are unix
    seconds on its own clock; ``heartbeat`` is the time of the
    scrape. ``tables`` holds, by variant and measure, 100 finite counters each: a table that lacks a bucket is
    left out. It is empty where the process does not know the experiment.
    """

    process: str
    started: float
    heartbeat: float
    tables: Tables


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """All processes of a kind at one evaluation time (unix seconds on the clock of whoever asked)."""

    time: float
    readings: tuple[Reading, ...]
    exporter: Exporter = COLLECTOR


def joined(known: Tables, read: Tables) -> Tables:
    """The larger of both, counter by counter: of two looks at one process, that is the later one."""
    larger = {key: np.maximum(known.get(key, table), table) for key, table in read.items()}
    return {**known, **larger}
