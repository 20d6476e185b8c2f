"""Collectors, questions and Prometheus answers for tests; each shows only what differs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from model_experiment.decision.counts import EXPOSURES, REQUESTS, Family, Measure
from model_experiment.metrics.families import COLLECTOR, DETAIL_LABELS, Exporter
from model_experiment.metrics.snapshot import Reading, Snapshot
from model_experiment.metrics.source import Question

UID = "11111111-2222-3333-4444-555555555555"
NOW = 1_700_000_000.0
ERRORS = Measure(Family.RESPONSES, "ServerError")
SLOW = Measure(Family.SLOW_RESPONSES, "250ms")
EQUAL = Measure(Family.PAIRS, "Equal")
VALUE = Measure(Family.OUTCOME_VALUE, "purchase")
OUTCOMES = Measure(Family.OUTCOMES, "purchase")
MEASURES = (EXPOSURES, REQUESTS)
VARIANTS = ("v8", "v7")
QUESTION = Question(UID, VARIANTS, MEASURES)


def table(value: float = 0.0, **buckets: float) -> np.ndarray:
    """100 times the same value; ``b3=7`` says what stands in bucket 3 instead."""
    numbers = np.full(100, value)
    for name, number in buckets.items():
        numbers[int(name.removeprefix("b"))] = number
    return numbers


def tables(
    value: float = 0.0, *, variants: Sequence[str] = VARIANTS, measures: Sequence[Measure] = MEASURES
) -> dict[tuple[str, Measure], np.ndarray]:
    return {(variant, measure): table(value) for variant in variants for measure in measures}


def reading(
    value: float = 0.0,
    *,
    collector: str = "10.0.0.1:9090",
    started: float = NOW - 1000,
    heartbeat: float = NOW - 2,
    counters: Mapping[tuple[str, Measure], np.ndarray] | None = None,
) -> Reading:
    return Reading(f"collector {collector}", started, heartbeat, tables(value) if counters is None else counters)


def snapshot(*readings: Reading, time: float = NOW) -> Snapshot:
    return Snapshot(time, readings)


def series_of(
    found: Reading, *, uid: str = UID, labels: Mapping[str, str] | None = None, exporter: Exporter = COLLECTOR
) -> list[tuple[dict[str, str], str]]:
    """All series of one collector as (labels, value as text), as a scrape by Prometheus leaves them."""
    target = {"instance": found.process.removeprefix("collector "), "job": "collector", **(labels or {})}
    result = [
        ({"__name__": exporter.started, **target}, repr(found.started)),
        ({"__name__": exporter.heartbeat, **target}, repr(found.heartbeat)),
    ]
    for (variant, measure), values in found.tables.items():
        detail = DETAIL_LABELS.get(measure.family)
        common = {
            "__name__": exporter.metrics[measure.family],
            "uid": uid,
            "experiment": "shop/ranker",
            "variant": variant,
            **({detail: measure.detail} if detail else {}),
            **target,
        }
        result += [({**common, "bucket": str(b)}, repr(float(value))) for b, value in enumerate(values)]
    return result


def vector(series: Iterable[tuple[Mapping[str, str], str]], *, at: float = NOW, **more: Any) -> dict[str, Any]:
    """A successful answer to an instant query."""
    result = [{"metric": labels, "value": [at, value]} for labels, value in series]
    return {"status": "success", "data": {"resultType": "vector", "result": result}, **more}


def matrix(evaluations: Mapping[float, Iterable[tuple[Mapping[str, str], str]]], **more: Any) -> dict[str, Any]:
    """A successful answer to a range query, from the series at each time."""
    rows: dict[frozenset[tuple[str, str]], dict[str, Any]] = {}
    for at, series in evaluations.items():
        for labels, value in series:
            row = rows.setdefault(frozenset(labels.items()), {"metric": labels, "values": []})
            row["values"].append([at, value])
    return {"status": "success", "data": {"resultType": "matrix", "result": list(rows.values())}, **more}
