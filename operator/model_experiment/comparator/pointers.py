"""JSON pointers (RFC 6901): finding a value in an answer, and a copy of an answer without some of them.

The trap: in a pattern the step ``*`` stands for every item or field, so a field of that name has no pattern of its own.
"""

from collections.abc import Iterable
from typing import Any, Final

Steps = tuple[str, ...]

EVERY = "*"
NOTHING: Final = object()
"""In place of a value: there is none."""

_END: Final = None
_Tree = dict[str | None, "_Tree"]
"""Patterns by their steps; one that ends has ``_END`` as its last."""


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


def begins_with(steps: Steps, pattern: Steps) -> bool:
    """Whether a pattern names the place itself or one above it; ``*`` in the place is every item of a list."""
    pairs = zip(steps, pattern, strict=False)
    meets = (other in (own, EVERY) or (own == EVERY and _place(other) is not None) for own, other in pairs)
    return len(pattern) <= len(steps) and all(meets)


def replaced(value: Any, patterns: Iterable[Steps], *, by: Any) -> Any:
    """A copy with ``by`` at every place that a pattern names, made in one walk however many patterns there are.

    NOTHING leaves fields and last items out. Another item leaves a gap that equals itself, so what follows it stays in
    its place.
    """
    tree: _Tree = {}
    for pattern in patterns:
        branch = tree
        for step in pattern:
            branch = branch.setdefault(step, {})
        branch[_END] = {}
    return _replaced(value, [tree] if tree else [], by)


def _replaced(value: Any, trees: list[_Tree], by: Any) -> Any:
    """A copy of a value that stands where each of these trees begins; the value itself where there are none."""
    if not trees:
        return value
    if any(_END in tree for tree in trees):
        return by
    match value:
        case dict():
            fields = {key: _replaced(part, _below(trees, key), by) for key, part in value.items()}
            return {key: part for key, part in fields.items() if part is not NOTHING}
        case list():
            items = [_replaced(item, _below(trees, str(place)), by) for place, item in enumerate(value)]
            while items and items[-1] is NOTHING:
                items.pop()
            return items
        case _:
            return value


def _below(trees: list[_Tree], step: str) -> list[_Tree]:
    return [tree[each] for tree in trees for each in {EVERY, step} if each in tree]


def _place(step: str) -> int | None:
    """The place in a list: decimal digits without a zero before them."""
    is_place = step.isascii() and step.isdecimal() and len(step) < 10 and (step == "0" or step[0] != "0")  # noqa: PLR2004 - no list is longer
    return int(step) if is_place else None
