"""The spec of a ModelExperiment: what people write, as frozen models that cannot be wrong.

The field descriptions are the text of ``kubectl explain``; the defaults, ranges and rules here become the
CRD's (:mod:`~model_experiment.api.crd`). Reading a spec from YAML or from the API server goes through
:func:`~model_experiment.api.parsing.parse_spec`, which turns faults into sentences.

The trap: the API server must refuse what this module refuses. A new rule needs a row in
``tests/api/bad_objects.py``, which is tried on both.
"""

from decimal import Decimal
from itertools import pairwise
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from model_experiment.api.rules import Rule, SpecPart, both_or_none, shown
from model_experiment.api.shadow import Shadow
from model_experiment.api.users import Targeting, UserAssignment
from model_experiment.api.values import Duration, Named, Ordered, Probability, milliseconds_in_cel
from model_experiment.api.words import (
    ApiGroup,
    Better,
    By,
    Design,
    Effect,
    ErrorRate,
    Exposures,
    GuardrailBetter,
    KindName,
    Limit,
    Looks,
    Margin,
    Name,
    ObjectName,
    OnSuccess,
    OutcomeName,
    Ownership,
    Port,
    PositiveDuration,
    Power,
    ResponseClass,
    Share,
    SplitPercent,
    Strategy,
    Unit,
)

GROUP = "modelexperiment.io"
VERSION = "v1alpha1"
KIND = "ModelExperiment"
PLURAL = "modelexperiments"


class BackendRef(SpecPart):
    """A backend in the experiment's own namespace, as an HTTPRoute names it, or an InferenceService of KServe."""

    group: ApiGroup = Field(default="", description='API group of the backend; "" for a Service.')
    kind: KindName = Field(default="Service", description="Kind of the backend.")
    name: ObjectName = Field(description="Name of the backend, in the experiment's own namespace.")
    port: Port | None = Field(
        default=None, description="Port of the backend; required for a Service, 80 for an InferenceService."
    )

    @property
    def is_inference_service(self) -> bool:
        """Whether KServe makes the Service that a route can name."""
        return (self.group, self.kind) == ("serving.kserve.io", "InferenceService")

    @property
    def services(self) -> tuple[str, ...]:
        """The names of which one stands in a route: its own, or those that KServe gives to the Service before it."""
        if self.is_inference_service:
            return f"{self.name}-predictor", f"{self.name}-transformer"
        return (self.name,)

    @property
    def served_by(self) -> str:
        """What a person points a route at."""
        return f"the Service of InferenceService {self.name}" if self.is_inference_service else self.name

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            at=".port",
            must="must be given for a Service",
            holds=lambda ref: (ref.group, ref.kind) != ("", "Service") or ref.port is not None,
            found=lambda _: "none",
            holds_in_cel="self.group != '' || self.kind != 'Service' || has(self.port)",
            found_in_cel="none",
        ),
    )


class Champion(SpecPart):
    """The model that serves everybody today, and again after a rollback."""

    name: Name = Field(description="Name of the champion in status, metrics and the x-variant header.")
    backend_ref: BackendRef = Field(description="Where the champion answers.")


class Challenger(SpecPart):
    """The model that wants to be the next champion."""

    name: Name = Field(description="Name of the challenger in status, metrics and the x-variant header.")
    backend_ref: BackendRef = Field(description="Where the challenger answers.")
    percent: SplitPercent = Field(
        default=50,
        description="Share of the users who meet this challenger, in whole percent; the champion has what is left. "
        "Without meaning for Shadow.",
    )


class RampStep(SpecPart):
    """A smaller split on the way to the full one."""

    percent: SplitPercent = Field(
        description="Share of the users who meet any challenger, in whole percent; each challenger has its part of it."
    )
    hold: PositiveDuration = Field(description="How long the step stands at least, such as 10m.")
    minimum_exposures: Exposures = Field(
        default=0, description="How many users must have met a challenger during the ramp before the step ends."
    )


class HTTPRouteRef(SpecPart):
    """The route that carries the traffic today and names the champion alone."""

    name: ObjectName = Field(description="Name of the HTTPRoute, in the experiment's own namespace.")
    rule: ObjectName | None = Field(
        default=None, description="Name of the rule in the HTTPRoute; needed where it has several."
    )


class VirtualServiceRef(SpecPart):
    """Istio's route that carries the traffic today; it delegates to the experiment before its plain champion rule."""

    name: ObjectName = Field(description="Name of the VirtualService, in the experiment's own namespace.")
    rule: ObjectName | None = Field(
        default=None, description="Name of the champion's rule in the VirtualService; needed where it has several."
    )


class Routing(SpecPart):
    """Where the traffic is split."""

    http_route_ref: HTTPRouteRef | None = Field(
        default=None,
        alias="httpRoute",
        description="Your HTTPRoute to the champion: read, and only its weights ever written, where it is shared. "
        "Exactly one of httpRoute, virtualService.",
    )
    virtual_service_ref: VirtualServiceRef | None = Field(
        default=None,
        alias="virtualService",
        description="Your VirtualService of Istio to the champion: read, and only its weights ever written, where it "
        "is shared. "
        "Exactly one of httpRoute, virtualService.",
    )
    ownership: Ownership = Field(
        default=Ownership.OPERATOR,
        description="Operator: it adds a route of its own beside yours. "
        "Shared: your route lists champion and challengers, and the operator writes their weights alone.",
    )

    @property
    def is_shared(self) -> bool:
        """Whether the user's own route carries the split."""
        return self.ownership is Ownership.SHARED

    @property
    def http_route(self) -> HTTPRouteRef:
        """The HTTPRoute of an experiment that names one."""
        if self.http_route_ref is None:
            raise ValueError("spec.routing.httpRoute must be given, found none")
        return self.http_route_ref

    @property
    def virtual_service(self) -> VirtualServiceRef:
        """The VirtualService of an experiment that names one."""
        if self.virtual_service_ref is None:
            raise ValueError("spec.routing.virtualService must be given, found none")
        return self.virtual_service_ref

    @property
    def rule(self) -> str | None:
        """The rule that the experiment names, if it does."""
        return self.http_route_ref.rule if self.http_route_ref is not None else self.virtual_service.rule

    @property
    def user_route(self) -> str:
        """The user's route as a sentence names it."""
        if self.http_route_ref is not None:
            return f"HTTPRoute {self.http_route_ref.name}"
        return f"VirtualService {self.virtual_service.name}"

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            at="",
            must="must have exactly one of httpRoute, virtualService",
            holds=lambda routing: (routing.http_route_ref is None) != (routing.virtual_service_ref is None),
            found=lambda routing: both_or_none(routing.http_route_ref, routing.virtual_service_ref),
            holds_in_cel="has(self.httpRoute) != has(self.virtualService)",
            found_in_cel="{(has(self.httpRoute) ? 'both' : 'none')}",
        ),
        Rule(
            at=".virtualService.rule",
            must="must be absent where ownership is Shared: the rule is found by the name that access logs carry",
            holds=lambda routing: not (routing.is_shared and routing.virtual_service_ref and routing.rule),
            found=lambda routing: shown(routing.rule),
            holds_in_cel="self.ownership != 'Shared' || !has(self.virtualService) || !has(self.virtualService.rule)",
            found_in_cel='"{self.virtualService.rule}"',
        ),
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
