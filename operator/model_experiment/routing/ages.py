"""For how long each object has been as it is now, as far as this process saw.

For: waiting until the proxies do what their control plane has accepted, which no status tells. The trap is a restart:
the time runs anew then, so a wait is only ever longer than it must be.
"""

from collections.abc import Callable, Hashable


class Ages:
    """The time since each object was first seen in its present version, by a clock that only goes forward."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[str, tuple[Hashable, float]] = {}

    def of(self, uid: str, version: Hashable) -> float:
        """The seconds since the first call with this version of an object; that first call answers 0."""
        now = self._clock()
        known, since = self._known.get(uid, (None, now))
        if known != version:
            since = now
            self._known[uid] = (version, now)
        return now - since

    def forget(self, uid: str) -> None:
        """An object that is gone."""
        self._known.pop(uid, None)
