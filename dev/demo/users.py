"""The users as a process: requests through the gateway, outcomes to the collector, numbers into a file.

For: traffic that is smooth whatever its owner does meanwhile. Requests leave at their own pace, whether answers come
or not (an open loop), over connections that are kept. An outcome follows its prediction after 0.2 to 2 s, and is told
again until the collector has taken it.
"""

import argparse
import asyncio
import heapq
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import aiohttp

from demo import numbers
from demo.crowd import Answer, Crowd
from demo.scenario import SCENARIOS

SIZE = 6000
PER_SECOND = 300.0
_BEAT_SECONDS = 0.02
_NUMBERS_SECONDS = 0.5
_TELL_SECONDS = 0.25
_MOST_TOLD = 1000
_CONNECTIONS = 100
_PATIENCE = aiohttp.ClientTimeout(total=5)
_ACCEPTED = 202


@dataclass(frozen=True, slots=True)
class Place:
    """Where users go and whom they tell: the gateway's URL, the shop's host name, the URL that takes outcomes."""

    gateway: str
    host: str
    outcomes: str
    experiment: str


class Purchases:
    """Outcomes that are still to be told, each when it is due."""

    def __init__(self, *, seed: int) -> None:
        self._delays = Random(f"delays/{seed}")  # noqa: S311 - a story, not a secret
        self._waiting: list[tuple[float, str]] = []

    def add(self, user: str, now: float) -> None:
        heapq.heappush(self._waiting, (now + self._delays.uniform(0.2, 2), user))

    def due(self, now: float) -> list[tuple[float, str]]:
        """Takes out what is due, at most as many as one request may carry."""
        taken: list[tuple[float, str]] = []
        while self._waiting and self._waiting[0][0] <= now and len(taken) < _MOST_TOLD:
            taken.append(heapq.heappop(self._waiting))
        return taken

    def again(self, untold: list[tuple[float, str]]) -> None:
        for one in untold:
            heapq.heappush(self._waiting, one)


async def visit_all(
    session: aiohttp.ClientSession, place: Place, crowd: Crowd, purchases: Purchases, *, rate: float, file: Path
) -> None:
    """Sends users to the shop until it is cancelled."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_tell(session, place, purchases))
        tasks.create_task(_report(crowd, file))
        began, sent = time.monotonic(), 0
        while True:
            due = int((time.monotonic() - began) * rate)
            for _ in range(due - sent):
                tasks.create_task(_visit(session, place, crowd, purchases))
            sent = due
            await asyncio.sleep(_BEAT_SECONDS)


async def _visit(session: aiohttp.ClientSession, place: Place, crowd: Crowd, purchases: Purchases) -> None:
    user = crowd.next_visitor()
    answer = await _ask(session, place, user)
    if crowd.take(answer):
        purchases.add(user, answer.time)


async def _ask(session: aiohttp.ClientSession, place: Place, user: str) -> Answer:
    headers = {"Host": place.host, "x-user-id": user}
    try:
        async with session.get(f"{place.gateway}/predict", headers=headers) as response:
            await response.read()
            said = response.headers
            return Answer(user, time.time(), response.status, said.get("x-variant"), said.get("x-fault"))
    except (TimeoutError, aiohttp.ClientError) as error:
        print(f"{user}: {type(error).__name__} {error}", file=sys.stderr, flush=True)
        return Answer(user, time.time(), status=0)


async def _tell(session: aiohttp.ClientSession, place: Place, purchases: Purchases) -> None:
    while True:
        await asyncio.sleep(_TELL_SECONDS)
        due = purchases.due(time.time())
        if due and not await _is_taken(session, place, [user for _, user in due]):
            purchases.again(due)


async def _is_taken(session: aiohttp.ClientSession, place: Place, users: list[str]) -> bool:
    told = [{"experiment": place.experiment, "user": user, "name": "purchase"} for user in users]
    try:
        async with session.post(place.outcomes, json=told) as response:
            if response.status != _ACCEPTED:
                print(f"outcomes: {response.status} {await response.text()}", file=sys.stderr, flush=True)
            return response.status == _ACCEPTED
    except (TimeoutError, aiohttp.ClientError) as error:
        print(f"outcomes: {type(error).__name__} {error}", file=sys.stderr, flush=True)
        return False


async def _report(crowd: Crowd, file: Path) -> None:
    while True:
        numbers.write(crowd.numbers(time.time()), file)
        await asyncio.sleep(_NUMBERS_SECONDS)


def main() -> None:
    """Reads the flags and sends users until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m demo.users")
    for flag in ("gateway", "host", "outcomes", "experiment"):
        parser.add_argument(f"--{flag}", required=True)
    parser.add_argument("--scenario", choices=SCENARIOS, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--rate", type=float, default=PER_SECOND)
    parser.add_argument("--numbers", type=Path, required=True)
    flags = parser.parse_args()
    place = Place(flags.gateway, flags.host, flags.outcomes, flags.experiment)
    crowd = Crowd(seed=flags.seed, size=flags.size, purchase=SCENARIOS[flags.scenario].purchase)
    purchases = Purchases(seed=flags.seed)
    asyncio.run(_run(place, crowd, purchases, rate=flags.rate, file=flags.numbers))


async def _run(place: Place, crowd: Crowd, purchases: Purchases, *, rate: float, file: Path) -> None:
    connector = aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=60)
    async with aiohttp.ClientSession(connector=connector, timeout=_PATIENCE) as session:
        visiting = asyncio.create_task(visit_all(session, place, crowd, purchases, rate=rate, file=file))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, visiting.cancel)
        await asyncio.wait([visiting])
    if not visiting.cancelled():
        visiting.result()


if __name__ == "__main__":
    main()
