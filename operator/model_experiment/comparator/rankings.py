"""The best classes of an answer, in the shapes in which models give them.

A list of scores (the class is its place), scores by name, a list of ``{"label": ..., "score": ...}``, a list of names
from the best on, or a single name. The trap: equal scores leave the order open; the class that comes first is taken.
"""

from typing import Any


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
        case list() if value and all(isinstance(item, str) for item in value):
            return value
        case list() if value and all(isinstance(item, dict) for item in value):
            return _by_score([(item.get("label"), item.get("score")) for item in value])
        case list() if value:
            return _by_score(list(enumerate(value)))
        case _:
            return [value] if _is_score(value) else None


def _by_score(scored: list[tuple[Any, Any]]) -> list[Any] | None:
    if not all(isinstance(name, str | int) and _is_score(score) for name, score in scored):
        return None
    return [name for name, _ in sorted(scored, key=lambda pair: -pair[1])]


def _is_score(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # noqa: PLR0124 - not NaN
