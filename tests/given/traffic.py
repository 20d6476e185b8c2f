"""Users who send requests through a gateway at a steady rate, and what they saw."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import aiohttp
import requests

from control_plane.process import wait_until

AT_ONCE = 32


@dataclass(slots=True)
class Traffic:
    """Everything that was sent: (time sent, user, status, variant) of each answer; ``headers`` go with each request.

    A connection that breaks is kept as an answer of status 0.
    """

    url: str
    users: list[str]
    header: str = "x-user-id"
    headers: Mapping[str, str] = field(default_factory=dict)
    answers: list[tuple[float, str, int, str]] = field(default_factory=list)

    async def flow(self, rate: float, stop: asyncio.Event) -> None:
        """Sends ``rate`` requests a second until told to stop, users one after the other."""
        gate = asyncio.Semaphore(AT_ONCE)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:

            async def one(user: str) -> None:
                async with gate:  # the time sent is that of a free connection, not that of a place in the queue for one
                    await self._try(session, user)

            begun, sent, pending = time.monotonic(), 0, set[asyncio.Task[None]]()
            while not stop.is_set():
                due = int((time.monotonic() - begun) * rate)
                for number in range(sent, due):
                    task = asyncio.create_task(one(self.users[number % len(self.users)]))
                    pending.add(task)
                    task.add_done_callback(pending.discard)
                sent = max(sent, due)
                await asyncio.sleep(0.005)
            await asyncio.gather(*pending)

    async def ask_each(self, users: Iterable[str], at_once: int = AT_ONCE) -> dict[str, str]:
        """The variant that answered each user, asked once."""
        seen: dict[str, str] = {}
        gate = asyncio.Semaphore(at_once)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once)) as session:

            async def one(user: str) -> None:
                async with gate:
                    seen[user] = await self._ask(session, user)

            await asyncio.gather(*(one(user) for user in users))
        return seen

    async def _try(self, session: aiohttp.ClientSession, user: str) -> None:
        with suppress(aiohttp.ClientError):  # it is in the answers
            await self._ask(session, user)

    async def _ask(self, session: aiohttp.ClientSession, user: str) -> str:
        sent, headers = time.time(), {**self.headers, **({self.header: user} if user else {})}
        try:
            async with session.get(self.url, headers=headers) as answer:
                await answer.read()
        except aiohttp.ClientError:
            self.answers.append((sent, user, 0, ""))
            raise
        variant = answer.headers.get("x-variant", "")
        self.answers.append((sent, user, answer.status, variant))
        return variant

    @property
    def errors(self) -> Counter[int]:
        """How many answers had which status, 200 left out; 0 is a connection that broke."""
        return Counter(status for _, _, status, _ in self.answers if status != 200)


def once_served(url: str) -> str:
    """The address, once its gateway answers 200 there: it knows of a route some moments after the API server does."""
    wait_until(lambda: requests.get(url, timeout=5).ok, f"the champion serves {url}")
    return url
