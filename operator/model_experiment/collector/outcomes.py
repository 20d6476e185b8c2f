"""Outcomes as applications tell them: ``POST /v1/outcomes`` with one object, or an array of up to 1000.

::

    {"experiment": "shop/ranker", "user": "u-17", "name": "purchase", "value": 1}

``value`` may be left out (then 1) and adds up, so it must not be negative. All or nothing: with one fault
nothing of a request is stored, so it can be corrected and sent again as a whole.

The trap: 202 says *stored*, not *counted*. An outcome counts under the variant that its user met first, as
soon as the access log has told of it, up to a second after the answer; for a user who never meets a variant
it never counts.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from model_experiment.collector.catalogue import Counted
from model_experiment.collector.entries import LONGEST_USER, is_usable
from model_experiment.collector.store import Outcome

MOST_OUTCOMES = 1000
MOST_BYTES = 1024 * 1024
LARGEST_VALUE = 1e12  # a sum of thousands of these keeps its last unit in a float

_FIELDS = ("experiment", "user", "name", "value")
_MOST_FAULTS = 20
_LONGEST_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing was stored: an HTTP status and one sentence a fault."""

    status: int
    faults: tuple[str, ...]


def read_outcomes(body: bytes, experiments: Mapping[str, Counted], *, now: float) -> tuple[Outcome, ...] | Refusal:
    """The outcomes in a body, or why it is refused. Experiments are named ``namespace/name``.

    Those of an experiment whose ramp still goes on are left out: nobody counts for its objectives yet.
    """
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        return Refusal(400, (f"the body must be JSON, found {_one_line(error)}",))
    many = told if isinstance(told, list) else [told]
    if not many:
        return Refusal(400, (f"the array must hold 1 to {MOST_OUTCOMES} outcomes, found none",))
    if len(many) > MOST_OUTCOMES:
        return Refusal(413, (f"the array must hold 1 to {MOST_OUTCOMES} outcomes, found {len(many)}",))
    places = [f"outcome {place}: " for place in range(len(many))] if isinstance(told, list) else [""]
    return (
        _refusal(400, places, [tuple(_faults(one)) for one in many])
        or _refusal(404, places, [tuple(_unknown(one, experiments)) for one in many])
        or tuple(_outcome(one, experiments, now=now) for one in many if experiments[one["experiment"]].exposing)
    )


def _refusal(status: int, places: list[str], faults: list[tuple[str, ...]]) -> Refusal | None:
    said = [place + fault for place, some in zip(places, faults, strict=True) for fault in some]
    if len(said) > _MOST_FAULTS:
        said = [*said[:_MOST_FAULTS], f"and {len(said) - _MOST_FAULTS} more faults"]
    return Refusal(status, tuple(said)) if said else None


def _faults(one: object) -> Iterator[str]:
    if not isinstance(one, dict):
        yield f"an outcome must be an object, found {_shown(one)}"
        return
    for field in sorted(one.keys() - set(_FIELDS)):
        yield f"a field must be one of {', '.join(_FIELDS)}, found {_shown(field)}"
    for field in ("experiment", "name"):
        if not isinstance(one.get(field), str):
            yield f"{field} must be a string, found {_shown_field(one, field)}"
    if not isinstance(one.get("user"), str) or not is_usable(one["user"]) or not _is_text(one["user"]):
        found = _shown_field(one, "user")
        yield f"user must be a string of 1 to {LONGEST_USER} characters without NUL, found {found}"
    if not _is_value(one.get("value", 1)):
        yield f"value must be a number from 0 to {LARGEST_VALUE:g}, found {_shown_field(one, 'value')}"


def _is_value(value: object) -> bool:
    """A boolean is an int to Python, and NaN and Infinity are JSON to its parser; neither is a value here."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LARGEST_VALUE


def _is_text(text: str) -> bool:
    """JSON can spell half a character (a lone surrogate), which no header and no database can hold."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _unknown(one: Mapping[str, Any], experiments: Mapping[str, Counted]) -> Iterator[str]:
    counted = experiments.get(one["experiment"])
    if counted is None:
        found = _shown(one["experiment"])
        yield f"experiment must be one that is counted now, as namespace/name, found {found}"
    elif one["name"] not in counted.outcomes:
        declared, found = ", ".join(counted.outcomes), _shown(one["name"])
        yield f"name must be an outcome that {counted.label} declares ({declared}), found {found}"


def _outcome(one: Mapping[str, Any], experiments: Mapping[str, Counted], *, now: float) -> Outcome:
    return Outcome(
        experiment_uid=experiments[one["experiment"]].uid,
        user=one["user"],
        name=one["name"],
        value=float(one.get("value", 1)),
        received=now,
    )


def _shown_field(one: Mapping[str, object], field: str) -> str:
    return _shown(one[field]) if field in one else "nothing"


def _shown(value: object) -> str:
    """What was found, as JSON and short."""
    match value:
        case dict():
            return "an object"
        case list():
            return "an array"
        case str() if len(value) > _LONGEST_SHOWN:
            return f"{len(value)} characters"
        case _:
            text = json.dumps(value)
            return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
