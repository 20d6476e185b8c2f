"""When each experiment is looked at: a heap of due times and a bounded number of slots.

For: one place that decides what runs next. Not for: what a tick does. Missed due times coalesce, an experiment never
runs twice at once, and a wake-up during a tick leads to one more tick right after it.
"""

import asyncio
import heapq
import logging
from collections.abc import Awaitable, Callable

from model_experiment.controller.world import Key

log = logging.getLogger(__name__)

Run = Callable[[Key], Awaitable[float | None]]  # answers with the seconds until the next run, None for never
_AFTER_A_FAULT_SECONDS = 2.0


class Scheduler:
    """Runs a coroutine for each key when it is due."""

    def __init__(self, run: Run, *, slots: int) -> None:
        self._run = run
        self._slots = slots
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._order = 0
        self.last_turn = 0.0  # loop time of the last turn; a probe compares it with now

    def wake(self, key: Key, *, after_seconds: float = 0.0) -> None:
        """Makes a key due, no later than it already is."""
        due = asyncio.get_running_loop().time() + after_seconds
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            self._order += 1
            heapq.heappush(self._heap, (due, self._order, key))
            self._changed.set()

    async def serve(self, stop: asyncio.Event) -> None:
        """Runs what is due until told to stop, then waits for what is running."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                self.last_turn = asyncio.get_running_loop().time()
                self._start_due()
                await self._until_next(stopping)
        finally:
            stopping.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _start_due(self) -> None:
        """Starts what is due while there are slots; the rest stays due, and a slot that is freed wakes the loop."""
        now = asyncio.get_running_loop().time()
        while self._heap and self._heap[0][0] <= now and len(self._running) < self._slots:
            due, _, key = heapq.heappop(self._heap)
            if self._due.get(key) != due or key in self._running:
                continue
            del self._due[key]
            self._running[key] = asyncio.create_task(self._run_one(key))

    async def _run_one(self, key: Key) -> None:
        after: float | None = _AFTER_A_FAULT_SECONDS
        try:
            after = await self._run(key)
        except Exception:
            log.exception("the tick of %s failed; it is tried again", key)
        finally:
            del self._running[key]
            self._catch_up(key)
            self._changed.set()
        if after is not None:
            self.wake(key, after_seconds=after)

    def _catch_up(self, key: Key) -> None:
        """A wake-up that came during the run was passed over by the loop; it is due now."""
        if key in self._due:
            self._order += 1
            heapq.heappush(self._heap, (self._due[key], self._order, key))
            self._changed.set()

    async def _until_next(self, stopping: asyncio.Task[bool]) -> None:
        now = asyncio.get_running_loop().time()
        has_room = self._heap and len(self._running) < self._slots
        wait = min(self._heap[0][0] - now, 1.0) if has_room else 1.0
        changed = asyncio.create_task(self._changed.wait())
        await asyncio.wait({changed, stopping}, timeout=max(wait, 0.0), return_when=asyncio.FIRST_COMPLETED)
        changed.cancel()
        self._changed.clear()
