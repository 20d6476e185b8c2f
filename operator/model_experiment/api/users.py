"""Which users take part in an experiment, and by what each of them is given to a variant.

The trap: who may enter and who meets what are two questions. Whoever may not enter stays on the user's own route or is
held out, in every variant's stead alike; otherwise the variants would meet different kinds of users.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from model_experiment.api.rules import Rule, SpecPart, both_or_none
from model_experiment.api.values import Named
from model_experiment.api.words import By, HeaderName, HeaderPattern, HeaderValue, HoldoutPercent, Unit


class UserAssignment(SpecPart):
    """How a request is given to a variant."""

    unit: Unit = Field(default=Unit.USER, description="What is assigned: a User always meets the same variant.")
    header: HeaderName = Field(
        default="x-user-id",
        description="Request header that names the user. Requests without it stay on your own route.",
    )
    by: By = Field(
        default=By.HASH,
        description="Hash needs a gateway that splits by a hash of the user. Elsewhere PositionHeader takes the user's "
        "position from positionHeader, HexadecimalSuffix or DecimalSuffix from the user's last two characters.",
    )
    position_header: HeaderName | None = Field(
        default=None,
        description="Request header with the user's position, a whole number from 0 to 99 that something you trust "
        "sets at the edge. Given with by: PositionHeader alone.",
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            at=".positionHeader",
            must="must be given where by is PositionHeader, and nowhere else",
            holds=lambda each: (each.by is By.POSITION_HEADER) == (each.position_header is not None),
            found=lambda each: f"{each.by} {'with' if each.position_header else 'without'} one",
            holds_in_cel="(self.by == 'PositionHeader') == has(self.positionHeader)",
            found_in_cel="{self.by} {(has(self.positionHeader) ? 'with' : 'without')} one",
        ),
        Rule(
            at=".positionHeader",
            must="must be another header than the user's",
            holds=lambda each: each.position_header != each.header,
            found=lambda each: f'"{each.header}" twice',
            holds_in_cel="!has(self.positionHeader) || self.positionHeader != self.header",
            found_in_cel='"{self.header}" twice',
        ),
    )

    @property
    def headers(self) -> tuple[str, ...]:
        """The request headers that everybody who enters carries."""
        return (self.header,) if self.position_header is None else (self.header, self.position_header)


class HeaderMatch(SpecPart):
    """A request header that must be there, with a value or with one of many."""

    name: HeaderName = Field(description="Name of the request header.")
    value: HeaderValue | None = Field(
        default=None, description="The value that the header must have. Exactly one of value, pattern."
    )
    pattern: HeaderPattern | None = Field(
        default=None,
        description="Regular expression that the whole value must match. Exactly one of value, pattern.",
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            at="",
            must="must have exactly one of value, pattern",
            holds=lambda match: (match.value is None) != (match.pattern is None),
            found=lambda match: both_or_none(match.value, match.pattern),
            holds_in_cel="has(self.value) != has(self.pattern)",
            found_in_cel="{(has(self.value) ? 'both' : 'none')}",
        ),
    )


class Targeting(SpecPart):
    """Who may enter the experiment; it holds for all variants alike."""

    headers: Annotated[tuple[HeaderMatch, ...], Named(0, 10)] = Field(
        default=(),
        description="Request headers of those who may enter; all of them must match. Others stay on your own route.",
    )
    holdout_percent: HoldoutPercent = Field(
        default=0,
        description="Share of the users, in whole percent, who never enter: the champion's backend serves them and "
        "nothing is counted.",
    )
