"""Users of one experiment who stand in the log for certain, as far as they are remembered.

For: sparing the database a question with every request. Not for: deciding who is new; only the log knows
that, so forgetting a user costs a question and changes no number.
"""

ENOUGH = 250_000  # users a generation: two of them hold some 70 MB of typical identifiers


class KnownUsers:
    """A set of users that never holds more than two generations of them."""

    def __init__(self, generation: int = ENOUGH) -> None:
        self._generation = generation
        self._young: set[str] = set()
        self._old: set[str] = set()

    def __contains__(self, user: str) -> bool:
        return user in self._young or user in self._old

    def add(self, user: str) -> None:
        """Remembers a user; where the young generation is full, it grows old and the old one is forgotten."""
        if len(self._young) >= self._generation:
            self._young, self._old = set(), self._young
        self._young.add(user)
