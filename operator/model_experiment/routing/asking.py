"""What a request must carry to be served by a rule of the own route: headers, each with a regular expression. Pure.

Where the gateway hashes, one rule serves everybody who carries the assignment header. Elsewhere each variant has rules
of its own, and their expressions match exactly the users of an interval of positions.

The traps: gateways differ in whether an expression must match the whole value, so those of intervals say where it
begins and ends. And what stands in a route may be somebody else's expression, which could take for ever to evaluate:
only those of the shape that is written here are ever evaluated.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from model_experiment.api.users import UserAssignment
from model_experiment.api.words import By
from model_experiment.assignment import Share
from model_experiment.decision.positions import POSITIONS

ANY_VALUE = ".+"
NO_VALUE = r"\b\B"  # a boundary that is none: matches nothing, in every mode of the regular expressions of Envoy

_DIGITS = "0123456789abcdef"
_BASES = {By.POSITION_HEADER: 10, By.DECIMAL_SUFFIX: 10, By.HEXADECIMAL_SUFFIX: 16}
_INTERVAL = re.compile(r"\^(\.\*)?\([][0-9a-fA-F|?-]+\)\$")


def asked_of_all(assignment: UserAssignment, *, is_open: bool) -> dict[str, str]:
    """The expression that a header must match, where the gateway hashes."""
    return {assignment.header: ANY_VALUE if is_open else NO_VALUE}


def asked_of(assignment: UserAssignment, positions: range, *, is_open: bool) -> dict[str, str]:
    """The same for the users at some positions, where it does not."""
    wanted = pattern(assignment.by, positions)
    if assignment.position_header is not None:
        return {assignment.position_header: wanted, **asked_of_all(assignment, is_open=is_open)}
    return {assignment.header: wanted if is_open else closed(wanted)}


def shares_of(assignment: UserAssignment, rules: Iterable[tuple[str, Mapping[str, str]]]) -> Iterator[Share]:
    """What rules give to whom, in their order: each a variant with the expression of each header.

    Where an expression is not that of the next positions, somebody edited it, and the share is nobody's.
    """
    start = 0
    for variant, asked in rules:
        value = asked.get(assignment.position_header or assignment.header, "")
        found = positions_of(assignment.by, value)
        if found == list(range(start, start + len(found))):
            yield Share(variant, len(found))
            start += len(found)
        else:
            yield Share(f"unknown:{value}", 0)


def closed(value: str) -> str:
    """An expression that nothing matches; positions can still be read from it, so a parked route tells its shares."""
    opened = value.removesuffix(NO_VALUE)
    return f"{opened}{NO_VALUE}" if _interval(opened) else NO_VALUE


def is_closed(value: str) -> bool:
    """Whether an expression is one that nothing matches."""
    return value == closed(value)


def pattern(by: By, positions: range) -> str:
    """An expression for exactly the values that stand for these positions."""
    if not positions:
        return NO_VALUE
    alternatives = "|".join(_first(by, firsts) + _digit(seconds) for firsts, seconds in _rows(by, positions))
    return f"^({alternatives})$" if by is By.POSITION_HEADER else f"^.*({alternatives})$"


def positions_of(by: By, value: str) -> list[int]:
    """The positions that an expression stands for; none where it has not the shape that is written here."""
    expression = _interval(value.removesuffix(NO_VALUE))
    return [place for place in range(POSITIONS[by]) if expression and expression.fullmatch(_text(by, place))]


def _interval(value: str) -> re.Pattern[str] | None:
    """The expression where it has the shape of an interval."""
    try:
        return re.compile(value) if _INTERVAL.fullmatch(value) else None
    except re.error:
        return None


def _text(by: By, position: int) -> str:
    """The shortest value that stands for a position."""
    match by:
        case By.HEXADECIMAL_SUFFIX:
            return f"{position:02x}"
        case By.DECIMAL_SUFFIX:
            return f"{position:02d}"
        case _:
            return str(position)


def _rows(by: By, positions: range) -> Iterator[tuple[list[int], list[int]]]:
    """First digits before the same second digits; a first 0 that may be left out stands for itself."""
    base = _BASES[by]
    firsts = range(positions[0] // base, positions[-1] // base + 1)

    def seconds(first: int) -> list[int]:
        return [position % base for position in positions if position // base == first]

    for (second, _), group in groupby(firsts, key=lambda first: (seconds(first), _may_be_left_out(by, first))):
        yield list(group), second


def _may_be_left_out(by: By, first: int) -> bool:
    return by is By.POSITION_HEADER and first == 0


def _first(by: By, digits: Sequence[int]) -> str:
    return "0?" if _may_be_left_out(by, digits[0]) else _digit(digits)


def _digit(digits: Sequence[int]) -> str:
    """One of several digits in a row, letters in both cases."""
    text = "".join(_DIGITS[digit] for digit in digits)
    letters = text.lstrip("0123456789")
    runs = (text.removesuffix(letters), letters, letters.upper())
    short = "".join(run if len(run) < 3 else f"{run[0]}-{run[-1]}" for run in runs)  # noqa: PLR2004 - a-b is no shorter
    return short if len(short) == 1 else f"[{short}]"
