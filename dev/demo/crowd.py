"""The users of the shop: who visits next, who buys, and what they saw. No network and no clock.

The same seed gives the same visitors in the same order, and the same decisions to the first, second, third ... user of
each variant (see ``scenario``).
"""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from demo.numbers import Numbers
from demo.scenario import CHALLENGER

NEWCOMERS = 1 / 3
_RATE_SECONDS = 5.0
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as a user saw it: ``status`` is 0 where none came; ``fault`` is the model's own word for its error."""

    user: str
    time: float
    status: int
    variant: str | None = None
    fault: str | None = None


class Crowd:
    """A number of users, of whom a third of the visitors are new until all have been there."""

    def __init__(self, *, seed: int, size: int, purchase: Mapping[str, float]) -> None:
        self._seed, self._size, self._purchase = seed, size, purchase
        self._visits = Random(f"visits/{seed}")  # noqa: S311 - a story, not a secret
        self._buying = {variant: Random(f"{variant}/{seed}") for variant in purchase}  # noqa: S311
        self._arrived = 0
        self._first: dict[str, str] = {}  # the variant that each user met first
        self._moved: set[str] = set()
        self._moves: Counter[str] = Counter()
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in ("served", "met", "errors")}
        self._last: dict[str, float] = {}
        self._recent: deque[float] = deque()
        self._requests = self._gateway_errors = self._purchases = 0
        self._first_broken: float | None = None

    def next_visitor(self) -> str:
        """The next user who asks for a prediction."""
        is_new = self._arrived < self._size and self._visits.random() < NEWCOMERS
        if is_new or self._arrived == 0:
            self._arrived += 1
            return self._name(self._arrived)
        return self._name(self._visits.randint(1, self._arrived))

    def take(self, answer: Answer) -> bool:
        """Counts an answer and says whether the user will buy because of it, which each decides only once."""
        self._requests += 1
        self._recent.append(answer.time)
        if answer.status == 0 or (answer.status >= _SERVER_ERROR and answer.fault is None):
            self._gateway_errors += 1
        if answer.variant is None:
            return False
        self._count(answer, answer.variant)
        return self._meet(answer, answer.variant)

    def numbers(self, now: float) -> Numbers:
        """Everything so far."""
        while self._recent and self._recent[0] < now - _RATE_SECONDS:
            self._recent.popleft()
        return Numbers(
            users=self._arrived,
            requests=self._requests,
            per_second=len(self._recent) / _RATE_SECONDS,
            gateway_errors=self._gateway_errors,
            purchases=self._purchases,
            served=dict(self._counts["served"]),
            met=dict(self._counts["met"]),
            model_errors=dict(self._counts["errors"]),
            moved=dict(self._moves),
            first_broken=self._first_broken,
            last_served=dict(self._last),
        )

    def _name(self, number: int) -> str:
        return f"user-{self._seed}-{number}"

    def _count(self, answer: Answer, variant: str) -> None:
        self._counts["served"][variant] += 1
        self._last[variant] = max(answer.time, self._last.get(variant, 0))
        if answer.fault is not None:
            self._counts["errors"][variant] += 1
        if answer.fault == "broken" and variant == CHALLENGER:
            self._first_broken = min(answer.time, self._first_broken or answer.time)

    def _meet(self, answer: Answer, variant: str) -> bool:
        first = self._first.setdefault(answer.user, "")
        if not first:
            self._first[answer.user] = variant
            self._counts["met"][variant] += 1
            buys = self._buying[variant].random() < self._purchase[variant]
            self._purchases += buys
            return buys
        if first != variant and answer.user not in self._moved:
            self._moved.add(answer.user)
            self._moves[str(int(answer.time))] += 1
        return False
