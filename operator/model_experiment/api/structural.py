"""From pydantic's JSON schema to a structural schema, the dialect that Kubernetes takes in a CRD.

References are put in place, ``X | None`` becomes "not required" (never ``nullable``), bounds are
translated. Whatever is not known here is refused with its path, and so is a list or string without a bound
(the API server must be able to estimate what a rule costs), a list that does not say how it is merged, and
a field without a description.

The trap: the API server ignores some mistakes silently, so this module must not pass on what it does not
understand.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

Schema = Mapping[str, Any]

VALIDATIONS = "x-kubernetes-validations"
LIST_TYPE = "x-kubernetes-list-type"
LIST_KEYS = "x-kubernetes-list-map-keys"
UNTYPED = "x-kubernetes-preserve-unknown-fields"


class NotStructuralError(ValueError):
    """A model says something that has no structural form, or that this module does not know."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the model we are: the path for people, all definitions, and those that we are inside of."""

    path: str
    definitions: Schema
    inside: tuple[str, ...] = ()

    def below(self, step: str) -> "_Place":
        return replace(self, path=self.path + step)

    def refuse(self, why: str) -> NotStructuralError:
        return NotStructuralError(f"{self.path}: {why}")


def structural_schema(model: type[BaseModel], *, path: str) -> dict[str, Any]:
    """The structural schema of a model; ``path`` names it in errors.

    Raises:
        NotStructuralError: with the path of the field that cannot be said.
    """
    document = model.model_json_schema(by_alias=True)
    return _node(document, _Place(path, document.get("$defs", {})))


def _node(schema: Schema, place: _Place) -> dict[str, Any]:
    schema, place = _in_place(schema, place)
    kind = schema.get("type", "untyped")
    if kind not in KINDS:
        raise place.refuse(f"must be one of {', '.join(KINDS)}, found {kind}")
    known, convert = KINDS[kind]
    if unknown := sorted(schema.keys() - known - COMMON):
        raise place.refuse(f"must not use {', '.join(unknown)} on {kind}, whose structural form is not known")
    return _common(schema) | convert(schema, place)


def _in_place(schema: Schema, place: _Place) -> tuple[Schema, _Place]:
    """The schema with references and optionals resolved; what stands beside a reference wins over it."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        if name in place.inside:
            raise place.refuse(f"must not contain itself, found {name}")
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        inside = replace(place, inside=(*place.inside, name))
        return _in_place({**place.definitions[name], **beside}, inside)
    if {"type": "null"} in schema.get("anyOf", ()):
        options = [option for option in schema["anyOf"] if option != {"type": "null"}]
        if len(options) != 1:
            raise place.refuse(f"must be one type or null, found {len(options)} types")
        beside = {key: value for key, value in schema.items() if key != "anyOf"}
        return _in_place({**options[0], **beside}, place)
    return schema, place


COMMON = {"type", "title", "description", "default", "$defs"}


def _common(schema: Schema) -> dict[str, Any]:
    kept = {key: schema[key] for key in ("description", "type") if key in schema}
    return kept | ({"default": _given(schema["default"])} if schema.get("default") is not None else {})


def _given(default: Any) -> Any:
    """A default without the fields of an object that are not given."""
    return {key: value for key, value in default.items() if value is not None} if isinstance(default, dict) else default


def _object(schema: Schema, place: _Place) -> dict[str, Any]:
    if schema.get("additionalProperties") not in (None, False):
        raise place.refuse("must name its fields, found a map")
    properties = {}
    for name, field in schema.get("properties", {}).items():
        below = place.below(f".{name}")
        properties[name] = _node(field, below)
        if "description" not in properties[name]:
            raise below.refuse("must have a description")
    if any(_has_types(option) for option in schema.get("anyOf", ())):
        raise place.refuse("must use anyOf for what is required alone, found types")
    return _copy(schema, "required", "anyOf", VALIDATIONS) | {"properties": properties}


def _array(schema: Schema, place: _Place) -> dict[str, Any]:
    if "maxItems" not in schema:
        raise place.refuse("must have a largest number of items")
    if LIST_TYPE not in schema:
        raise place.refuse(f"must say how it is merged ({LIST_TYPE})")
    items = _node(schema["items"], place.below("[]"))
    items.pop("description", None)  # kubectl explain would say it again behind the list's own
    return _copy(schema, "minItems", "maxItems", LIST_TYPE, LIST_KEYS) | {"items": items}


def _string(schema: Schema, place: _Place) -> dict[str, Any]:
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if schema.get("format", "date-time") != "date-time":
        raise place.refuse(f"must have no format but date-time, found {schema['format']}")
    if values is None and not schema.keys() & {"maxLength", "format"}:
        raise place.refuse("must have a largest length")
    return _copy(schema, "maxLength", "format", VALIDATIONS) | ({"enum": values} if values else {})


def _integer(schema: Schema, _place: _Place) -> dict[str, Any]:
    return _copy(schema, "minimum", "maximum")


def _untyped(schema: Schema, place: _Place) -> dict[str, Any]:
    if schema.get(UNTYPED) is not True:
        raise place.refuse("must have a type")
    if "maxLength" not in schema:
        raise place.refuse("must have a largest length")
    bounds: dict[str, Any] = {}
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in schema:
            bounds |= {bound: schema[exclusive], exclusive: True}
    return _copy(schema, *sorted(UNTYPED_KEYS - bounds.keys())) | bounds


UNTYPED_KEYS = {
    UNTYPED, "pattern", "maxLength", "minimum", "maximum", "not", "allOf",
    "minItems", "maxItems", "minProperties", "maxProperties",
}  # fmt: skip

KINDS: dict[str, tuple[set[str], Callable[[Schema, _Place], dict[str, Any]]]] = {
    "object": ({"properties", "required", "additionalProperties", "anyOf", VALIDATIONS}, _object),
    "array": ({"items", "minItems", "maxItems", LIST_TYPE, LIST_KEYS}, _array),
    "string": ({"enum", "const", "format", "maxLength", VALIDATIONS}, _string),
    "integer": ({"minimum", "maximum"}, _integer),
    "untyped": (UNTYPED_KEYS | {"exclusiveMinimum", "exclusiveMaximum"}, _untyped),
}
"""Each kind of node: the words it may use beyond the common ones, and its translation."""


def _copy(schema: Schema, *keys: str) -> dict[str, Any]:
    return {key: schema[key] for key in keys if key in schema}


def _has_types(option: Schema) -> bool:
    return bool(option.keys() - {"required", "not"}) or ("not" in option and _has_types(option["not"]))
