"""How the objectives are judged: the design of the test, its errors and its durations."""

from typing import ClassVar

from pydantic import Field

from model_experiment.api.rules import Rule, SpecPart
from model_experiment.api.values import Duration, Probability, milliseconds_in_cel
from model_experiment.api.words import (
    Design,
    ErrorRate,
    Looks,
    PositiveDuration,
    Power,
)

LONGEST = Duration("90d")


class Analysis(SpecPart):
    """How the objectives are judged."""

    design: Design = Field(
        default=Design.GROUP_SEQUENTIAL,
        description="GroupSequential may end at any planned look; FixedHorizon looks once, at the end.",
    )
    alpha: ErrorRate = Field(
        default=Probability("0.05"),
        description="Chance to call a challenger different that is not, over all looks together; "
        'a decimal such as "0.05".',
    )
    guardrail_alpha: ErrorRate = Field(
        default=Probability("0.01"),
        description='Chance to take back a harmless challenger, per guardrail; a decimal such as "0.01".',
    )
    power: Power = Field(
        default=Probability("0.8"),
        description='Chance to find the minimum effect if it is really there; a decimal such as "0.8".',
    )
    looks: Looks = Field(default=14, description="How many looks a GroupSequential design plans.")
    minimum_duration: PositiveDuration = Field(
        default=Duration("7d"),
        description="No promotion before this time, such as 7d, so that every weekday is seen.",
    )
    maximum_duration: PositiveDuration = Field(
        default=Duration("28d"),
        description="The experiment ends at this time at the latest, such as 28d; at most 90d.",
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            at=".maximumDuration",
            must=f"must be at most {LONGEST}",
            holds=lambda analysis: analysis.maximum_duration.seconds <= LONGEST.seconds,
            found=lambda analysis: f'"{analysis.maximum_duration}"',
            holds_in_cel=f"{milliseconds_in_cel('self.maximumDuration')} <= {LONGEST.seconds * 1000:.0f}",
            found_in_cel='"{self.maximumDuration}"',
        ),
        Rule(
            at=".minimumDuration",
            must="must be shorter than maximumDuration",
            holds=lambda analysis: analysis.minimum_duration.seconds < analysis.maximum_duration.seconds,
            found=lambda analysis: f'"{analysis.minimum_duration}" and "{analysis.maximum_duration}"',
            holds_in_cel=(
                f"[[self.minimumDuration, self.maximumDuration].map(text, {milliseconds_in_cel('text')})]"
                ".all(length, length[1] == 0 || length[0] < length[1])"
            ),
            found_in_cel='"{self.minimumDuration}" and "{self.maximumDuration}"',
        ),
    )
