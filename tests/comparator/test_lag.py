"""The clock that models are measured by."""

import asyncio

import pytest

from model_experiment.comparator.lag import LOOK_SECONDS, TOLERATED_SECONDS, LagFreeClock


async def test_the_clock_stands_still_while_the_loop_is_late_and_goes_on_after():
    seconds, not_late = 100.0, LOOK_SECONDS + TOLERATED_SECONDS
    clock = LagFreeClock(lambda: seconds)
    watching = asyncio.create_task(clock.watch())
    await asyncio.sleep(0)
    seconds += not_late / 2
    assert clock.now() == pytest.approx(100 + not_late / 2)
    seconds += 7
    assert clock.now() == pytest.approx(100 + not_late)
    await asyncio.sleep(LOOK_SECONDS * 3)  # the watch wakes up
    assert clock.now() == pytest.approx(100 + not_late)
    seconds += not_late / 2
    assert clock.now() == pytest.approx(100 + not_late * 1.5)
    watching.cancel()
