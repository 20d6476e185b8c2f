"""What the users saw, counted on their side of the gateway: the numbers that no part of the operator has touched."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Numbers:
    """Counts since the traffic began; times are unix seconds.

    ``served`` counts requests, ``met`` distinct users, both by the variant that the answer names; requests beside the
    experiment have none. ``gateway_errors`` are failures that no model made: no answer, or a 5xx of the gateway itself.
    ``moved`` counts, by whole second, users who met a second variant. ``first_broken`` is the first answer of a
    challenger that is broken, ``last_served`` the last answer of each variant.
    """

    users: int = 0
    requests: int = 0
    per_second: float = 0.0
    gateway_errors: int = 0
    purchases: int = 0
    served: Mapping[str, int] = field(default_factory=dict)
    met: Mapping[str, int] = field(default_factory=dict)
    model_errors: Mapping[str, int] = field(default_factory=dict)
    moved: Mapping[str, int] = field(default_factory=dict)
    first_broken: float | None = None
    last_served: Mapping[str, float] = field(default_factory=dict)

    def moved_before(self, time: float | None) -> int:
        """Users who met a second variant before a time; all of them where it is None."""
        return sum(users for second, users in self.moved.items() if time is None or int(second) < int(time))

    def seconds_of_harm(self, challenger: str) -> float | None:
        """From the first answer of the broken challenger to its last answer at all; None where it never broke."""
        if self.first_broken is None:
            return None
        return self.last_served[challenger] - self.first_broken


def write(numbers: Numbers, file: Path) -> None:
    """Replaces the file at once, so that a reader never sees half of it."""
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(asdict(numbers)))
    unfinished.replace(file)


def read(file: Path) -> Numbers:
    """The numbers last written; zeros where nothing was written yet."""
    return Numbers(**json.loads(file.read_text())) if file.exists() else Numbers()
