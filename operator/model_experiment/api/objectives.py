"""What a challenger is meant to improve and must not harm, and where the numbers come from.

The trap: shares and effects plan the sample together, so a law on one of them may need the other's number, which CEL
cannot see; such a law is kept by this package alone.
"""

from decimal import Decimal
from typing import ClassVar

from pydantic import ConfigDict, Field

from model_experiment.api.rules import Rule, SpecPart, both_or_none
from model_experiment.api.words import (
    Better,
    Effect,
    GuardrailBetter,
    Limit,
    Margin,
    Name,
    OutcomeName,
    PositiveDuration,
    ResponseClass,
    Share,
    Unit,
)


class OutcomeSource(SpecPart):
    """An outcome that the application reports to the collector."""

    name: OutcomeName = Field(description="Name of the outcome, as the application reports it.")
    per: Unit = Field(
        default=Unit.USER,
        description="What the outcome is counted per: its sum, divided by the users who met the variant.",
    )


class ObjectiveSource(SpecPart):
    """Where an objective's numbers come from."""

    outcome: OutcomeSource = Field(description="Counts an outcome reported by the application.")


def _reaches_a_share(objective: "Objective") -> bool:
    share = _planned_share(objective)
    return share is None or 0 < share < 1


def _planned_share(objective: "Objective") -> Decimal | None:
    """The share of users that the challenger must reach; None where nothing is planned."""
    if objective.baseline is None or objective.minimum_effect is None:
        return None
    effect = Decimal(objective.minimum_effect.removesuffix("%")) / 100
    sign = 1 if objective.better is Better.HIGHER else -1
    return Decimal(objective.baseline) * (1 + sign * effect)


class Objective(SpecPart):
    """What the challenger is meant to improve."""

    name: Name = Field(description="Name of the objective.")
    better: Better = Field(default=Better.HIGHER, description="Which direction is an improvement.")
    minimum_effect: Effect | None = Field(
        default=None,
        description="Smallest improvement worth having, relative to the champion, such as 20%. "
        "Required for the first objective.",
    )
    baseline: Share | None = Field(
        default=None,
        description='Share of users with the outcome under the champion, such as "0.20". '
        "Required beside minimumEffect.",
    )
    source: ObjectiveSource = Field(description="Where the numbers come from.")

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            at=".baseline",
            must="must be given beside minimumEffect, because the two plan the sample",
            holds=lambda objective: objective.minimum_effect is None or objective.baseline is not None,
            found=lambda _: "none",
            holds_in_cel=None,  # a field without a type; model_config says it in the schema's own words
        ),
        Rule(
            at=".minimumEffect",
            must="must change the baseline to a share of users between 0 and 1",
            holds=_reaches_a_share,
            found=lambda objective: f"{_planned_share(objective):f}",
            holds_in_cel=None,  # needs the baseline's number
        ),
    )
    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["baseline"]}, {"not": {"required": ["minimumEffect"]}}]}
    )


class ResponsesSource(SpecPart):
    """The share of requests answered with an error."""

    class_: ResponseClass = Field(
        alias="class", description="ServerError counts status 500 and above, ClientError 400 to 499."
    )


class LatencySource(SpecPart):
    """The share of requests that took too long."""

    above: PositiveDuration = Field(
        description="A request is slow when its answer takes longer than this, such as 250ms."
    )


class GuardrailSource(SpecPart):
    """Where a guardrail's numbers come from: exactly one of the kinds."""

    responses: ResponsesSource | None = Field(
        default=None, description="Counts responses of a class. Exactly one of responses, latency."
    )
    latency: LatencySource | None = Field(
        default=None, description="Counts slow responses. Exactly one of responses, latency."
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            at="",
            must="must have exactly one of responses, latency",
            holds=lambda source: (source.responses is None) != (source.latency is None),
            found=lambda source: both_or_none(source.responses, source.latency),
            holds_in_cel="has(self.responses) != has(self.latency)",
            found_in_cel="{(has(self.responses) ? 'both' : 'none')}",
        ),
    )


class Guardrail(SpecPart):
    """What the challenger must not harm; a breach takes its traffic back."""

    name: Name = Field(description="Name of the guardrail.")
    better: GuardrailBetter = Field(default=GuardrailBetter.LOWER, description="Which direction is an improvement.")
    margin: Margin | None = Field(
        default=None,
        description="How much worse than the champion is tolerated, relative to it, such as 25%. "
        "Exactly one of margin, limit.",
    )
    limit: Limit | None = Field(
        default=None,
        description="Largest tolerated share of requests, whatever the champion's is, such as 5%. "
        "Exactly one of margin, limit.",
    )
    source: GuardrailSource = Field(description="Where the numbers come from.")

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            at="",
            must="must have exactly one of margin, limit",
            holds=lambda guardrail: (guardrail.margin is None) != (guardrail.limit is None),
            found=lambda guardrail: both_or_none(guardrail.margin, guardrail.limit),
            holds_in_cel="has(self.margin) != has(self.limit)",
            found_in_cel="{(has(self.margin) ? 'both' : 'none')}",
        ),
    )
