"""JSON pointers (RFC 6901): finding a value in an answer, and a copy of an answer without some of them.

The trap: in a pattern the step ``*`` stands for every item or field, so a field of that name has no pattern of its own.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

Steps = tuple[str, ...]

EVERY = "*"
NOTHING: Final = object()
"""In place of a value: there is none."""


def steps_of(pointer: str) -> Steps:
    """The steps of a pointer; none for "", which is the whole value."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def escaped(key: str) -> str:
    """A key as a pointer writes it."""
    return key.replace("~", "~0").replace("/", "~1")


def find(value: Any, steps: Steps) -> Any:
    """What stands there, or NOTHING."""
    for step in steps:
        match value:
            case dict() if step in value:
                value = value[step]
            case list() if (place := _place(step)) is not None and place < len(value):
                value = value[place]
            case _:
                return NOTHING
    return value


def replaced(value: Any, patterns: Iterable[Steps], *, by: Any) -> Any:
    """A copy with ``by`` at every place that a pattern names; NOTHING leaves these places out."""
    for pattern in patterns:
        value = _replaced(value, pattern, by)
    return value


def _replaced(value: Any, pattern: Steps, by: Any) -> Any:
    if not pattern:
        return by
    first, rest = pattern[0], pattern[1:]
    match value:
        case dict():
            fields = {key: _replaced(part, rest, by) if first in (EVERY, key) else part for key, part in value.items()}
            return {key: part for key, part in fields.items() if part is not NOTHING}
        case list():
            return list(_items(value, first, rest, by))
        case _:
            return value


def _items(items: list[Any], first: str, rest: Steps, by: Any) -> Iterator[Any]:
    for place, item in enumerate(items):
        part = _replaced(item, rest, by) if first == EVERY or _place(first) == place else item
        if part is not NOTHING:
            yield part


def _place(step: str) -> int | None:
    """The place in a list: decimal digits without a zero before them."""
    is_place = step.isascii() and step.isdecimal() and len(step) < 10 and (step == "0" or step[0] != "0")  # noqa: PLR2004 - no list is longer
    return int(step) if is_place else None
