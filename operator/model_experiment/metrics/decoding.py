"""From Prometheus' JSON to snapshots. Pure.

For: reading an answer without trusting it. Not for: fetching it, or saying whether it is complete
(``judgement``). The trap: "NaN" arrives as text, turns into a float without complaint, and then loses every
comparison silently; it must be met here.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from model_experiment.assignment import BUCKETS
from model_experiment.decision.counts import Family, Measure
from model_experiment.metrics.families import DETAIL_LABELS, Exporter, Label
from model_experiment.metrics.snapshot import Key, Reading, Snapshot, Tables, joined
from model_experiment.metrics.source import NotANumber, Question

_NAME = "__name__"
_OWN_LABELS = frozenset((_NAME, *Label))
_BUCKETS = {str(bucket): bucket for bucket in range(BUCKETS)}
_MAX_WARNINGS = 5
_MAX_TEXT = 200

Target = frozenset[tuple[str, str]]  # the labels that the scrape added: they tell one scraped address from another


class MalformedAnswerError(Exception):
    """Not the answer that the Prometheus API promises, or not the series that the processes promise."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the values of a series belong: a counter has a key and a bucket, a gauge has its name."""

    target: Target
    gauge: str = ""
    key: Key | None = None
    bucket: int = 0

    def __str__(self) -> str:
        return f"{self.key[1]} of variant {self.key[0]}, bucket {self.bucket}," if self.key else self.gauge


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a question names, for looking up a series."""

    families: Mapping[str, Family]
    measures: frozenset[Measure]


@dataclass(slots=True)
class _Scrape:
    """What was found under one scraped address at one time; filled while reading, never handed out."""

    gauges: dict[str, float] = field(default_factory=dict)
    counters: dict[Key, dict[int, float]] = field(default_factory=dict)

    def record(self, place: _Place, value: float) -> None:
        if place.key is None:
            self.gauges[place.gauge] = value
        else:
            self.counters.setdefault(place.key, {})[place.bucket] = value


_Sample = tuple[_Place, str]


def result_of(envelope: Any, *, kind: str) -> tuple[list[Any], tuple[str, ...]]:
    """The series of a successful answer, and the warnings that came with it (at most 5, shortened).

    Raises:
        MalformedAnswerError: if it is not a successful answer of the asked ``kind`` ("vector" or "matrix").
    """
    match envelope:
        case {"status": "success", "data": {"resultType": str(found), "result": list(result)}} if found == kind:
            return result, _warnings(envelope.get("warnings"))
        case {"status": "success", "data": {"resultType": found}}:
            raise MalformedAnswerError(f"it must be a {kind}, found {plain(found)}")
        case _:
            raise MalformedAnswerError(f"it must be a success with data, found {plain(envelope)}")


def snapshot_of(result: Sequence[Any], question: Question, *, at: float) -> Snapshot | NotANumber:
    """What an instant vector says, as far as it was asked for.

    Raises:
        MalformedAnswerError: if a series is not shaped as promised.
    """
    asked = _asked(question)
    with _shaped():
        places = ((_place(series["metric"], asked), series["value"][1]) for series in result)
        return _evaluated(((place, text) for place, text in places if place), question.exporter, at)


def snapshots_of(result: Sequence[Any], question: Question, *, times: Sequence[float]) -> list[Snapshot | NotANumber]:
    """What a matrix says at each of the evaluation times, as far as it was asked for.

    Raises:
        MalformedAnswerError: if a series is not shaped as promised, or has a sample at another time.
    """
    asked = _asked(question)
    samples: dict[int, list[_Sample]] = {_milliseconds(time): [] for time in times}
    with _shaped():
        for series in result:
            if place := _place(series["metric"], asked):
                for time, text in series["values"]:
                    samples[_milliseconds(time)].append((place, text))
        return [_evaluated(samples[_milliseconds(time)], question.exporter, time) for time in times]


def plain(value: object) -> str:
    """Anything as one short line that is safe in a log and in a status."""
    text = value if isinstance(value, str) else repr(value)
    return "".join(character for character in text[:_MAX_TEXT] if character.isprintable())


def _milliseconds(time: float) -> int:
    """Prometheus' own resolution."""
    return round(time * 1000)


@contextmanager
def _shaped() -> Iterator[None]:
    """What a surprise in JSON raises when it is unpacked, in one word."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise MalformedAnswerError(f"a series is not shaped as promised: {plain(error)}") from error


def _warnings(found: Any) -> tuple[str, ...]:
    if not found:
        return ()
    return tuple(plain(warning) for warning in (found if isinstance(found, list) else [found])[:_MAX_WARNINGS])


def _asked(question: Question) -> _Asked:
    families = {name: family for family, name in question.exporter.metrics.items()}
    return _Asked(families, frozenset(question.measures))


def _place(labels: Mapping[str, str], asked: _Asked) -> _Place | None:
    """None for a counter that nobody asked for."""
    target = frozenset(item for item in labels.items() if item[0] not in _OWN_LABELS)
    family = asked.families.get(labels[_NAME])
    if family is None:
        return _Place(target, gauge=labels[_NAME])
    detail = DETAIL_LABELS.get(family)
    measure = Measure(family, labels[detail] if detail else "")
    if measure not in asked.measures:
        return None
    return _Place(target, key=(labels[Label.VARIANT], measure), bucket=_BUCKETS[labels[Label.BUCKET]])


def _evaluated(samples: Iterable[_Sample], exporter: Exporter, at: float) -> Snapshot | NotANumber:
    scrapes: dict[Target, _Scrape] = {}
    for place, text in samples:
        value = float(text)
        if not math.isfinite(value):
            subject = f"{place} of {_process(exporter, place.target)}"
            return NotANumber(f"{subject} must be a finite number, found {plain(text)}")
        scrapes.setdefault(place.target, _Scrape()).record(place, value)
    return Snapshot(at, _merged(_reading(exporter, target, scrape) for target, scrape in scrapes.items()), exporter)


def _reading(exporter: Exporter, target: Target, scrape: _Scrape) -> Reading:
    process = _process(exporter, target)
    for gauge in (exporter.started, exporter.heartbeat):
        if gauge not in scrape.gauges:
            raise MalformedAnswerError(f"{process} must report {gauge}, found none")
    return Reading(process, scrape.gauges[exporter.started], scrape.gauges[exporter.heartbeat], _complete(scrape))


def _process(exporter: Exporter, target: Target) -> str:
    """A process and its address, as people know it."""
    return f"{exporter.process} {plain(dict(target).get('instance', 'without an instance label'))}"


def _complete(scrape: _Scrape) -> Tables:
    """Only tables without a hole: a missing bucket is no zero."""
    return {
        key: np.array([table[bucket] for bucket in range(BUCKETS)])
        for key, table in scrape.counters.items()
        if len(table) == BUCKETS
    }


def _merged(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """One reading a process: two scrape jobs, or two Prometheus servers, must not count it twice."""
    by_start: dict[float, Reading] = {}
    for reading in readings:
        twin = by_start.get(reading.started, reading)
        by_start[reading.started] = Reading(
            min(twin.process, reading.process),
            reading.started,
            max(twin.heartbeat, reading.heartbeat),
            joined(twin.tables, reading.tables),
        )
    return tuple(by_start.values())
