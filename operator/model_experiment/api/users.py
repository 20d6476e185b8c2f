"""Which users take part in an experiment, and by what each of them is given to a variant.

The trap: who may enter and who meets what are two questions. Whoever may not enter stays on the user's own route or is
held out, in every variant's stead alike; otherwise the variants would meet different kinds of users.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from model_experiment.api.rules import Rule, SpecPart, both_or_none
from model_experiment.api.values import Named
from model_experiment.api.words import HeaderName, HeaderPattern, HeaderValue, HoldoutPercent, Unit


class UserAssignment(SpecPart):
    """How a request is given to a variant."""

    unit: Unit = Field(default=Unit.USER, description="What is assigned: a User always meets the same variant.")
    header: HeaderName = Field(
        default="x-user-id",
        description="Request header that names the user. Requests without it stay on your own route.",
    )


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
