"""Where the traffic is split: the user's own route, and whose route carries the split."""

from typing import ClassVar

from pydantic import Field

from model_experiment.api.rules import Rule, SpecPart, both_or_none, shown
from model_experiment.api.words import (
    ObjectName,
    Ownership,
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
