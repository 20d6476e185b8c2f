"""From a raw spec to :class:`~model_experiment.api.spec.ModelExperimentSpec`, or to one sentence a fault.

This is the only way from YAML or the API server into the models: it takes the camelCase names alone. The
paths are those that the API server shows.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from model_experiment.api.routed_spec import RoutedSpec
from model_experiment.api.rules import FAULTS, SpecPart, shown
from model_experiment.api.shadow import Shadow
from model_experiment.api.shadow_spec import ShadowSpec
from model_experiment.api.spec import ModelExperimentSpec
from model_experiment.api.words import ExperimentName
from model_experiment.errors import SpecError

Part = TypeVar("Part", bound=SpecPart)


def parse_spec(raw: Mapping[str, Any]) -> ModelExperimentSpec:
    """The spec of an object, with defaults filled in.

    Raises:
        SpecError: with one line a fault, such as ``spec.objectives[0].baseline: must be ..., found "1.2"``.
    """
    return _parsed(ModelExperimentSpec, raw, root="spec")


def parse_shadow(raw: Mapping[str, Any] | None) -> Shadow:
    """The part ``shadow`` of a spec, with defaults filled in; all of them where it is None.

    Raises:
        SpecError: as :func:`parse_spec`.
    """
    return _parsed(Shadow, {} if raw is None else raw, root="spec.shadow")


def parse_shadow_spec(raw: Mapping[str, Any]) -> ShadowSpec:
    """Those parts of a spec that comparing answers needs.

    Raises:
        SpecError: as :func:`parse_spec`.
    """
    return _parsed(ShadowSpec, raw, root="spec")


def parse_routed_spec(raw: Mapping[str, Any]) -> ModelExperimentSpec:
    """A spec of which only those parts were read that its route depends on; the others are defaults or missing.

    Raises:
        SpecError: as :func:`parse_spec`.
    """
    return ModelExperimentSpec.model_construct(**dict(_parsed(RoutedSpec, raw, root="spec")))


def parse_name(raw: str) -> str:
    """The name of an object; it is bounded because the names of the operator's own objects are made from it.

    Raises:
        SpecError: as :func:`parse_spec`.
    """
    try:
        return TypeAdapter(ExperimentName).validate_python(raw)
    except ValidationError as error:
        raise SpecError(_sentences("metadata.name", error)) from error


def _parsed(model: type[Part], raw: Any, *, root: str) -> Part:
    try:
        return model.model_validate(raw, by_alias=True, by_name=False)
    except ValidationError as error:
        raise SpecError(_sentences(root, error)) from error


def _sentences(root: str, error: ValidationError) -> str:
    return "\n".join(sentence for details in error.errors() for sentence in _of_one_error(root, details))


def _of_one_error(root: str, details: ErrorDetails) -> Iterator[str]:
    path = root + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in details["loc"])
    if details["type"] == FAULTS:
        yield from (f"{path}{at}: {sentence}" for at, sentence in details["ctx"]["faults"])
    else:
        yield f"{path}: {_sentence(details)}"


def _sentence(details: ErrorDetails) -> str:
    """Our words for pydantic's own errors; the few kinds that these models can raise."""
    found = shown(details["input"])
    match details["type"]:
        case "missing":
            return "must be given, found none"
        case "extra_forbidden":
            return "must be a known field, found an unknown one"
        case "enum":
            return f"must be {details['ctx']['expected'].replace(chr(39), '')}, found {found}"
        case "tuple_type":
            return f"must be a list, found {found}"
        case "model_type":
            return f"must be an object, found {found}"
        case _:
            return f"{details['msg']}, found {found}"
