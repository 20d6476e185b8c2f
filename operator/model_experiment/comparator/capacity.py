"""How many pairs may be under way, and how many bytes of bodies they may hold: whoever finds no room is turned away.

Nothing waits for room. A queue in front of models that hang would only hold more memory for answers that come too late.
"""

from collections.abc import Callable


class Capacity:
    """Room for pairs and bytes."""

    def __init__(self, *, pairs: int, body_bytes: int) -> None:
        self._most_pairs = pairs
        self._most_bytes = body_bytes
        self.pairs = 0
        self.bytes = 0

    def lease(self) -> "Lease | None":
        """Room for one more pair; None where there is none."""
        if self.pairs >= self._most_pairs:
            return None
        self.pairs += 1
        return Lease(self)

    def take(self, count: int) -> bool:
        """Takes room for so many bytes, or none."""
        if self.bytes + count > self._most_bytes:
            return False
        self.bytes += count
        return True


class Lease:
    """The room of one pair; ``end`` gives all of it back, and may be called again."""

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self._bytes = 0
        self._has_ended = False

    def take(self, count: int) -> bool:
        """Room for so many bytes more."""
        is_taken = self._capacity.take(count)
        self._bytes += count * is_taken
        return is_taken

    def end(self) -> None:
        """Makes room for others."""
        if not self._has_ended:
            self._has_ended = True
            self._capacity.bytes -= self._bytes
            self._capacity.pairs -= 1


class Pace:
    """At most so many a second, evenly: a bucket that fills at that rate and never holds more than one second."""

    def __init__(self, per_second: int, *, clock: Callable[[], float]) -> None:
        self._per_second = per_second
        self._clock = clock
        self._left = float(per_second)
        self._filled = clock()

    def allows(self) -> bool:
        """Whether one more may go now; it then counts."""
        now = self._clock()
        self._left = min(self._left + (now - self._filled) * self._per_second, self._per_second)
        self._filled = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
