"""Is what was read complete and fresh? Pure.

For: turning a snapshot into one of the answers, with the sentence a person needs. Not for: what follows from
it. The trap: Prometheus shows the last sample of a dead target for five minutes, so only a process's own
heartbeat tells how old a number is.
"""

from collections.abc import Sequence
from itertools import product

from model_experiment.assignment import BUCKETS
from model_experiment.metrics.snapshot import Key, Reading, Snapshot
from model_experiment.metrics.source import Answer, NoData, Question, Stale, Value


def judge(
    snapshot: Snapshot, question: Question, *, stale_after_seconds: float, warnings: Sequence[str] = ()
) -> Answer:
    """``Value`` if every fresh process that counts this experiment reports all that is asked, else why not.

    A heartbeat further than ``stale_after_seconds`` from the snapshot's time, before or after, is stale: a clock
    that runs ahead would hide the silence that follows. Processes that do not count this experiment say nothing:
    they may belong to another installation.
    """
    if not snapshot.readings:
        return NoData(f"at least 1 {snapshot.exporter.process} must be scraped by Prometheus, found none")
    counting = [reading for reading in snapshot.readings if reading.tables]
    if not counting:
        known = snapshot.exporter.counted(len(snapshot.readings))
        return NoData(f"{known} reported, none of them counts experiment {question.uid}")
    fresh = [reading for reading in counting if abs(_age(reading, snapshot)) <= stale_after_seconds]
    if not fresh:
        return _stale(counting, snapshot, stale_after_seconds)
    for reading in fresh:
        if missing := _missing(reading, question):
            return NoData(_missing_sentence(reading, missing))
    silent = [_silent(reading, snapshot) for reading in counting if reading not in fresh]
    return Value(snapshot, (*warnings, *silent))


def _age(reading: Reading, snapshot: Snapshot) -> float:
    return snapshot.time - reading.heartbeat


def _stale(counting: Sequence[Reading], snapshot: Snapshot, limit: float) -> Stale:
    age = min((_age(reading, snapshot) for reading in counting), key=abs)
    known = snapshot.exporter.counted(len(counting))
    return Stale(
        age,
        f"a {snapshot.exporter.process} must have reported within {limit:g} s; {known} known, "
        f"the nearest heartbeat is {_when(age)}",
    )


def _missing(reading: Reading, question: Question) -> list[Key]:
    return [key for key in product(question.variants, question.measures) if key not in reading.tables]


def _missing_sentence(reading: Reading, missing: Sequence[Key]) -> str:
    variant, measure = missing[0]
    more = f" (and {len(missing) - 1} more tables)" if len(missing) > 1 else ""
    return (
        f"{reading.process} must report all {BUCKETS} buckets of {measure} for variant "
        f"{variant}{more}, found none or not all"
    )


def _silent(reading: Reading, snapshot: Snapshot) -> str:
    return f"{reading.process} reported {_when(_age(reading, snapshot))}"


def _when(age: float) -> str:
    return f"{age:.1f} s ago" if age >= 0 else f"{-age:.1f} s in the future"
