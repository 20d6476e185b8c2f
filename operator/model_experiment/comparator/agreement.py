"""Where two values differ: the names of the fields, under a tolerance for numbers.

Types are those of JSON: ``true`` is no 1, while 1 and 1.0 are the same number. NaN equals NaN and nothing else. A
field's name is its pointer with ``*`` for the items of a list, so that all items of a list count as one field.

The trap is nesting: these functions call themselves, so whoever reads an answer bounds its levels.
"""

import math
from collections import Counter
from collections.abc import Hashable
from typing import Any

from model_experiment.api.values import Tolerance
from model_experiment.comparator.pointers import EVERY, NOTHING, escaped

EXACTLY = Tolerance("0")

MOST_FIELDS = 200
LONGEST_FIELD = 120


def differing_fields(first: Any, second: Any, *, within: Tolerance) -> set[str]:
    """Pointers to what differs, "" for the values themselves; none where the two agree.

    There are ``MOST_FIELDS`` at most, each of ``LONGEST_FIELD`` characters at most, because answers can make up both.
    """
    found: set[str] = set()
    _look(first, second, "", (within.value, within.is_relative), found)
    return found


def shortened(field: str) -> str:
    """A field's name, cut to the longest that is kept."""
    return field if len(field) <= LONGEST_FIELD else f"{field[: LONGEST_FIELD - 3]}..."


def have_same_items(first: list[Any], second: list[Any]) -> bool:
    """Whether two lists have the same items, each as often, in any order."""
    return Counter(map(_hashable, first)) == Counter(map(_hashable, second))


def are_near(first: float, second: float, *, distance: float, relative: bool) -> bool:
    """Whether two numbers lie no further apart; what floats cannot say exactly is forgiven.

    >>> are_near(1.1, 1.0, distance=0.1, relative=False)
    True
    """
    if first == second:
        return True
    try:
        size = max(abs(first), abs(second))
        limit = distance * size if relative else distance
        return math.isfinite(size) and abs(first - second) <= limit + 2 * math.ulp(size)
    except OverflowError:  # a whole number beyond all floats
        return False


def _look(first: Any, second: Any, path: str, within: tuple[float, bool], found: set[str]) -> None:
    if len(found) >= MOST_FIELDS:
        return
    kind = type(first)
    if kind is dict and type(second) is dict:
        for key in sorted(first.keys() | second.keys()):  # in one order, as not all may be looked at
            inside = f"{path}/{escaped(key)}"
            _look(first.get(key, NOTHING), second.get(key, NOTHING), inside, within, found)
    elif kind is list and type(second) is list:
        if len(first) != len(second):
            found.add(shortened(path))
        inside = f"{path}/{EVERY}"
        for one, other in zip(first, second, strict=False):
            _look(one, other, inside, within, found)
    elif not _agree(first, second, within):
        found.add(shortened(path))


def _agree(first: Any, second: Any, within: tuple[float, bool]) -> bool:
    if _is_number(first) and _is_number(second):
        both_nan = first != first and second != second  # noqa: PLR0124 - NaN alone is not itself
        return both_nan or are_near(first, second, distance=within[0], relative=within[1])
    return type(first) is type(second) and bool(first == second)


def _is_number(value: Any) -> bool:
    kind = type(value)
    return kind is float or kind is int


def _hashable(value: Any) -> Hashable:
    """A value that equals another's exactly where the two are the same JSON."""
    match value:
        case dict():
            return frozenset((key, _hashable(part)) for key, part in value.items())
        case list():
            return tuple(map(_hashable, value))
        case bool():
            return bool, value
        case float() if value != value:  # noqa: PLR0124 - NaN
            return float, "NaN"
        case _:  # a text, a number, null: each equals what is the same JSON, and nothing else here
            return value  # type: ignore[no-any-return]
