"""Laws of the spec's objects, each written once as a sentence and twice as a check: in CEL and in Python.

The API server checks the CEL (``x-kubernetes-validations``), this package the Python, so ``kubectl apply``
and ``parse_spec`` refuse the same objects in the same words. Laws of single values are in
:mod:`~model_experiment.api.values`.

The trap: CEL cannot see a field without a ``type``, and a probability has none. What concerns such a field
is said in the schema's own words, or by a rule without CEL, which this package alone keeps.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

FAULTS = "faults"
"""The type of the pydantic errors raised here; their context has ``faults``, as :func:`fault` takes them."""


def fault(*faults: tuple[str, str]) -> PydanticCustomError:
    """The error that carries sentences, each behind its path below the value: ``.port``, ``[1]`` or ""."""
    text = "; ".join(sentence for _, sentence in faults)
    return PydanticCustomError(FAULTS, "{text}", {"text": text, "faults": faults})


def shown(value: Any) -> str:
    """A value as the user wrote it, short enough for a sentence."""
    match value:
        case Mapping():
            return "an object"
        case list() | tuple():
            return "a list"
        case str() if len(value) > 80:  # noqa: PLR2004 - about a line on a terminal
            return f'"{value[:80]}..."'
        case _:
            return json.dumps(value, ensure_ascii=False, default=str)


def both_or_none(*given: object) -> str:
    """How many of two fields were given, for a law that wants exactly one."""
    return "both" if all(value is not None for value in given) else "none"


def cel_text(text: str) -> str:
    """A CEL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def validation(*, holds: str, must: str, found: str, at: str = "") -> dict[str, str]:
    """One entry of ``x-kubernetes-validations``; in ``found``, CEL expressions stand in braces.

    The bare ``message`` is what the API server says when the full one has a line break, which it does not show.
    """
    pieces = re.split("[{}]", f"{must}, found {found}")
    message = " + ".join(piece if place % 2 else cel_text(piece) for place, piece in enumerate(pieces) if piece)
    entry = {"rule": holds, "message": must, "messageExpression": message}
    return entry | ({"fieldPath": at} if at else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One law on the fields of an object.

    ``at`` is where the fault is shown: ``.port`` (as in YAML), or "" for the object itself.
    ``holds_in_cel`` is None where the API server cannot check the law, or does so by the schema alone.
    """

    at: str
    must: str
    holds: Callable[[Any], bool]
    found: Callable[[Any], str]
    holds_in_cel: str | None
    found_in_cel: str = ""

    def sentence(self, part: Any) -> str:
        """What to tell the user about a part that breaks this law."""
        return f"{self.must}, found {self.found(part)}"

    def in_cel(self) -> list[dict[str, str]]:
        """This law for the API server; nothing where CEL cannot say it."""
        if self.holds_in_cel is None:
            return []
        return [validation(holds=self.holds_in_cel, must=self.must, found=self.found_in_cel, at=self.at)]


class SpecPart(BaseModel):
    """A frozen object of the spec, camelCase outside, which refuses unknown fields as ``kubectl`` does."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="forbid")

    rules: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, raw: Any) -> Any:
        """Null means "not given": ``guardrails:`` with nothing behind it is no fault."""
        if not isinstance(raw, Mapping):
            return raw
        required = {field.alias for field in cls.model_fields.values() if field.is_required()}
        return {name: value for name, value in raw.items() if value is not None or name in required}

    @model_validator(mode="after")
    def _keep_the_rules(self) -> Self:
        if broken := [(rule.at, rule.sentence(self)) for rule in self.rules if not rule.holds(self)]:
            raise fault(*broken)
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler, /) -> JsonSchemaValue:
        """Pydantic's schema, with the rules in CEL."""
        reference = handler(schema)
        if validations := [entry for rule in cls.rules for entry in rule.in_cel()]:
            handler.resolve_ref_schema(reference)["x-kubernetes-validations"] = validations
        return reference
