import asyncio
import threading
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from collector.collecting import RANKER, users_of
from model_experiment.collector.catalogue import catalogue_of
from model_experiment.collector.counting import Tallies
from model_experiment.collector.entries import Request
from model_experiment.collector.health import Health
from model_experiment.collector.recording import Recorder
from model_experiment.collector.store import AssignmentLog, LogError, Outcome
from model_experiment.decision.counts import EXPOSURES


class UnsteadyLog:
    """A log that refuses while it is away, and writes only while it may."""

    def __init__(self, log):
        self._log = log
        self.is_away = False
        self.may_write = threading.Event()
        self.may_write.set()

    def record(self, exposures, told):
        self.may_write.wait(10)
        if self.is_away:
            raise LogError("the database must take a batch, found: gone")
        return self._log.record(exposures, told)

    def close(self):
        self._log.close()


class Bench:
    """A recorder at work, and what it wrote down."""

    def __init__(self, log, *, capacity=100):
        self.registry = CollectorRegistry()
        self.log = UnsteadyLog(log)
        self.tallies = Tallies()
        self.tallies.know(catalogue_of([RANKER]))
        self.recorder = Recorder(self.log, self.tallies, Health(self.registry), capacity=capacity)

    def meet(self, user):
        self.recorder.expose(request(user), now=9.0)

    @property
    def exposures(self):
        return sum(sum(self.tallies.of(RANKER).tables[variant, EXPOSURES]) for variant in RANKER.variants)

    @property
    def dropped(self):
        return self.registry.get_sample_value("model_experiment_collector_dropped_entries_total")

    async def until_exposed(self, number):
        async with asyncio.timeout(10):
            while self.exposures < number:
                await asyncio.sleep(0.01)


def request(user):
    variant = RANKER.assignment.variant(user)
    return Request(counted=RANKER, variant=variant, user=user, code=200, nanoseconds=1, started=1.0)


def bought(user):
    return Outcome(RANKER.uid, user, "purchase", 1.0, 2.0)


@asynccontextmanager
async def at_work(tmp_path, *, capacity=100):
    bench = Bench(AssignmentLog(f"sqlite:///{tmp_path}/log.db"), capacity=capacity)
    running = asyncio.create_task(bench.recorder.run())
    try:
        yield bench
    finally:
        bench.log.may_write.set()
        running.cancel()
        await asyncio.wait([running])
        bench.recorder.close()


USERS = [user for user, _ in zip(users_of("v8"), range(10), strict=False)]


async def test_a_user_is_counted_once_whatever_comes(tmp_path):
    async with at_work(tmp_path) as bench:
        for user in USERS * 3:
            bench.meet(user)
        await bench.until_exposed(10)
        for user in USERS:
            bench.meet(user)
        assert await bench.recorder.tell([bought(USERS[0])]) == 1
        assert bench.exposures == 10


async def test_exposures_outlast_a_database_that_is_away(tmp_path):
    async with at_work(tmp_path) as bench:
        bench.log.is_away = True
        bench.meet(USERS[0])
        await asyncio.sleep(0.05)
        assert bench.exposures == 0
        bench.log.is_away = False
        await bench.until_exposed(1)
        assert bench.dropped == 0


async def test_what_does_not_fit_is_dropped_and_asked_about_again(tmp_path):
    async with at_work(tmp_path, capacity=4) as bench:
        bench.log.may_write.clear()
        for user in USERS:
            bench.meet(user)
        assert bench.dropped == 6
        bench.log.may_write.set()
        await bench.until_exposed(4)
        for user in USERS[:8]:
            bench.meet(user)
        await bench.until_exposed(8)
        assert bench.dropped == 6


async def test_an_outcome_is_tried_once_and_its_sender_is_told(tmp_path):
    async with at_work(tmp_path) as bench:
        bench.log.is_away = True
        with pytest.raises(LogError, match="found: gone"):
            await bench.recorder.tell([bought(USERS[0])])
        bench.log.is_away = False
        bench.meet(USERS[0])
        await bench.until_exposed(1)
        assert await bench.recorder.tell([bought(USERS[0])]) == 1


async def test_each_sender_hears_of_its_own_outcomes(tmp_path):
    async with at_work(tmp_path) as bench:
        bench.meet(USERS[0])
        await bench.until_exposed(1)
        bench.log.may_write.clear()
        asked = [[bought(USERS[0])], [bought(USERS[0]), bought(USERS[1])], [bought(USERS[1])]]
        telling = asyncio.gather(*(bench.recorder.tell(outcomes) for outcomes in asked))
        await asyncio.sleep(0.05)
        bench.log.may_write.set()
        assert await telling == [1, 1, 0]


async def test_too_many_outcomes_are_refused_at_once(tmp_path):
    async with at_work(tmp_path, capacity=3) as bench:
        with pytest.raises(LogError, match="at most 3 outcomes may wait for the database, found 0 and 4 more"):
            await bench.recorder.tell([bought(user) for user in USERS[:4]])


async def test_a_stop_writes_what_waits(tmp_path):
    bench = Bench(AssignmentLog(f"sqlite:///{tmp_path}/log.db"))
    for user in USERS:
        bench.meet(user)
    bench.recorder.stop()
    await bench.recorder.run()
    assert bench.exposures == 10
    assert bench.recorder.close() == 0


async def test_what_a_stop_must_give_up_is_counted(tmp_path):
    bench = Bench(AssignmentLog(f"sqlite:///{tmp_path}/log.db"))
    for user in USERS:
        bench.meet(user)
    assert bench.recorder.close() == 10
    assert bench.dropped == 10


async def test_an_entry_without_a_time_takes_the_time_of_its_arrival(tmp_path):
    async with at_work(tmp_path) as bench:
        recorded = []
        original = bench.log.record
        bench.log.record = lambda exposures, told: recorded.extend(exposures) or original(exposures, told)
        bench.recorder.expose(
            Request(counted=RANKER, variant="v8", user="u", code=200, nanoseconds=1, started=0.0), now=9.0
        )
        await bench.until_exposed(1)
        assert recorded[0].first_seen == 9.0
