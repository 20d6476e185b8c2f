"""The best classes of an answer, in the shapes in which models give them.

A list of scores (the class is its place), scores by name, a list of ``{"label": ..., "score": ...}``, a list of names
from the best on, or a single name. The trap: equal scores leave the order open; the class that comes first is taken.
"""

from collections.abc import Sequence
from typing import Any

from model_experiment.comparator.pointers import NOTHING


def best(value: Any, k: int) -> frozenset[Any] | None:
    """The ``k`` best classes; None where the value is no ranking."""
    classes = _ranked(value)
    return None if classes is None else frozenset(classes[:k])


def _ranked(value: Any) -> list[Any] | None:
    match value:
        case str():
            return [value]
        case dict() if value:
            return _by_score(list(value.items()))
        case list():
            return _ranked_items([(place, item) for place, item in enumerate(value) if item is not NOTHING])
        case _:
            return [value] if _is_score(value) else None


def _ranked_items(placed: list[tuple[int, Any]]) -> list[Any] | None:
    """The classes of a list, from the best on; its items come with their places."""
    items = [item for _, item in placed]
    if not items:
        return None
    if all(isinstance(item, str) for item in items):
        return items
    if all(isinstance(item, dict) for item in items):
        return _by_score([(item.get("label"), item.get("score")) for item in items])
    return _by_score(placed)


def _by_score(scored: Sequence[tuple[Any, Any]]) -> list[Any] | None:
    if not all(isinstance(name, str | int) and _is_score(score) for name, score in scored):
        return None
    return [name for name, _ in sorted(scored, key=lambda pair: -pair[1])]


def _is_score(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # noqa: PLR0124 - not NaN
