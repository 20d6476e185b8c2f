"""From Prometheus' JSON to snapshots. Pure.

For: reading an answer without trusting it. Not for: fetching it, or saying whether it is complete (``judgement``).
The trap: "NaN" arrives as text, turns into a float without complaint, and then loses every comparison silently; it
must be met here.
"""

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from model_experiment.assignment import BUCKETS
from model_experiment.decision.counts import Measure
from model_experiment.metrics.families import DETAIL_LABELS, FAMILIES, HEARTBEAT, STARTED, Label
from model_experiment.metrics.snapshot import Key, Reading, Snapshot, Tables, joined
from model_experiment.metrics.source import Question

_NAME = "__name__"
_OWN_LABELS = frozenset((_NAME, *Label))
_BUCKETS = {str(bucket): bucket for bucket in range(BUCKETS)}
_MAX_WARNINGS = 5
_MAX_TEXT = 200
_UNSHAPED = (
    KeyError,
    TypeError,
    AttributeError,
    ValueError,
)  # what a surprise in JSON raises when it is unpacked

Target = frozenset[
    tuple[str, str]
]  # the labels that the scrape added: they tell one scraped address from another


class MalformedAnswerError(Exception):
    """Not the answer that the Prometheus API promises, or not the series that the collector promises."""


class NotFiniteError(Exception):
    """A NaN or an infinity where a number must be."""


@dataclass(slots=True)
class _Scrape:
    """What was found under one scraped address; filled while reading, never handed out."""

    gauges: dict[str, float] = field(default_factory=dict)
    counters: dict[Key, dict[int, float]] = field(default_factory=dict)


def result_of(envelope: Any, *, kind: str) -> tuple[list[Any], tuple[str, ...]]:
    """The series of a successful answer, and the warnings that came with it (at most 5, shortened).

    Raises:
        MalformedAnswerError: if it is not a successful answer of the asked ``kind`` ("vector" or "matrix").
    """
    match envelope:
        case {"status": "success", "data": {"resultType": str(found), "result": list(result)}} if (
            found == kind
        ):
            return result, _warnings(envelope.get("warnings"))
        case {"status": "success", "data": {"resultType": found}}:
            raise MalformedAnswerError(f"Prometheus' answer must be a {kind}, found {plain(found)}")
        case _:
            raise MalformedAnswerError(
                f"Prometheus' answer must be a success with data, found {plain(envelope)}"
            )


def snapshot_of(result: Sequence[Any], question: Question, *, at: float) -> Snapshot:
    """What an instant vector says, as far as it was asked for.

    Raises:
        MalformedAnswerError: if a series is not shaped as promised.
        NotFiniteError: if a value is NaN or infinite.
    """
    asked = frozenset(question.measures)
    scrapes: dict[Target, _Scrape] = {}
    try:
        for series in result:
            labels = series["metric"]
            _, text = series["value"]
            _record(
                scrapes.setdefault(_target(labels), _Scrape()),
                labels,
                value=_finite(text, labels),
                asked=asked,
            )
    except _UNSHAPED as error:
        raise MalformedAnswerError(f"a series of Prometheus' answer is malformed: {plain(error)}") from error
    return Snapshot(at, _merged(_readings(scrapes)))


def last_moments(result: Sequence[Any]) -> list[float]:
    """The last time at which each process was seen, oldest first, from a matrix of the ``started`` gauge.

    Raises:
        MalformedAnswerError: if a series is not shaped as promised.
    """
    try:
        last = {
            (_target(series["metric"]), str(started)): float(time)
            for series in result
            for time, started in series["values"]
        }
    except _UNSHAPED as error:
        raise MalformedAnswerError(f"a series of Prometheus' answer is malformed: {plain(error)}") from error
    return sorted(set(last.values()))


def plain(value: object) -> str:
    """Anything as one short line that is safe in a log and in a status."""
    text = value if isinstance(value, str) else repr(value)
    return "".join(character for character in text if character.isprintable())[:_MAX_TEXT]


def _warnings(found: Any) -> tuple[str, ...]:
    if not found:
        return ()
    return tuple(
        plain(warning) for warning in (found if isinstance(found, list) else [found])[:_MAX_WARNINGS]
    )


def _target(labels: Mapping[str, str]) -> Target:
    return frozenset(item for item in labels.items() if item[0] not in _OWN_LABELS)


def _finite(text: str, labels: Mapping[str, str]) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise NotFiniteError(f"{plain(dict(labels))} must be a finite number, found {plain(text)}")
    return value


def _record(scrape: _Scrape, labels: Mapping[str, str], *, value: float, asked: Set[Measure]) -> None:
    family = FAMILIES.get(labels[_NAME])
    if family is None:
        scrape.gauges[labels[_NAME]] = value
        return
    detail = DETAIL_LABELS.get(family)
    measure = Measure(family, labels[detail] if detail else "")
    if measure in asked:
        table = scrape.counters.setdefault((labels[Label.VARIANT], measure), {})
        table[_BUCKETS[labels[Label.BUCKET]]] = value


def _readings(scrapes: Mapping[Target, _Scrape]) -> Iterator[Reading]:
    for target, scrape in scrapes.items():
        collector = dict(target).get("instance", "without an instance label")
        for gauge in (STARTED, HEARTBEAT):
            if gauge not in scrape.gauges:
                raise MalformedAnswerError(f"collector {plain(collector)} must report {gauge}, found none")
        yield Reading(plain(collector), scrape.gauges[STARTED], scrape.gauges[HEARTBEAT], _complete(scrape))


def _complete(scrape: _Scrape) -> Tables:
    """Only tables without a hole: a missing bucket is no zero."""
    return {
        key: np.array([table[bucket] for bucket in range(BUCKETS)])
        for key, table in scrape.counters.items()
        if len(table) == BUCKETS
    }


def _merged(readings: Iterator[Reading]) -> tuple[Reading, ...]:
    """One reading a process: two scrape jobs, or two Prometheus servers, must not count it twice."""
    by_start: dict[float, Reading] = {}
    for reading in readings:
        twin = by_start.get(reading.started, reading)
        by_start[reading.started] = Reading(
            min(twin.collector, reading.collector),
            reading.started,
            max(twin.heartbeat, reading.heartbeat),
            joined(twin.tables, reading.tables),
        )
    return tuple(by_start.values())
