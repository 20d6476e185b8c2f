"""What the operator's own records in a status are made of: clipped texts and times in whole seconds.

A status must never fail to be written because a sentence is long, so texts are cut, not refused. Times lose
their fraction and become UTC, so that a status read back equals the status written.

Here no rule refuses an unknown field: a status may have been written by a newer operator.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

BY_NAME: JsonDict = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
BY_TYPE: JsonDict = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
BY_CHALLENGER: JsonDict = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["challenger"]}
BY_NAME_AND_CHALLENGER: JsonDict = {
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name", "challenger"],
}
AS_A_WHOLE: JsonDict = {"x-kubernetes-list-type": "atomic"}


class Record(BaseModel):
    """A frozen object of the status, camelCase outside."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore")


@dataclass(frozen=True, slots=True)
class Clip:
    """Marks a string that is cut to a length, with three dots at its end."""

    longest: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """A string, cut."""
        return core_schema.no_info_after_validator_function(self._cut, core_schema.str_schema(strict=True))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A bounded string."""
        return {"type": "string", "maxLength": self.longest}

    def _cut(self, text: str) -> str:
        return text if len(text) <= self.longest else text[: self.longest - 3] + "..."


def _whole_seconds(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(microsecond=0)


Time = Annotated[AwareDatetime, AfterValidator(_whole_seconds)]
Word = Annotated[str, Clip(128)]
Prose = Annotated[str, Clip(4096)]
ManifestText = Annotated[str, Clip(16_384)]
