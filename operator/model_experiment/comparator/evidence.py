"""What is kept of a pair of answers that differ: which fields, and the answers themselves where the spec says so.

The trap is what people must not read. An answer is stored only after every declared place in it is made unreadable;
where that cannot be done, because the answer is no JSON, it is left out whole.
"""

import json
from dataclasses import dataclass
from typing import Any

from model_experiment.api.shadow import Bodies, Evidence
from model_experiment.comparator.answers import Failure, Reading, Unreadable
from model_experiment.comparator.pointers import NOTHING, replaced, steps_of
from model_experiment.comparator.printing import storable

LONGEST_BODY = 16_384
MOST_KEPT_FIELDS = 20
REDACTED = "(redacted)"
NOT_REDACTABLE = "(left out: no JSON, so nothing in it can be redacted)"


@dataclass(frozen=True, slots=True)
class Difference:
    """One pair that differs; the bodies are None where they are not kept."""

    experiment_uid: str
    experiment: str
    variant: str
    seen: float
    request_id: str
    request: str
    fields: tuple[str, ...]
    champion: str | None
    answer: str | None


def kept_body(answer: Reading | Failure, evidence: Evidence) -> str | None:
    """An answer as it may be stored; None where bodies are not kept or there is none."""
    if evidence.bodies is not Bodies.KEEP or isinstance(answer, Failure):
        return None
    match answer.value:
        case Unreadable(reason):
            return f"({reason})"
        case value if value is NOTHING:
            return ""
        case str() as text if evidence.redact:
            return NOT_REDACTABLE if text else text
        case str() as text:
            return _cut(text)
        case value:
            return _cut(_written(value, evidence))


def kept_fields(fields: tuple[str, ...]) -> tuple[str, ...]:
    """The first of the fields that differ, and how many more there are."""
    more = len(fields) - MOST_KEPT_FIELDS
    return (*fields[:MOST_KEPT_FIELDS], f"and {more} more") if more > 0 else fields


def _written(value: Any, evidence: Evidence) -> str:
    readable = replaced(value, map(steps_of, evidence.redact), by=REDACTED)
    return json.dumps(readable, ensure_ascii=False, separators=(",", ":"))


def _cut(text: str) -> str:
    return storable(text if len(text) <= LONGEST_BODY else f"{text[:LONGEST_BODY]}... ({len(text)} characters)")
