"""Brings evidence to the database without holding up the event loop.

Evidence is a sample: where more comes than is needed, or the database is away, some is lost, and counted as such.
Nothing is ever judged by it.
"""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from model_experiment.comparator.evidence import Difference
from model_experiment.comparator.health import Health
from model_experiment.comparator.store import EvidenceError, EvidenceStore

MOST_WAITING = 200
PAUSE_SECONDS = 1.0  # between two batches, so at most so many are stored a second

logger = logging.getLogger(__name__)


class Recorder:
    """The way to the database, for one event loop. ``run`` does the work until it is cancelled."""

    def __init__(self, store: EvidenceStore, health: Health) -> None:
        self._store = store
        self._health = health
        self._waiting: list[Difference] = []
        self._keep: dict[str, int] = {}
        self._gone: set[str] = set()
        self._work = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="evidence")

    def has_room(self) -> bool:
        """Whether one more difference would be stored; what is turned away is counted."""
        if len(self._waiting) < MOST_WAITING:
            return True
        self._health.lost_evidence.inc()
        return False

    def add(self, difference: Difference, *, keep: int) -> None:
        """Takes a difference; so many of its experiment's stay in the database."""
        self._waiting.append(difference)
        self._keep[difference.experiment_uid] = keep
        self._work.set()

    def forget(self, uid: str) -> None:
        """Removes what there is of an experiment."""
        self._waiting = [difference for difference in self._waiting if difference.experiment_uid != uid]
        self._gone.add(uid)
        self._work.set()

    async def run(self) -> None:
        """Writes what waits, a batch a second."""
        while True:
            await self._work.wait()
            await self.flush()
            await asyncio.sleep(PAUSE_SECONDS)

    async def flush(self) -> None:
        """Writes what waits now; a deletion that fails goes with the next batch."""
        batch, self._waiting, keep, self._keep = self._waiting, [], self._keep, {}
        gone, self._gone = self._gone, set()
        self._work.clear()
        write = partial(self._store.add, batch, keep=keep, gone=gone)
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, write)
        except EvidenceError as error:
            self._gone |= gone
            self._health.lost_evidence.inc(len(batch))
            logger.warning("%s; %d pairs are lost as evidence", error, len(batch))

    def close(self) -> None:
        """Gives up what still waits."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._store.close()
