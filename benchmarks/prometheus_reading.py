"""How long one experiment's answer takes, from bytes to totals.

    python benchmarks/prometheus_reading.py

Prints the median processor time of some runs for an experiment with 8 measures (1,600 series a collector): reading
JSON, finding the snapshot in it, judging it, adding it to the ledger, summing the ledger, and storing it.
"""

import gzip
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from model_experiment.decision.counts import Family, Measure
from model_experiment.metrics.decoding import result_of, snapshot_of, snapshots_of
from model_experiment.metrics.families import COLLECTOR, DETAIL_LABELS
from model_experiment.metrics.judgement import judge
from model_experiment.metrics.ledger import Ledger
from model_experiment.metrics.ledger_storage import from_json, to_json
from model_experiment.metrics.source import Question

NOW = 1_700_000_000.0
TIMES = [NOW + 5 * index for index in range(30)]
MEASURES = (
    Measure(Family.EXPOSURES),
    Measure(Family.REQUESTS),
    Measure(Family.RESPONSES, "ServerError"),
    Measure(Family.RESPONSES, "ClientError"),
    Measure(Family.SLOW_RESPONSES, "250ms"),
    Measure(Family.SLOW_RESPONSES, "1s"),
    Measure(Family.OUTCOMES, "purchase"),
    Measure(Family.OUTCOME_VALUE, "purchase"),
)
QUESTION = Question("11111111-2222-3333-4444-555555555555", ("v8", "v7"), MEASURES)


def answer(collectors: int) -> list[dict[str, Any]]:
    """Labels as a PodMonitor leaves them, without values."""
    series: list[dict[str, Any]] = []
    for collector in range(collectors):
        scraped = {
            "container": "collector",
            "endpoint": "metrics",
            "instance": f"10.0.0.{collector}:9090",
            "job": "experiments/collector",
            "namespace": "experiments",
            "pod": f"collector-6d4b75cb6d-{collector}",
        }
        series += [{"__name__": gauge, **scraped} for gauge in (COLLECTOR.started, COLLECTOR.heartbeat)]
        for variant in QUESTION.variants:
            for measure in MEASURES:
                detail = DETAIL_LABELS.get(measure.family)
                labels = {
                    "__name__": COLLECTOR.metrics[measure.family],
                    **scraped,
                    "experiment": "shop/ranker",
                    "uid": QUESTION.uid,
                    "variant": variant,
                    **({detail: measure.detail} if detail else {}),
                }
                series += [{**labels, "bucket": str(bucket)} for bucket in range(100)]
    return series


def value(labels: dict[str, Any], random: np.random.Generator) -> str:
    if labels["__name__"] in (COLLECTOR.started, COLLECTOR.heartbeat):
        return str(NOW + hash(labels["instance"]) % 1000 / 1000)
    return str(random.integers(0, 1_000_000))


def envelope(kind: str, result: list[Any]) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}}).encode()


def milliseconds(work: Callable[[], object], runs: int = 15) -> float:
    took = []
    for _ in range(runs):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return 1000 * statistics.median(took)


def measure(collectors: int) -> None:
    random = np.random.default_rng(1)
    series = answer(collectors)
    body = envelope("vector", [{"metric": labels, "value": [NOW, value(labels, random)]} for labels in series])
    decoded, _ = result_of(json.loads(body), kind="vector")
    snapshot = snapshot_of(decoded, QUESTION, at=NOW)
    ledger = Ledger().with_snapshot(snapshot)
    stored = to_json(ledger)
    print(f"{collectors} collectors, {len(series)} series, {len(body) / 1000:.0f} kB")
    print(f"  stored in {len(gzip.compress(stored.encode())) / 1000:.1f} kB")
    steps = {
        "read JSON": lambda: json.loads(body),
        "find the snapshot": lambda: snapshot_of(decoded, QUESTION, at=NOW),
        "judge it": lambda: judge(snapshot, QUESTION, stale_after_seconds=45),
        "add it to the ledger": lambda: ledger.with_snapshot(snapshot),
        "sum the ledger": ledger.totals,
        "store it": lambda: gzip.compress(to_json(ledger).encode()),
        "restore it": lambda: from_json(stored),
        "from bytes to totals": lambda: ledger.with_snapshot(
            snapshot_of(result_of(json.loads(body), kind="vector")[0], QUESTION, at=NOW)
        ).totals(),
    }
    for name, work in steps.items():
        tell(name, milliseconds(work))


def tell(name: str, took: float) -> None:
    print(f"  {name:32s}{took:8.2f} ms")


def measure_range() -> None:
    random = np.random.default_rng(1)
    rows = [{"metric": labels, "values": [[at, value(labels, random)] for at in TIMES]} for labels in answer(1)]
    body = envelope("matrix", rows)
    took = milliseconds(
        lambda: snapshots_of(result_of(json.loads(body), kind="matrix")[0], QUESTION, times=TIMES), runs=5
    )
    print(f"{len(TIMES)} evaluations of 1 collector at once, {len(body) / 1000:.0f} kB")
    tell("from bytes to snapshots", took)


if __name__ == "__main__":
    for number in (1, 3, 10):
        measure(number)
    measure_range()
