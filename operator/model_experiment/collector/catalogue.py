"""Which experiments are counted, as an immutable value: found by the route's name or by their own.

Not for: watching the API server (see ``watching``). The trap: an experiment is counted only once its
``status.assignment`` stands, because without it nobody can say which variant a user should meet.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from model_experiment.api.parsing import parse_spec
from model_experiment.api.spec import ModelExperimentSpec
from model_experiment.api.status import AssignmentStatus, Phase
from model_experiment.api.variants import Challenger, Champion
from model_experiment.api.words import By
from model_experiment.assignment import HOLDOUT, Assignment, Share
from model_experiment.decision.observation import own_route_name
from model_experiment.decision.positions import position_of
from model_experiment.errors import SpecError

RouteKey = tuple[str, str]

RAMP = "/ramp"  # no UID contains a slash


@dataclass(frozen=True, slots=True)
class LatencyLimit:
    """A declared limit: the text as the spec has it, which is the metric's label too, and its nanoseconds."""

    text: str
    nanoseconds: int


@dataclass(frozen=True, slots=True)
class Counted:
    """One experiment as the collector needs it."""

    uid: str
    namespace: str
    name: str
    assignment: Assignment
    header: str
    by: By = By.HASH
    position_header: str = ""
    """The request header with the user's position; none where it follows from the user."""
    ramped: bool = False
    """Whether the experiment begins with a ramp."""
    exposing: bool = True
    """Whether users who meet a variant count now; not during a ramp, when they still change sides."""
    latency_limits: tuple[LatencyLimit, ...] = ()
    outcomes: tuple[str, ...] = ()
    services: tuple[tuple[str, str], ...] = ()
    """Each Service, by which Istio names its clusters, and its variant; the champion's first."""
    shared_route: str = ""
    """The user's own route, where that carries the split: it serves the champion before and after as well."""
    user_route: str = ""
    """The user's own HTTPRoute, where every request with the header that it serves should be the experiment's."""

    def expected(self, user: str, sent: str) -> str | None:
        """The variant that a user should meet, where ``sent`` is the position header; None where nobody can say."""
        position = position_of(self.by, modulus=self.assignment.modulus, user=user, sent=sent)
        return None if position is None else self.assignment.at(position)

    @property
    def label(self) -> str:
        """The experiment as metrics and applications name it: ``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    @property
    def log_name(self) -> str:
        """The name under which users who meet a variant now stand in the log: those of a ramp apart."""
        return self.uid if self.exposing else self.uid + RAMP

    @property
    def route(self) -> RouteKey:
        """Namespace and name of the route that carries the split."""
        return self.namespace, self.shared_route or own_route_name(self.name)

    @property
    def champion(self) -> str:
        """The variant that serves whoever stays on the user's own route."""
        return self.services[0][1]

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants in the order of the route, each once; those who are held out meet none."""
        names = dict.fromkeys(share.variant for share in self.assignment.shares)
        return tuple(name for name in names if name != HOLDOUT)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All experiments that are counted now."""

    by_route: Mapping[RouteKey, Counted]
    by_user_route: Mapping[RouteKey, Counted]
    by_label: Mapping[str, Counted]


def catalogue_of(experiments: Iterable[Counted]) -> Catalogue:
    """A catalogue of these experiments."""
    known = tuple(experiments)
    return Catalogue(
        by_route=MappingProxyType({counted.route: counted for counted in known}),
        by_user_route=MappingProxyType(
            {(counted.namespace, counted.user_route): counted for counted in known if counted.user_route}
        ),
        by_label=MappingProxyType({counted.label: counted for counted in known}),
    )


def counted_from(manifest: Mapping[str, Any]) -> Counted | None:
    """What there is to count for a ModelExperiment; None while it has no assignment yet, and for a shadow experiment.

    Of that the comparator counts everything.

    Raises:
        ValueError: if the object cannot be read; the text says what is wrong with it.
    """
    status = manifest.get("status") or {}
    stored = status.get("assignment")
    if not stored:
        return None
    try:
        spec, assigned = parse_spec(manifest["spec"]), AssignmentStatus.model_validate(stored)
        if spec.is_shadow:
            return None
        return Counted(
            uid=manifest["metadata"]["uid"],
            namespace=manifest["metadata"]["namespace"],
            name=manifest["metadata"]["name"],
            assignment=_assignment(assigned),
            header=assigned.header,
            by=assigned.by,
            position_header=assigned.position_header or "",
            ramped=bool(spec.ramp),
            exposing=not spec.ramp or "fullSplitTime" in status,
            latency_limits=_latency_limits(spec),
            outcomes=tuple(dict.fromkeys(objective.source.outcome.name for objective in spec.objectives)),
            services=_services(spec),
            shared_route=_shared_route(spec, manifest["metadata"]["name"]),
            user_route="" if status.get("phase") == Phase.CONCLUDED else _user_route(spec),
        )
    except (AttributeError, KeyError, TypeError, ValueError, SpecError) as error:
        raise ValueError(" ".join(f"{type(error).__name__}: {error}".split())) from error


def _assignment(assigned: AssignmentStatus) -> Assignment:
    shares = tuple(Share(share.variant, share.weight) for share in assigned.shares)
    return Assignment(assigned.modulus, shares)


def _services(spec: ModelExperimentSpec) -> tuple[tuple[str, str], ...]:
    variants: tuple[Champion | Challenger, ...] = (spec.champion, *spec.challengers)
    return tuple((service, variant.name) for variant in variants for service in variant.backend_ref.services)


def _user_route(spec: ModelExperimentSpec) -> str:
    """The user's HTTPRoute where the experiment takes all of it, by a route of its own.

    Of its requests the log says neither which rule served one, nor whether its user may enter and has a position.
    """
    http_route, everybody = spec.routing.http_route_ref, not spec.targeting.headers and spec.assignment.by is By.HASH
    takes_all = http_route is not None and http_route.rule is None and everybody and not spec.routing.is_shared
    return http_route.name if http_route is not None and takes_all else ""


def _shared_route(spec: ModelExperimentSpec, name: str) -> str:
    """A shared HTTPRoute is known by its first rule, a shared VirtualService by the rule that is named like our own."""
    if not spec.routing.is_shared:
        return ""
    http_route = spec.routing.http_route_ref
    return f"{http_route.name}/rule/0" if http_route else own_route_name(name)


def _latency_limits(spec: ModelExperimentSpec) -> tuple[LatencyLimit, ...]:
    """The distinct limits; two texts for one length of time are two counters: the text is the label."""
    limits = (guardrail.source.latency.above for guardrail in spec.guardrails if guardrail.source.latency)
    return tuple(LatencyLimit(str(limit), round(limit.seconds * 1000) * 1_000_000) for limit in dict.fromkeys(limits))
