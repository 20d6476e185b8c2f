"""From pydantic to a structural schema: known words are translated, everything else is refused with its path."""

from enum import StrEnum
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from model_experiment.api.structural import NotStructuralError, structural_schema

Short = Annotated[str, Field(max_length=5)]
MERGED = {"x-kubernetes-list-type": "atomic"}


class Colour(StrEnum):
    RED = "Red"
    BLUE = "Blue"


class OnlyColour(StrEnum):
    RED = "Red"


class Inner(BaseModel):
    """Something inside."""

    name: Short = Field(description="A name.")


def of_field(kind: Any, **field: Any) -> dict[str, Any]:
    """The schema of a model with one field ``it``."""
    model = type(
        "Outer", (BaseModel,), {"__annotations__": {"it": kind}, "it": Field(**({"description": "It."} | field))}
    )
    return structural_schema(model, path="spec")["properties"]["it"]


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        pytest.param(Short, {"type": "string", "maxLength": 5}, id="a bounded string"),
        pytest.param(Colour, {"type": "string", "enum": ["Red", "Blue"]}, id="a choice"),
        pytest.param(OnlyColour, {"type": "string", "enum": ["Red"]}, id="a choice of one"),
        pytest.param(
            Annotated[int, Field(ge=1, le=9)], {"type": "integer", "minimum": 1, "maximum": 9}, id="an integer"
        ),
    ],
)
def test_a_field_is_translated(kind, wanted):
    assert of_field(kind) == wanted | {"description": "It."}


def test_an_optional_field_is_not_required_and_never_nullable():
    class Outer(BaseModel):
        """Outside."""

        needed: Short = Field(description="Needed.")
        it: Inner | None = Field(default=None, description="It.")

    schema = structural_schema(Outer, path="spec")

    assert schema["required"] == ["needed"]
    assert schema["properties"]["it"]["description"] == "It."
    assert not {"nullable", "anyOf", "default"} & schema["properties"]["it"].keys()


class Optionals(BaseModel):
    """One field that is given and one that is not."""

    given: Annotated[int, Field(description="Given.")]
    other: int | None = Field(default=None, description="Not given.")


def test_a_default_has_only_the_fields_that_are_given():
    class Model(BaseModel):
        """Model."""

        it: Optionals = Field(default=Optionals(given=7), description="It.")

    assert structural_schema(Model, path="spec")["properties"]["it"]["default"] == {"given": 7}


def test_a_reference_is_put_in_place_under_the_description_of_its_field():
    assert of_field(Inner, description="Mine.") == {
        "description": "Mine.",
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"description": "A name.", "type": "string", "maxLength": 5}},
    }


def test_a_list_has_its_bound_and_says_how_it_is_merged():
    schema = of_field(tuple[Short, ...], max_length=3, json_schema_extra=MERGED)

    assert schema == {
        "description": "It.",
        "type": "array",
        "maxItems": 3,
        "x-kubernetes-list-type": "atomic",
        "items": {"type": "string", "maxLength": 5},
    }


class Endless(BaseModel):
    """Something that contains itself."""

    inside: "Endless | None" = Field(default=None, description="Inside.")


@pytest.mark.parametrize(
    ("kind", "field", "path", "why"),
    [
        pytest.param(str, {}, "spec.it", "must have a largest length", id="a string without a bound"),
        pytest.param(tuple[Short, ...], {}, "spec.it", "must have a largest number",
                     id="a list without a bound"),
        pytest.param(tuple[Short, ...], {"max_length": 3}, "spec.it", "must say how it is merged",
                     id="a list that does not say how it is merged"),
        pytest.param(tuple[str, ...], {"max_length": 3, "json_schema_extra": MERGED}, "spec.it[]",
                     "must have a largest length", id="a string without a bound in a list"),
        pytest.param(float, {}, "spec.it", "found number", id="a float"),
        pytest.param(bool, {}, "spec.it", "found boolean", id="a boolean, which would grow into a choice"),
        pytest.param(dict[str, int], {}, "spec.it", "found a map", id="a map"),
        pytest.param(Any, {}, "spec.it", "must have a type", id="a field without a type"),
        pytest.param(int | Short, {}, "spec.it", "anyOf", id="two types"),
        pytest.param(int | Short | None, {}, "spec.it", "found 2 types", id="two types or null"),
        pytest.param(Annotated[int, Field(gt=0)], {}, "spec.it", "must not use exclusiveMinimum", id="an unknown word"),
        pytest.param(Short, {"description": None}, "spec.it", "must have a description", id="no description"),
        pytest.param(Endless, {}, "spec.it.inside", "must not contain itself", id="recursion"),
    ],
)  # fmt: skip
def test_what_has_no_structural_form_is_refused_with_its_path(kind, field, path, why):
    with pytest.raises(NotStructuralError) as refusal:
        of_field(kind, **field)

    assert str(refusal.value).startswith(f"{path}: ")
    assert why in str(refusal.value)


def test_any_of_may_speak_of_required_fields_alone():
    class Outer(BaseModel, json_schema_extra={"anyOf": [{"required": ["it"]}, {"properties": {}}]}):
        """Outside."""

        it: Short = Field(description="It.")

    with pytest.raises(NotStructuralError, match="must use anyOf for what is required alone"):
        structural_schema(Outer, path="spec")
