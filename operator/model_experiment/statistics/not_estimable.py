"""The value that stands where a number cannot, alone or among those of many experiments.

It is no error: too little data is the normal state of a young experiment, and a rule can say what it means.
Bad *arguments* are errors (``ValueError``).

The trap it exists against: a p-value of 1 or a variance of 0 for what was never measured looks like a result.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from model_experiment.statistics.arguments import Booleans, Floats

Index: TypeAlias = tuple[int, ...]
Reasons: TypeAlias = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class NotEstimable:
    """Says that there is no number, and why, in a clause that a person can read."""

    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """One number for each experiment; where ``missing`` holds a ``NotEstimable`` the number is NaN."""

    values: Floats
    missing: Reasons

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", np.where(known(self.missing), self.values, np.nan))

    def __getitem__(self, index: int | Index) -> float | NotEstimable:
        return reason_at(self.missing, index) or float(self.values[index])

    @property
    def single(self) -> float | NotEstimable:
        """The number of a lone experiment, or why there is none."""
        return self[()]


def reason_at(missing: Reasons, index: int | Index) -> NotEstimable | None:
    """Why the experiment at ``index`` has no number.

    Raises:
        ValueError: where several experiments are at it, as at ``()`` unless there is only one in no array.
    """
    found: NotEstimable | Reasons | None = missing[index]
    if not (found is None or isinstance(found, NotEstimable)):
        raise ValueError(f"index must be that of one experiment among those of shape {missing.shape}, found {index}")
    return found


def known(missing: Reasons) -> Booleans:
    """Where there is a number: where ``missing`` holds no reason."""
    return ~missing.astype(np.bool_)


def reasons(fails: Booleans, worded: Callable[[Index], str]) -> Reasons:
    """A ``NotEstimable`` where ``fails`` is true, else None; ``worded`` words it for the experiment at an index.

    Those of one wording share it: thousands of young experiments lack the same.
    """
    found, shared = np.full(np.shape(fails), None, dtype=object), dict[str, NotEstimable]()
    for index in map(tuple, np.argwhere(fails).tolist()):
        sentence = worded(index)
        if sentence not in shared:
            shared[sentence] = NotEstimable(sentence)
        found[index] = shared[sentence]
    return found


def first_of(*many: Reasons) -> Reasons:
    """The first reason of each experiment; shapes broadcast."""
    found = np.full(np.broadcast_shapes(*(one.shape for one in many)), None, dtype=object)
    for one in reversed(many):
        found = np.where(known(one), found, one)
    return found
