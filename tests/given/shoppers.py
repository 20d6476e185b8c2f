"""Users who buy: the first answer decides by which variant, and a moment later the purchase is reported."""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import aiohttp

from given.traffic import Traffic


@dataclass(slots=True)
class Shoppers:
    """Traffic in a thread of its own, with an outcome for every user who buys.

    ``purchases`` is the share of users who buy, by variant. The n-th users of all variants draw the same number from
    the seed, so equal shares buy equally: who meets whom is new in every run, and a story without an effect must not
    end as one with an effect in five of a hundred runs, as alpha allows.
    """

    traffic: Traffic
    outcomes_url: str
    experiment: str
    purchases: Mapping[str, float]
    rate: float = 300
    seed: int = 7
    decided: dict[str, str] = field(default_factory=dict)
    first_met: Counter[str] = field(default_factory=Counter)
    bought: int = 0
    refused: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._shop()), name="shoppers")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    async def _shop(self) -> None:
        stop = asyncio.Event()
        flow = asyncio.create_task(self.traffic.flow(self.rate, stop))
        async with aiohttp.ClientSession() as session:
            read = 0
            while not self._stop.is_set():
                await asyncio.sleep(0.5)
                answers, read = self.traffic.answers[read:], len(self.traffic.answers)
                await self._report(session, answers)
        stop.set()
        await flow

    async def _report(self, session: aiohttp.ClientSession, answers: list[tuple[float, str, int, str]]) -> None:
        outcomes = []
        for _, user, status, variant in answers:
            if status == 200 and variant and user not in self.decided:
                self.decided[user] = variant
                self.first_met[variant] += 1
                if random.Random(f"{self.seed}/{self.first_met[variant]}").random() < self.purchases[variant]:
                    outcomes.append({"experiment": self.experiment, "user": user, "name": "purchase"})
        for start in range(0, len(outcomes), 1000):
            async with session.post(self.outcomes_url, json=outcomes[start : start + 1000]) as answer:
                if answer.status == 202:
                    self.bought += len(outcomes[start : start + 1000])
                else:
                    self.refused.append(await answer.text())

    def met(self) -> dict[str, int]:
        """How many users each variant answered first."""
        first: dict[str, str] = {}
        for _, user, _, variant in sorted(self.traffic.answers):
            if variant:
                first.setdefault(user, variant)
        return {variant: list(first.values()).count(variant) for variant in self.purchases}

    def last_answer_by(self, variant: str) -> float:
        """When the last request that this variant answered was sent."""
        return max((sent for sent, _, _, by in self.traffic.answers if by == variant), default=0.0)

    def wait_for_users(self, count: int, *, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while len(self.decided) < count:
            assert time.monotonic() < until, f"only {len(self.decided)} users came"
            time.sleep(0.1)
