"""Asks all models at once what a mirrored request asked, and hands their answers on.

A share of the requests is asked of the champion twice; its two answers are a pair of their own, the noise floor. The
trap is a task that nobody holds: it may be collected in the middle, so all are kept until they are done.
"""

import asyncio
import logging
from collections.abc import Callable

from model_experiment.comparator.answers import Answer, Failure, Reason
from model_experiment.comparator.asking import Asker
from model_experiment.comparator.backends import Backends
from model_experiment.comparator.capacity import Lease
from model_experiment.comparator.catalogue import Model, Shadowed
from model_experiment.comparator.copies import Copy
from model_experiment.comparator.health import Health
from model_experiment.comparator.results import Answers, Results

PERCENT = 100

logger = logging.getLogger(__name__)


class Pairing:
    """The pairs that are under way; ``chance`` draws from 0 to below 1."""

    def __init__(
        self, asker: Asker, backends: Backends, results: Results, health: Health, *, chance: Callable[[], float]
    ) -> None:
        self._asker = asker
        self._backends = backends
        self._results = results
        self._health = health
        self._chance = chance
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, experiment: Shadowed, copy: Copy, lease: Lease) -> None:
        """Begins a pair; it ends the lease."""
        task = asyncio.create_task(self._pair(experiment, copy, lease))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: lease.end())

    async def finish(self, *, within_seconds: float) -> None:
        """Waits for pairs under way, and gives up those that take longer."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=within_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _pair(self, experiment: Shadowed, copy: Copy, lease: Lease) -> None:
        try:
            answers = await self._answers(experiment, copy, lease)
            self._results.add(experiment, copy, answers)
        except Exception:
            self._health.faults.inc()
            logger.exception("a pair of %s is lost", experiment.label)

    async def _answers(self, experiment: Shadowed, copy: Copy, lease: Lease) -> Answers:
        async def ask(model: Model, timeout_seconds: float) -> Answer | Failure:
            base = self._backends.url(experiment.namespace, model.backend)
            if base is None:
                return Failure(Reason.CONNECTION, 0.0)
            return await self._asker.ask(base, copy, lease, timeout_seconds=timeout_seconds)

        shadow = experiment.shadow
        asked = [(experiment.champion, shadow.champion_timeout.seconds)]
        asked += [(challenger, shadow.timeout.seconds) for challenger in experiment.challengers]
        is_repeated = self._chance() * PERCENT < shadow.repeat_champion
        if is_repeated:  # in the part of a challenger, also in how long it may take
            asked.append((experiment.champion, shadow.timeout.seconds))
        answers = await asyncio.gather(*(ask(*each) for each in asked))
        by_variant = dict(zip(experiment.variants, answers, strict=False))
        return Answers(by_variant, again=answers[-1] if is_repeated else None)
