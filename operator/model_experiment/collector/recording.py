"""Brings exposures and outcomes to the log without holding up the event loop, and news back to the counts.

One worker thread owns the database; everything else here runs on the event loop. What arrives while a
transaction runs becomes the next batch, so batches grow with the load by themselves. The counts follow the
commit, never lead it.

The trap is a database that is away. Exposures wait and are written again until it is back; when too many
wait, further ones are dropped and counted (the user is asked about again with the next request). An outcome
is tried once, because its sender waits for the answer and will send it again: kept here as well it would
count twice.
"""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from model_experiment.collector.counting import Tallies
from model_experiment.collector.entries import Request
from model_experiment.collector.health import Health
from model_experiment.collector.store import AssignmentLog, Exposure, LogError, Outcome, Recorded

CAPACITY = 200_000  # exposures, and outcomes, that may wait: many seconds of the highest load
BATCH = 5_000
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Told:
    """Outcomes of one sender, who waits to hear how many of them were attributed."""

    outcomes: Sequence[Outcome]
    answer: asyncio.Future[int]


class Recorder:
    """The way to the log, for one event loop. ``run`` does the work until ``stop``."""

    def __init__(self, log: AssignmentLog, tallies: Tallies, health: Health, *, capacity: int = CAPACITY) -> None:
        self._log = log
        self._tallies = tallies
        self._health = health
        self._capacity = capacity
        self._exposures: list[Exposure] = []
        self._told: list[_Told] = []
        self._work = asyncio.Event()
        self._stopping = False
        self._pause_seconds = _FIRST_PAUSE_SECONDS
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
        """Stores outcomes and says how many could be attributed at once; the others wait for their exposure.

        Raises:
            LogError: if the database did not take them; none is stored then.
        """
        waiting = sum(len(told.outcomes) for told in self._told)
        if waiting + len(outcomes) > self._capacity:
            found = f"{waiting} and {len(outcomes)} more"
            raise LogError(f"at most {self._capacity} outcomes may wait for the database, found {found}")
        told = _Told(outcomes, asyncio.get_running_loop().create_future())
        self._told.append(told)
        self._work.set()
        return await told.answer

    async def run(self) -> None:
        """Writes what waits, as long as something waits; after ``stop`` it returns when nothing does."""
        while not self._stopping or self._exposures or self._told:
            await self._work.wait()
            self._work.clear()
            while self._exposures or self._told:
                await self._write()

    def stop(self) -> None:
        """Lets ``run`` end as soon as everything is written."""
        self._stopping = True
        self._work.set()

    def close(self) -> int:
        """Gives up what still waits, and says how many exposures that were."""
        lost = len(self._exposures)
        self._health.dropped.inc(lost)
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._log.close()
        return lost

    async def _write(self) -> None:
        exposures, told = self._exposures[:BATCH], self._told
        self._told = []
        outcomes = [outcome for some in told for outcome in some.outcomes]
        loop = asyncio.get_running_loop()
        try:
            recorded = await loop.run_in_executor(self._thread, self._log.record, exposures, outcomes)
        except LogError as error:
            await self._fail(told, error)
            return
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        del self._exposures[: len(exposures)]
        self._tallies.add_exposures(recorded.exposures)
        self._tallies.add_outcomes(recorded.outcomes)
        _answer(told, recorded)

    async def _fail(self, told: Sequence[_Told], error: LogError) -> None:
        self._health.failed_writes.inc()
        logger.warning("%s; %d exposures wait", error, len(self._exposures))
        for some in told:
            if not some.answer.done():
                some.answer.set_exception(error)
        await asyncio.sleep(self._pause_seconds)
        self._pause_seconds = min(2 * self._pause_seconds, _LONGEST_PAUSE_SECONDS)


def _exposure(request: Request, *, now: float) -> Exposure:
    counted = request.counted
    return Exposure(
        experiment_uid=counted.log_name,
        user=request.user,
        variant=request.variant,
        bucket=counted.assignment.bucket(request.user),
        first_seen=request.started or now,
    )


def _answer(told: Sequence[_Told], recorded: Recorded) -> None:
    """Tells every sender how many of the outcomes found their exposure; one who went away hears nothing."""
    users = {(outcome.experiment_uid, outcome.user) for _, outcome in recorded.outcomes}
    for some in told:
        if not some.answer.done():
            some.answer.set_result(sum((outcome.experiment_uid, outcome.user) in users for outcome in some.outcomes))
