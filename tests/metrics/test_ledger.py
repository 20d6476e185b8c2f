"""Totals that no restart can falsify: laws over random histories, and the stories behind them."""

import gzip
import json
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.builders import (
    ERRORS,
    NOW,
    OUTCOMES,
    REQUESTS,
    SLOW,
    VALUE,
    VARIANTS,
    reading,
    snapshot,
    table,
    tables,
)
from model_experiment.decision.counts import EXPOSURES
from model_experiment.metrics.ledger import KEPT_FAULTS, KEPT_INCARNATIONS, KEPT_RETIRED_STARTS, Ledger
from model_experiment.metrics.ledger_storage import from_json, to_json

ADDRESSES = ("10.0.0.1:9090", "10.0.0.2:9090", "10.0.0.3:9090")
KEY = ("v8", REQUESTS)


@dataclass(slots=True)
class World:
    """Collectors that count, restart and are scraped; it knows what was last seen of each process."""

    clock: float = NOW
    started: dict[str, float] = field(default_factory=lambda: {a: NOW + i for i, a in enumerate(ADDRESSES)})
    counted: dict[float, np.ndarray] = field(default_factory=dict)
    last_seen: dict[float, np.ndarray] = field(default_factory=dict)
    snapshots: list = field(default_factory=list)

    def count(self, address, bucket, value):
        self._counters(address)[bucket] += value

    def restart(self, address):
        self.started[address] = self.clock + 0.5 + ADDRESSES.index(address) / 10

    def poll(self, addresses):
        readings = [
            reading(
                collector=address,
                started=self.started[address],
                heartbeat=self.clock,
                counters={KEY: self._counters(address).copy()},
            )
            for address in addresses
        ]
        self.last_seen |= {found.started: found.tables[KEY] for found in readings}
        self.snapshots.append(snapshot(*readings, time=self.clock))

    def seen_total(self):
        return sum(self.last_seen.values(), table())

    def _counters(self, address):
        return self.counted.setdefault(self.started[address], table())


ADDRESS = st.sampled_from(ADDRESSES)
EVENTS = st.one_of(
    st.tuples(st.just("count"), ADDRESS, st.integers(0, 99), st.integers(0, 1000)),
    st.tuples(st.just("restart"), ADDRESS),
    st.tuples(st.just("poll"), st.lists(ADDRESS, unique=True, max_size=3)),
)


@st.composite
def histories(draw):
    world = World()
    for name, *arguments in draw(st.lists(EVENTS, max_size=40)):
        world.clock += 1
        getattr(world, name)(*arguments)
    return world


def ledger_of(snapshots, *, start=None):
    ledger = start or Ledger()
    for seen in snapshots:
        ledger = ledger.with_snapshot(seen)
    return ledger


def total(ledger):
    counts = ledger.totals()
    return counts.buckets(*KEY) if counts.has(*KEY) else table()


@given(histories())
def test_the_total_is_the_sum_of_what_was_last_seen_of_every_process(world):
    ledger = ledger_of(world.snapshots)
    assert np.array_equal(total(ledger), world.seen_total())
    assert not ledger.faults


@given(histories(), st.data())
def test_it_does_not_matter_how_often_it_was_polled_in_between(world, data):
    """Any snapshot that was not the last look at some process can be missing."""
    needed = {}
    for index, seen in enumerate(world.snapshots):
        needed |= {found.started: index for found in seen.readings}
    kept = [
        seen
        for index, seen in enumerate(world.snapshots)
        if index in needed.values() or data.draw(st.booleans(), label="also polled")
    ]
    assert np.array_equal(total(ledger_of(kept)), world.seen_total())


@given(histories(), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_changes_anything(world, random):
    muddled = [*world.snapshots, *world.snapshots]
    random.shuffle(muddled)
    ledger = ledger_of(muddled)
    assert np.array_equal(total(ledger), world.seen_total())
    assert to_json(ledger) == to_json(ledger_of(world.snapshots))


@given(histories(), st.integers(0, 40))
def test_a_checkpoint_in_between_changes_nothing(world, cut):
    stored = from_json(to_json(ledger_of(world.snapshots[:cut])))
    assert to_json(ledger_of(world.snapshots[cut:], start=stored)) == to_json(ledger_of(world.snapshots))


@given(histories())
def test_every_number_stays_an_integer(world):
    assert all(value.is_integer() for value in total(ledger_of(world.snapshots)).tolist())


def test_a_restart_adds_to_what_was_counted_before():
    before = snapshot(reading(5.0, started=1.0))
    after = snapshot(reading(2.0, started=2.0), time=NOW + 5)
    counts = ledger_of([before, after]).totals()
    assert counts.time == NOW + 5
    assert {key: values.sum() for key, values in counts.tables.items()} == dict.fromkeys(tables(), 700)


def test_a_restart_onto_a_wrong_clock_is_still_another_process():
    """The order of starts means nothing: a node's clock may have been set back."""
    ledger = ledger_of([snapshot(reading(5.0, started=9e9)), snapshot(reading(2.0, started=1.0), time=NOW + 5)])
    assert ledger.totals().total(*KEY) == 700


def test_two_processes_behind_one_address_are_both_counted():
    """Scraping a Service instead of pods alternates between processes; each keeps its own last value."""
    one, other = reading(5.0, started=1.0), reading(2.0, started=2.0)
    looks = [snapshot((one, other)[i % 2], time=NOW + i) for i in range(6)]
    assert ledger_of(looks).totals().total(*KEY) == 700


def test_before_the_first_snapshot_nothing_is_measured():
    assert not Ledger().totals().has(*KEY)
    assert Ledger().with_snapshot(snapshot()).totals().time == NOW


def test_a_collector_that_does_not_count_leaves_no_trace():
    assert not Ledger().with_snapshot(snapshot(reading(counters={}))).incarnations


class TestFaults:
    """What a collector promises not to do."""

    def test_a_value_that_falls_keeps_the_larger_number_and_says_so_once(self):
        looks = [
            snapshot(reading(counters={KEY: table(4.0, b17=120.0)}, started=1.25, heartbeat=NOW)),
            snapshot(reading(counters={KEY: table(4.0, b17=80.0)}, started=1.25, heartbeat=NOW + 5), time=NOW + 5),
            snapshot(reading(counters={KEY: table(4.0, b17=81.0)}, started=1.25, heartbeat=NOW + 9), time=NOW + 9),
        ]
        ledger = ledger_of(looks)
        assert ledger.faults == {
            1.25: "requests of variant v8 must not fall within one process; collector "
            "10.0.0.1:9090 (started 1.250) had 120 in bucket 17 and now has 80; the larger number is kept"
        }
        assert total(ledger)[17] == 120

    def test_an_older_look_at_the_same_process_is_no_fault(self):
        """Two Prometheus servers that are asked in turn: the one that lags has smaller values, rightly."""
        looks = [
            snapshot(reading(9.0, heartbeat=NOW)),
            snapshot(reading(8.0, heartbeat=NOW - 3), time=NOW + 5),
        ]
        assert not ledger_of(looks).faults

    def test_faults_are_bounded_and_the_first_are_kept(self):
        starts = range(KEPT_FAULTS + 5)
        looks = [
            snapshot(*(reading(value, started=float(s), heartbeat=time) for s in starts), time=time)
            for value, time in [(5.0, NOW), (4.0, NOW + 1), (3.0, NOW + 2)]
        ]
        assert list(ledger_of(looks).faults) == [float(start) for start in range(KEPT_FAULTS)]


class TestRetirement:
    """A collector that restarts for ever does not fill the storage."""

    LIVES = KEPT_INCARNATIONS + 20

    def lives(self, count):
        return [
            snapshot(reading(1.0, started=float(life), heartbeat=NOW + life), time=NOW + life) for life in range(count)
        ]

    def test_old_processes_become_one_sum(self):
        ledger = ledger_of(self.lives(self.LIVES))
        assert ledger.totals().total(*KEY) == 100 * self.LIVES
        assert len(ledger.incarnations) == KEPT_INCARNATIONS + 1  # the latest is present, not absent
        assert len(ledger.retired_starts) == self.LIVES - KEPT_INCARNATIONS - 1

    def test_many_living_collectors_are_never_retired(self):
        crowd = [reading(2.0, started=float(start)) for start in range(3 * KEPT_INCARNATIONS)]
        ledger = ledger_of([snapshot(*crowd), snapshot(*crowd, time=NOW + 5), snapshot(*crowd[:1])])
        assert len(ledger.incarnations) == len(crowd)

    def test_a_retired_process_that_returns_stays_out_and_is_reported(self):
        ledger = ledger_of(self.lives(self.LIVES))
        returned = reading(3.0, started=0.0, heartbeat=NOW + 1000)
        again = ledger.with_snapshot(snapshot(returned, time=NOW + 1000))
        assert again.totals().total(*KEY) == 100 * self.LIVES
        assert again.faults == {
            0.0: "collector 10.0.0.1:9090 (started 0.000) must not return after 32 other processes came "
            "and went; what it counted since is left out"
        }

    def test_a_late_copy_of_its_snapshot_is_no_return(self):
        ledger = ledger_of(self.lives(self.LIVES))
        again = ledger.with_snapshot(self.lives(1)[0])
        assert to_json(again) == to_json(ledger)

    def test_the_memory_of_retired_processes_is_bounded_too(self):
        ledger = Ledger(retired_starts=tuple(float(-start) for start in range(KEPT_RETIRED_STARTS)))
        assert len(ledger_of(self.lives(self.LIVES), start=ledger).retired_starts) == KEPT_RETIRED_STARTS


class TestStorage:
    """A checkpoint small enough for a ConfigMap."""

    def test_whole_numbers_are_written_as_integers_and_sums_as_they_are(self):
        ledger = ledger_of([snapshot(reading(counters={KEY: table(3.0), ("v8", VALUE): table(0.1)}))])
        stored = json.loads(to_json(ledger))
        ((_, _, _, _, stored_tables),) = stored["incarnations"]
        assert stored_tables == [
            ["v8", "outcome_value", "purchase", [0.1] * 100],
            ["v8", "requests", "", [3] * 100],
        ]

    def test_everything_comes_back(self):
        falling = [
            snapshot(reading(value, started=0.125, heartbeat=NOW + i), time=NOW + i)
            for i, value in enumerate([5.0, 4.0])
        ]
        ledger = ledger_of([*TestRetirement().lives(40), *falling])
        back = from_json(to_json(ledger))
        assert to_json(back) == to_json(ledger)
        assert (back.time, back.retired_starts, back.faults) == (
            ledger.time,
            ledger.retired_starts,
            ledger.faults,
        )
        assert np.array_equal(total(back), total(ledger))

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("", id="nothing"),
            pytest.param("{", id="half of it"),
            pytest.param("[]", id="a list"),
            pytest.param("{}", id="no fields"),
            pytest.param(
                '{"time":0,"incarnations":[[1]],"retired":[],"retiredStarts":[],"faults":[]}',
                id="a short row",
            ),
            pytest.param(
                '{"time":0,"incarnations":[],"retired":[["v8","requests","",[1]]],"retiredStarts":[],"faults":[]}',
                id="a table of one bucket",
            ),
            pytest.param(
                '{"time":0,"incarnations":[],"retired":[["v8","visits","",[]]],"retiredStarts":[],"faults":[]}',
                id="an unknown family",
            ),
        ],
    )
    def test_anything_else_is_refused(self, text):
        with pytest.raises(ValueError, match="a stored ledger must be what to_json wrote"):
            from_json(text)

    def test_a_busy_experiment_fits_a_config_map_many_times(self):
        """8 measures, 2 variants, 3 collectors restarted 5 times each, millions of requests."""
        random = np.random.default_rng(7)
        measures = (EXPOSURES, REQUESTS, ERRORS, SLOW, VALUE, OUTCOMES)
        ledger = Ledger()
        for life in range(18):
            counters = {
                (variant, measure): random.integers(0, 1_000_000, 100).astype(float)
                for variant in VARIANTS
                for measure in measures
            }
            found = reading(started=NOW + life + 0.123456, counters=counters)
            ledger = ledger.with_snapshot(snapshot(found, time=NOW + life))
        assert len(gzip.compress(to_json(ledger).encode())) < 100_000


def test_the_same_law_holds_when_processes_outnumber_what_is_kept():
    """2,000 random steps in order, far more restarts than tables kept."""
    random = np.random.default_rng(3)
    world, ledger, restarts = World(), Ledger(), Counter()
    for _ in range(2000):
        world.clock += 1
        address = ADDRESSES[random.integers(3)]
        world.count(address, random.integers(100), random.integers(1000))
        if random.random() < 0.1:
            world.restart(address)
            restarts[address] += 1
        world.poll([name for name in ADDRESSES if random.random() < 0.7])
        ledger = ledger.with_snapshot(world.snapshots[-1])
    assert min(restarts.values()) > KEPT_INCARNATIONS
    assert np.array_equal(total(ledger), world.seen_total())
    assert not ledger.faults
    assert len(ledger.incarnations) <= KEPT_INCARNATIONS + len(ADDRESSES)
