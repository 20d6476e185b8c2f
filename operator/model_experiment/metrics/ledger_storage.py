"""The ledger as compact JSON text, and back.

For: a checkpoint that survives the controller. Not for: compressing or writing it. The trap: whole numbers
are written as integers, because "1.0" for each of some thousand counters would double the size.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from model_experiment.assignment import BUCKETS
from model_experiment.decision.counts import Buckets, Family, Measure
from model_experiment.metrics.ledger import Incarnation, Ledger
from model_experiment.metrics.snapshot import Tables


def to_json(ledger: Ledger) -> str:
    """The whole ledger; equal ledgers give equal texts."""
    return json.dumps(
        {
            "time": ledger.time,
            "incarnations": [
                [start, known.process, known.seen, known.heartbeat, _stored(known.tables)]
                for start, known in sorted(ledger.incarnations.items())
            ],
            "retired": _stored(ledger.retired),
            "retiredStarts": ledger.retired_starts,
            "faults": list(ledger.faults.items()),
        },
        separators=(",", ":"),
    )


def from_json(text: str) -> Ledger:
    """The ledger that ``to_json`` wrote.

    Raises:
        ValueError: if the text is anything else.
    """
    try:
        stored = json.loads(text)
        return Ledger(
            time=float(stored["time"]),
            incarnations={
                float(start): Incarnation(str(process), float(seen), float(heartbeat), _tables(tables))
                for start, process, seen, heartbeat, tables in stored["incarnations"]
            },
            retired=_tables(stored["retired"]),
            retired_starts=tuple(float(start) for start in stored["retiredStarts"]),
            faults={float(start): str(fault) for start, fault in stored["faults"]},
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"a stored ledger must be what to_json wrote, found {text[:80]!r}: {error}") from error


def _stored(tables: Tables) -> list[Any]:
    return [
        [variant, measure.family, measure.detail, [_number(value) for value in table.tolist()]]
        for (variant, measure), table in sorted(tables.items(), key=lambda item: item[0])
    ]


def _number(value: float) -> float:
    return int(value) if value.is_integer() else value


def _tables(stored: Sequence[Any]) -> Tables:
    return {
        (str(variant), Measure(Family(family), str(detail))): _table(values)
        for variant, family, detail, values in stored
    }


def _table(values: Sequence[float]) -> Buckets:
    table = np.array(values, dtype=np.float64)
    if table.shape != (BUCKETS,) or not np.isfinite(table).all():
        raise ValueError(f"a table must have {BUCKETS} finite numbers, found shape {table.shape}")
    return table
