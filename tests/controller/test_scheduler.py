"""When experiments are looked at; every time here is a second of a clock that only the test moves."""

import asyncio

import pytest

from controller.virtual_time import run
from model_experiment.controller.scheduler import Scheduler

RANKER, SEARCH, ADS = (("shop", name) for name in ("ranker", "search", "ads"))


class Ticks:
    """Runs that take their time; ``spans`` are their (key, start, end), ``after`` is what they answer."""

    def __init__(self, *, seconds=0.0, after=None, failing=()):
        self.seconds, self.after, self.failing = seconds, after, list(failing)
        self.spans = []

    async def __call__(self, key):
        begun = now()
        await asyncio.sleep(self.seconds)
        self.spans.append((key, begun, now()))
        if self.failing and self.failing.pop(0):
            raise ValueError("the tick broke")
        return self.after

    @property
    def starts(self):
        return [begun for _, begun, _ in self.spans]


def now():
    return round(asyncio.get_running_loop().time(), 6)


def play(ticks, *wakes, seconds=20.0, slots=64):
    """Serves for so long; ``wakes`` are (at, key, after) in the order of their times."""

    async def story():
        stop, scheduler = asyncio.Event(), Scheduler(ticks, slots=slots)
        serving = asyncio.create_task(scheduler.serve(stop))
        for at, key, after in wakes:
            await asyncio.sleep(at - now())
            scheduler.wake(key, after_seconds=after)
        await asyncio.sleep(seconds - now())
        stop.set()
        await serving
        return now()

    return run(story())


STORIES = [
    pytest.param({}, [(0, RANKER, 0)], [0], id="once, where nothing follows"),
    pytest.param({}, [(0, RANKER, 7.5)], [7.5], id="when it is due"),
    pytest.param({"after": 5}, [(0, RANKER, 0)], [0, 5, 10, 15], id="again after what the run answers"),
    pytest.param({}, [(0, RANKER, 9), (1, RANKER, 3)], [4], id="at the earlier of two times, once"),
    pytest.param({}, [(0, RANKER, 3), (1, RANKER, 9)], [3], id="not later because of a later wish"),
    pytest.param(
        {"after": 5}, [(0, RANKER, 0), (2, RANKER, 0)], [0, 2, 7, 12, 17], id="the pace begins anew when woken"
    ),
    pytest.param(
        {"seconds": 4}, [(0, RANKER, 0), (1, RANKER, 0)], [0, 4], id="woken during a run, once more right after it"
    ),
    pytest.param(
        {"seconds": 4},
        [(0, RANKER, 0), (1, RANKER, 0), (2, RANKER, 0), (3, RANKER, 0.5)],
        [0, 4],
        id="woken three times during a run, once more",
    ),
    pytest.param(
        {"seconds": 4}, [(0, RANKER, 0), (1, RANKER, 9)], [0, 10], id="a later time set during a run stays in force"
    ),
    pytest.param({"seconds": 4, "after": 1}, [(0, RANKER, 0)], [0, 5, 10, 15], id="never behind: times missed are one"),
    pytest.param({"failing": [True]}, [(0, RANKER, 0)], [0, 2], id="again 2 s after a run that failed"),
    pytest.param({"after": 5, "failing": [True]}, [(0, RANKER, 0)], [0, 2, 7, 12, 17], id="a failure does not end it"),
]


@pytest.mark.parametrize(("runs", "wakes", "starts"), STORIES)
def test_an_experiment_is_looked_at(runs, wakes, starts):
    ticks = Ticks(**runs)
    play(ticks, *wakes)
    assert ticks.starts == starts


def test_an_experiment_never_runs_twice_at_once():
    ticks = Ticks(seconds=0.7, after=0.1)
    play(ticks, *[(0.05 * number, RANKER, 0.01) for number in range(200)])
    assert len(ticks.spans) > 10
    assert all(end <= begun for (_, _, end), (_, begun, _) in zip(ticks.spans, ticks.spans[1:], strict=False))


def test_experiments_run_beside_each_other_up_to_the_number_of_slots():
    ticks = Ticks(seconds=3)
    play(ticks, (0, RANKER, 0), (0, SEARCH, 0), (0, ADS, 0), slots=2)
    assert ticks.spans == [(RANKER, 0, 3), (SEARCH, 0, 3), (ADS, 3, 6)]


def test_a_failing_experiment_gives_its_slot_back():
    ticks = Ticks(failing=[True, True])
    play(ticks, (0, RANKER, 0), (0, SEARCH, 0), seconds=1, slots=1)
    assert [key for key, _, _ in ticks.spans] == [RANKER, SEARCH]


def test_stopping_waits_for_what_is_running_and_starts_nothing_new():
    ticks = Ticks(seconds=4, after=0)
    assert play(ticks, (0, RANKER, 0), (0, SEARCH, 9), seconds=1) == 4
    assert ticks.spans == [(RANKER, 0, 4)]


def test_the_last_turn_is_recent_while_there_is_nothing_to_do():
    async def story():
        stop, scheduler = asyncio.Event(), Scheduler(Ticks(), slots=1)
        serving = asyncio.create_task(scheduler.serve(stop))
        await asyncio.sleep(1000)
        silence = now() - scheduler.last_turn
        stop.set()
        await serving
        return silence

    assert run(story()) <= 1


def test_the_last_turn_is_recent_while_every_slot_is_taken():
    async def story():
        stop, scheduler = asyncio.Event(), Scheduler(Ticks(seconds=60), slots=1)
        serving = asyncio.create_task(scheduler.serve(stop))
        scheduler.wake(RANKER)
        scheduler.wake(SEARCH)
        await asyncio.sleep(50)
        silence = now() - scheduler.last_turn
        stop.set()
        await serving
        return silence

    assert run(story()) <= 1


def test_stopping_starts_nothing_that_waits_for_a_slot():
    ticks = Ticks(seconds=4)
    play(ticks, (0, RANKER, 0), (0, SEARCH, 0), seconds=1, slots=1)
    assert ticks.spans == [(RANKER, 0, 4)]
