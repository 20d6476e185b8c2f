"""The spec of a ModelExperiment: what people write, as frozen models that cannot be wrong.

The field descriptions are the text of ``kubectl explain``; the defaults, ranges and rules here become the
CRD's (:mod:`~model_experiment.api.crd`). Reading a spec from YAML or from the API server goes through
:func:`~model_experiment.api.parsing.parse_spec`, which turns faults into sentences.

The trap: the API server must refuse what this module refuses. A new rule needs a row in
``tests/api/bad_objects.py``, which is tried on both.
"""

from itertools import pairwise
from typing import Annotated, ClassVar

from pydantic import Field

from model_experiment.api.analysis import Analysis
from model_experiment.api.objectives import Guardrail, Objective
from model_experiment.api.routes import Routing
from model_experiment.api.rules import Rule, SpecPart
from model_experiment.api.shadow import Shadow
from model_experiment.api.users import Targeting, UserAssignment
from model_experiment.api.values import Named, Ordered
from model_experiment.api.variants import Challenger, Champion
from model_experiment.api.words import (
    By,
    Exposures,
    OnSuccess,
    PositiveDuration,
    SplitPercent,
    Strategy,
)

GROUP = "modelexperiment.io"
VERSION = "v1alpha1"
KIND = "ModelExperiment"
PLURAL = "modelexperiments"


class RampStep(SpecPart):
    """A smaller split on the way to the full one."""

    percent: SplitPercent = Field(
        description="Share of the users who meet any challenger, in whole percent; each challenger has its part of it."
    )
    hold: PositiveDuration = Field(description="How long the step stands at least, such as 10m.")
    minimum_exposures: Exposures = Field(
        default=0, description="How many users must have met a challenger during the ramp before the step ends."
    )


PERCENT = 100
PERCENT_IN_ALL = "self.challengers.map(each, each.percent).sum()"
SAME_BACKEND = " && ".join(
    f"each.backendRef.{field} == self.champion.backendRef.{field}" for field in ("group", "kind", "name", "?port")
)


class ModelExperimentSpec(SpecPart):
    """A comparison of a champion with its challengers on live traffic."""

    strategy: Strategy = Field(
        default=Strategy.AB_TEST,
        description="ABTest splits the users and asks whether the challenger is better. "
        "Shadow leaves them with the champion, and asks by copies of requests whether both answer alike.",
    )
    champion: Champion = Field(description="The model that serves everybody today, and again after a rollback.")
    challengers: Annotated[tuple[Challenger, ...], Named(1, 4)] = Field(
        description="The models that want to be the next champion, each compared with the champion.",
    )
    routing: Routing = Field(description="Where the traffic is split.")
    ramp: Annotated[tuple[RampStep, ...], Ordered(10)] = Field(
        default=(),
        description="Smaller splits before the full one. Guardrails watch them; objectives do not count yet.",
    )
    assignment: UserAssignment = Field(default=UserAssignment(), description="How a request is given to a variant.")
    targeting: Targeting = Field(default=Targeting(), description="Who may enter the experiment.")
    shadow_part: Shadow | None = Field(
        default=None, alias="shadow", description="How answers are compared; only where strategy is Shadow."
    )
    objectives: Annotated[tuple[Objective, ...], Named(0, 10)] = Field(
        default=(),
        description="What the challenger is meant to improve. The first is primary: it alone decides. "
        "At least one for ABTest, none for Shadow.",
    )
    guardrails: Annotated[tuple[Guardrail, ...], Named(0, 10)] = Field(
        default=(),
        description="What the challenger must not harm. A breach, at any time, takes its traffic back.",
    )
    analysis: Analysis = Field(default=Analysis(), description="How the objectives are judged.")
    on_success: OnSuccess = Field(
        default=OnSuccess.PROMOTE,
        description="Promote gives a better challenger all traffic; Report decides, but changes no traffic. "
        "Without meaning for Shadow, which promotes nobody.",
    )

    @property
    def is_shadow(self) -> bool:
        """Whether users meet the champion alone, and answers are compared beside them."""
        return self.strategy is Strategy.SHADOW

    @property
    def shadow(self) -> Shadow:
        """How answers are compared; the defaults where the spec says nothing."""
        return self.shadow_part or Shadow()

    @property
    def variants(self) -> tuple[Champion | Challenger, ...]:
        """The champion, and the challengers in their order."""
        return (self.champion, *self.challengers)

    @property
    def challengers_percent(self) -> int:
        """The share of the users who meet any challenger in the full split, in percent."""
        return sum(challenger.percent for challenger in self.challengers)

    @property
    def primary(self) -> Objective:
        """The first objective; it has a minimum effect and a baseline."""
        return self.objectives[0]

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            at=".routing.ownership",
            must="must be Operator where assignment.by is not Hash or targeting is given: your rule says who enters",
            holds=lambda spec: (
                not spec.routing.is_shared or (spec.assignment.by is By.HASH and spec.targeting == Targeting())
            ),
            found=lambda _: "Shared",
            holds_in_cel="self.routing.ownership != 'Shared' || (self.assignment.by == 'Hash'"
            " && self.targeting.holdoutPercent == 0 && self.targeting.headers.size() == 0)",
            found_in_cel="Shared",
        ),
        Rule(
            at=".routing.ownership",
            must="must be Operator where strategy is Shadow: nothing but weights is written into your route",
            holds=lambda spec: not (spec.is_shadow and spec.routing.is_shared),
            found=lambda _: "Shared",
            holds_in_cel="self.strategy != 'Shadow' || self.routing.ownership != 'Shared'",
            found_in_cel="Shared",
        ),
        Rule(
            at=".strategy",
            must="must not be Shadow unless each backend is a Service, which the comparator can ask",
            holds=lambda spec: not spec.is_shadow or all(each.backend_ref.kind == "Service" for each in spec.variants),
            found=lambda _: "another kind",
            holds_in_cel="self.strategy != 'Shadow' || (self.champion.backendRef.kind == 'Service'"
            " && self.challengers.all(each, each.backendRef.kind == 'Service'))",
            found_in_cel="another kind",
        ),
        Rule(
            at=".shadow",
            must="must be absent where strategy is not Shadow",
            holds=lambda spec: spec.is_shadow or spec.shadow_part is None,
            found=lambda spec: f"it beside {spec.strategy}",
            holds_in_cel="self.strategy == 'Shadow' || !has(self.shadow)",
            found_in_cel="it beside {self.strategy}",
        ),
        Rule(
            at=".challengers",
            must="must have other names than the champion",
            holds=lambda spec: all(each.name != spec.champion.name for each in spec.challengers),
            found=lambda spec: f'"{spec.champion.name}" twice',
            holds_in_cel="self.challengers.all(each, each.name != self.champion.name)",
            found_in_cel='"{self.champion.name}" twice',
        ),
        Rule(
            at=".challengers",
            must="must have other backends than the champion",
            holds=lambda spec: all(each.backend_ref != spec.champion.backend_ref for each in spec.challengers),
            found=lambda spec: f'"{spec.champion.backend_ref.name}" twice',
            holds_in_cel=f"self.challengers.all(each, !({SAME_BACKEND}))",
            found_in_cel='"{self.champion.backendRef.name}" twice',
        ),
        Rule(
            at=".challengers",
            must="must have a backend each of their own",
            holds=lambda spec: len({each.backend_ref for each in spec.challengers}) == len(spec.challengers),
            found=lambda _: "one backend twice",
            holds_in_cel=(
                "self.challengers.all(each, self.challengers.exists_one(other, other.backendRef == each.backendRef))"
            ),
            found_in_cel="one backend twice",
        ),
        Rule(
            at=".challengers",
            must="must leave the champion at least 1 percent of the users",
            holds=lambda spec: spec.is_shadow or spec.challengers_percent < PERCENT,
            found=lambda _: "nothing left",
            holds_in_cel=f"self.strategy == 'Shadow' || {PERCENT_IN_ALL} < {PERCENT}",
            found_in_cel="nothing left",  # a number's text has no bound to the cost
        ),
        Rule(
            at=".ramp",
            must="must be absent where strategy is Shadow: users meet the champion alone",
            holds=lambda spec: not (spec.is_shadow and spec.ramp),
            found=lambda _: "steps",
            holds_in_cel="self.strategy != 'Shadow' || self.ramp.size() == 0",
            found_in_cel="steps",
        ),
        Rule(
            at=".ramp",
            must="must grow from step to step",
            holds=lambda spec: all(before.percent < after.percent for before, after in pairwise(spec.ramp)),
            found=lambda _: "a step that is not larger than all before it",
            holds_in_cel=(
                "self.ramp.map(step, step.percent).isSorted()"
                " && self.ramp.all(step, self.ramp.exists_one(other, other.percent == step.percent))"
            ),
            found_in_cel="a step that is not larger than all before it",  # a number's text has no bound to the cost
        ),
        Rule(
            at=".ramp",
            must="must stay below the challengers' percent",
            holds=lambda spec: all(step.percent < spec.challengers_percent for step in spec.ramp),
            found=lambda _: "a step that is not smaller",
            holds_in_cel=(f"self.challengers.size() == 0 || self.ramp.all(step, step.percent < {PERCENT_IN_ALL})"),
            found_in_cel="a step that is not smaller",
        ),
        Rule(
            at=".targeting.headers",
            must="must not name a header of spec.assignment, which everybody who enters carries",
            holds=lambda spec: all(each.name not in spec.assignment.headers for each in spec.targeting.headers),
            found=lambda _: "one of them",
            holds_in_cel=(
                "self.targeting.headers.all(each, each.name != self.assignment.header"
                " && self.assignment.?positionHeader.orValue('') != each.name)"
            ),
            found_in_cel="one of them",
        ),
        Rule(
            at=".targeting.holdoutPercent",
            must="must leave each variant 1 percent of all users where assignment.by is not Hash",
            holds=lambda spec: spec.is_shadow or spec.assignment.by is By.HASH or _smallest_share(spec) >= 1,
            found=lambda _: "a variant with less",
            holds_in_cel=(
                f"self.strategy == 'Shadow' || self.assignment.by == 'Hash' || ([{PERCENT} - {PERCENT_IN_ALL}]"
                " + self.challengers.map(each, int(each.percent)))"
                f".all(each, each * ({PERCENT} - int(self.targeting.holdoutPercent)) >= {PERCENT})"
            ),
            found_in_cel="a variant with less",
        ),
        Rule(
            at=".targeting.holdoutPercent",
            must="must be 0 where strategy is Shadow: users meet the champion alone",
            holds=lambda spec: not spec.is_shadow or spec.targeting.holdout_percent == 0,
            found=lambda _: "more",
            holds_in_cel="self.strategy != 'Shadow' || self.targeting.holdoutPercent == 0",
            found_in_cel="more",  # a number's text has no bound to the cost
        ),
        Rule(
            at=".objectives",
            must="must be given where strategy is ABTest",
            holds=lambda spec: spec.is_shadow or bool(spec.objectives),
            found=lambda _: "none",
            holds_in_cel="self.strategy == 'Shadow' || self.objectives.size() > 0",
            found_in_cel="none",
        ),
        Rule(
            at=".objectives",
            must="must be absent where strategy is Shadow: it asks whether answers are alike, not which are better",
            holds=lambda spec: not (spec.is_shadow and spec.objectives),
            found=lambda spec: f'"{spec.objectives[0].name}"',
            holds_in_cel="self.strategy != 'Shadow' || self.objectives.size() == 0",
            found_in_cel='"{self.objectives[0].name}"',
        ),
        Rule(
            at=".objectives",
            must="must begin with one that has a minimumEffect, because it plans the sample",
            holds=lambda spec: not spec.objectives or spec.objectives[0].minimum_effect is not None,
            found=lambda spec: f'"{spec.objectives[0].name}" without',
            holds_in_cel="self.objectives.size() == 0 || has(self.objectives[0].minimumEffect)",
            found_in_cel='"{self.objectives[0].name}" without',
        ),
        Rule(
            at=".guardrails",
            must="must have other names than the objectives",
            holds=lambda spec: not _shared_names(spec),
            found=lambda spec: f'"{_shared_names(spec)[0]}" in both',
            holds_in_cel="self.guardrails.all(each, self.objectives.all(other, other.name != each.name))",
            found_in_cel="one name in both",  # its text has no bound known to the cost estimate
        ),
    )


def _smallest_share(spec: ModelExperimentSpec) -> float:
    """The percent of all users that the variant with the fewest meets."""
    percents = [PERCENT - spec.challengers_percent, *(each.percent for each in spec.challengers)]
    return min(percents) * (PERCENT - spec.targeting.holdout_percent) / PERCENT


def _shared_names(spec: ModelExperimentSpec) -> list[str]:
    names = {objective.name for objective in spec.objectives}
    return [guardrail.name for guardrail in spec.guardrails if guardrail.name in names]
