"""What every router is put through on a real mesh: shares that grow, whole lives under load, take-backs."""

import asyncio
import time
from contextlib import asynccontextmanager

from model_experiment.decision.route import Absent, Open, Parked
from model_experiment.decision.splits import promotion_of

LONGEST_ANSWER_SECONDS = 0.5  # a request may be sent in one step of a journey and answered in the next


@asynccontextmanager
async def under_load(traffic, rate):
    """Requests at a steady rate for as long as the block lasts."""
    stop = asyncio.Event()
    flow = asyncio.create_task(traffic.flow(rate, stop))
    try:
        yield
    finally:
        stop.set()
        await flow


async def grow(walker, traffic, split, users):
    """Opens 1, 5, 10 and 50 percent: everybody is where predicted, and nobody who met the challenger goes back."""
    exposed = set()
    for percent in (1, 5, 10, 50):
        assignment = split(walker, percent)
        await walker.walk_to(Open(assignment))
        seen = await traffic.ask_each(users)
        assert seen == {user: assignment.variant(user) for user in users}
        met = {user for user, variant in seen.items() if variant == "v8"}
        assert exposed <= met
        exposed = met
    assert await traffic.ask_each([""]) == {"": ""}


async def live(walker, half, *, pause):
    """A whole life, to a promotion and away; each goal with the moments at which it was begun and reached."""
    steps = []
    for goal in (Parked(half), Open(half), Parked(half), Open(half), Open(promotion_of(half, "v8")), Absent()):
        begun = time.time()
        await walker.walk_to(goal)
        steps.append((begun, time.time(), goal))
        await asyncio.sleep(pause)
    return steps


def strays(traffic, steps):
    """Answers by another variant than the settled goal says, with the seconds since it was settled."""
    found = []
    for sent, user, _, variant in traffic.answers:
        settled = [(ended, goal) for _, ended, goal in steps if ended < sent]
        in_transition = any(begun - LONGEST_ANSWER_SECONDS <= sent <= ended for begun, ended, _ in steps)
        released = settled and isinstance(settled[-1][1], Absent)
        if settled and not in_transition and not released and variant != _expected(settled[-1][1], user):
            found.append((round(sent - settled[-1][0], 3), user, variant, type(settled[-1][1]).__name__))
    return found


def _expected(goal, user):
    return goal.assignment.variant(user) if isinstance(goal, Open) else ""


async def take_back(walker, traffic, half, *, times=10):
    """Opens and takes back; the seconds from each acknowledged write to the challenger's last request."""
    delays = []
    for _ in range(times):
        await walker.walk_to(Open(half))
        await asyncio.sleep(0.5)
        await walker.router.apply(walker.experiment, Parked(half))
        written = time.time()
        await asyncio.sleep(1)
        delays.append(max(sent for sent, _, _, variant in traffic.answers if variant == "v8") - written)
    return delays


def in_milliseconds(delays):
    """Delays as a line shows them."""
    return f"{', '.join(f'{1000 * delay:.0f}' for delay in sorted(delays))} ms"
