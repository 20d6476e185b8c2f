"""Users who look on while a backend comes and goes."""

import time

from given.traffic import Traffic
from model_experiment.assignment import Assignment

USERS = [f"user-{number}" for number in range(2_000)]
Sight = tuple[str, int, str]


class Watchers:
    """Users of both variants, and what they see: (variant by the assignment, status, variant that answered)."""

    def __init__(self, url: str, assignment: Assignment) -> None:
        self.url, self.assignment = url, assignment

    async def come_to_see(self, expected: set[Sight], *, seconds: float = 30) -> set[Sight]:
        """Everything that was seen until one round showed nothing but what is expected."""
        until, all_seen = time.monotonic() + seconds, set[Sight]()
        while True:
            traffic = Traffic(self.url, USERS)
            await traffic.ask_each(USERS)
            seen = {(self.assignment.variant(user), status, variant) for _, user, status, variant in traffic.answers}
            all_seen |= seen
            if seen <= expected:
                return all_seen
            assert time.monotonic() < until, seen
