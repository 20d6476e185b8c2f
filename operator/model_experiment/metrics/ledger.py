"""Totals that no restart can falsify.

Counters start at 0 in every process and only grow, so the total of a series is the sum, over
all processes that ever lived, of the largest value seen. For: adding snapshots up, and storing the sum. Not
for: judging whether a snapshot is complete. The trap: what is kept here is all that is known of dead
processes; Prometheus forgets them after its retention.

Applying a snapshot twice changes nothing, and neither does the order of snapshots or how many were missed in
between, as long as each process was seen after its last count. State stays small: at most
``KEPT_INCARNATIONS`` processes that are absent from the latest snapshot keep their own tables; of older ones
only the sum remains.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from model_experiment.decision.counts import Buckets, Counts
from model_experiment.metrics.snapshot import Key, Reading, Snapshot, Tables, joined

KEPT_INCARNATIONS = 32
KEPT_RETIRED_STARTS = 1000
KEPT_FAULTS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Incarnation:
    """One process as far as it was seen: the largest value of each counter.

    ``seen`` is the time of the latest snapshot that had it, ``heartbeat`` the latest on its own clock.
    """

    process: str
    seen: float
    heartbeat: float
    tables: Tables

    def with_reading(self, reading: Reading, *, time: float) -> "Incarnation":
        """The larger of both, counter by counter."""
        return Incarnation(
            process=min(self.process, reading.process),
            seen=max(self.seen, time),
            heartbeat=max(self.heartbeat, reading.heartbeat),
            tables=joined(self.tables, reading.tables),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """Everything counted so far, at ``time`` (unix seconds; 0 before the first snapshot).

    ``incarnations`` and ``faults`` are keyed by the start of the process. A fault is something that a
    process promises not to do; the first one of a process is kept, as a sentence, because the totals may be
    wrong since.
    """

    time: float = 0.0
    incarnations: Mapping[float, Incarnation] = field(default_factory=dict)
    retired: Tables = field(default_factory=dict)
    retired_starts: tuple[float, ...] = ()
    faults: Mapping[float, str] = field(default_factory=dict)

    def with_snapshot(self, snapshot: Snapshot) -> "Ledger":
        """The ledger after this snapshot.

        A value that falls within a process, and a process that returns after it was retired, cannot happen by
        contract: the larger value stays, the returned process stays out, and both are reported as faults.
        """
        readings = [reading for reading in snapshot.readings if reading.tables]
        incarnations = dict(self.incarnations)
        for reading in readings:
            if reading.started not in self.retired_starts:
                known = incarnations.get(reading.started, _newborn(reading, snapshot.time))
                incarnations[reading.started] = known.with_reading(reading, time=snapshot.time)
        found = {reading.started: fault for reading in readings if (fault := self._fault(reading, snapshot.time))}
        return _small(
            replace(
                self,
                time=max(self.time, snapshot.time),
                incarnations=incarnations,
                faults=dict(list({**self.faults, **found, **self.faults}.items())[:KEPT_FAULTS]),
            )
        )

    def totals(self) -> Counts:
        """The sum over all processes, per variant, measure and bucket; integers stay integers up to 2**53."""
        return Counts(self.time, _summed([self.retired, *(known.tables for known in self.incarnations.values())]))

    def _fault(self, reading: Reading, time: float) -> str | None:
        if reading.started in self.retired_starts:
            return _returned(reading) if time > self.time else None
        known = self.incarnations.get(reading.started)
        # Only a later heartbeat makes a smaller value a fault: an older snapshot, and a Prometheus that lags
        # behind its twin, rightly have smaller ones.
        return _fallen(known, reading) if known and reading.heartbeat > known.heartbeat else None


def _small(ledger: Ledger) -> Ledger:
    """The same totals, with own tables for only so many of the processes that the latest snapshot lacks."""
    seen = {start: known.seen for start, known in ledger.incarnations.items() if known.seen < ledger.time}
    old = sorted(seen, key=lambda start: (seen[start], start))[: max(0, len(seen) - KEPT_INCARNATIONS)]
    if not old:
        return ledger
    return replace(
        ledger,
        incarnations={start: known for start, known in ledger.incarnations.items() if start not in old},
        retired=_summed([ledger.retired, *(ledger.incarnations[start].tables for start in old)]),
        retired_starts=(*ledger.retired_starts, *old)[-KEPT_RETIRED_STARTS:],
    )


def _newborn(reading: Reading, time: float) -> Incarnation:
    return Incarnation(reading.process, time, reading.heartbeat, reading.tables)


def _summed(parts: Iterable[Tables]) -> Tables:
    total: dict[Key, Buckets] = {}
    for tables in parts:
        for key, table in tables.items():
            total[key] = total[key] + table if key in total else table
    return total


def _returned(reading: Reading) -> str:
    return (
        f"{reading.process} (started {reading.started:.3f}) must not return after "
        f"{KEPT_INCARNATIONS} other processes came and went; what it counted since is left out"
    )


def _fallen(known: Incarnation, reading: Reading) -> str | None:
    for (variant, measure), table in reading.tables.items():
        before = known.tables.get((variant, measure), table)
        if (table < before).any():
            bucket = int(np.argmax(before - table))
            return (
                f"{measure} of variant {variant} must not fall within one process; "
                f"{reading.process} (started {reading.started:.3f}) had {before[bucket]:g} in bucket "
                f"{bucket} and now has {table[bucket]:g}; the larger number is kept"
            )
    return None
