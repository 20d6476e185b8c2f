"""Brings exposures and outcomes to the log without holding up the event loop, and what is new back to the counts.

One worker thread owns the database; everything else here runs on the event loop. What arrives while a transaction
runs becomes the next batch, so batches grow with the load by themselves. The counts follow the commit, never lead it.

The trap is a database that is away. Exposures wait and are written again until it is back; when too many wait, further
ones are dropped and counted (the user is asked about again with the next request). An outcome is tried once, because
its sender waits for the answer and will send it again: kept here as well it would count twice.
"""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from model_experiment.collector.counting import Tallies
from model_experiment.collector.entries import Request
from model_experiment.collector.health import Health
from model_experiment.collector.store import AssignmentLog, Exposure, LogError, Outcome, Recorded

CAPACITY = 200_000  # exposures, and outcomes, that may wait: some ten seconds of the highest load
BATCH = 5_000
_SHORTEST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0

logger = logging.getLogger(__name__)


class BusyError(LogError):
    """Too many outcomes wait already."""


@dataclass(frozen=True, slots=True)
class _Told:
    outcomes: Sequence[Outcome]
    stored: asyncio.Future[Recorded] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Recorder:
    """The way to the log. ``run`` does the work; it ends with ``stop`` and must run once."""

    def __init__(self, log: AssignmentLog, tallies: Tallies, health: Health, *, capacity: int = CAPACITY) -> None:
        self._log = log
        self._tallies = tallies
        self._health = health
        self._capacity = capacity
        self._exposures: list[Exposure] = []
        self._told: list[_Told] = []
        self._work = asyncio.Event()
        self._stopping = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="assignment-log")

    def expose(self, request: Request, *, now: float) -> None:
        """A request of a user, who is written to the log unless known to stand there."""
        known = self._tallies.of(request.counted).known_users
        if request.user in known:
            return
        if len(self._exposures) >= self._capacity:
            self._health.dropped.inc()
            return
        known.add(request.user)
        self._exposures.append(_exposure(request, now=now))
        self._work.set()

    async def tell(self, outcomes: Sequence[Outcome]) -> int:
        """Stores outcomes; returns when they are stored, with how many of *them* were attributed at once.

        Raises:
            LogError: if the database did not take them; none is stored.
        """
        if sum(len(told.outcomes) for told in self._told) + len(outcomes) > self._capacity:
            raise BusyError(f"at most {self._capacity} outcomes may wait for the database, found more")
        told = _Told(outcomes)
        self._told.append(told)
        self._work.set()
        recorded = await told.stored
        own = {id(outcome) for outcome in outcomes}
        return len(own)
