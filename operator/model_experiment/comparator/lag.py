"""The clock that models are measured by: it stands still while this process is late itself.

One event loop asks, reads and compares. While it compares a large answer, or gets no CPU, nobody sees what models have
answered, so that this time is its own. The trap is a loop that is always a little late: a clock that stood still for
that as well would never see a slow model, so what is shorter than ``TOLERATED_SECONDS`` counts as the model's.
"""

import asyncio
import math
from collections.abc import Callable

LOOK_SECONDS = 0.05
TOLERATED_SECONDS = 0.1


class LagFreeClock:
    """Seconds of ``clock``, the event loop's own, less those by which the loop was late."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lag = 0.0
        self._due = math.inf

    def now(self) -> float:
        """The seconds so far; they never go back."""
        return min(self._clock(), self._due) - self._lag

    async def watch(self) -> None:
        """Sees how late the loop is, until it is cancelled."""
        while True:
            self._due = self._clock() + LOOK_SECONDS + TOLERATED_SECONDS
            await asyncio.sleep(LOOK_SECONDS)
            self._lag += max(0.0, self._clock() - self._due)
