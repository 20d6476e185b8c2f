"""What each provider of routes can do for an experiment, as far as it is known. Pure.

The names are those that a provider gives itself in the status of a route (``controllerName``). Most facts are from
conformance reports of Gateway API 1.5 and 1.6 and from the sources; only Envoy Gateway and Istio are run in this
project's tests. A provider that is not listed is taken to be able to do nothing.

The trap is a provider that accepts what it does not do: Envoy Gateway before 1.9 takes the policy that hashes, and
splits each request at random. Its version stands nowhere in the cluster, but a field of its definitions tells.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from model_experiment.api.words import By
from model_experiment.objects import Manifest

ENVOY_GATEWAY = "gateway.envoyproxy.io/gatewayclass-controller"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do.

    ``hashes``: it splits by a hash of the user, exactly by weights. ``matches``: it chooses a rule by a regular
    expression of a header. ``mirrors``: it really sends copies of requests. ``reports``: its access log can reach the
    collector in a form that the collector understands.
    """

    called: str
    hashes: bool = False
    matches: bool = False
    mirrors: bool = False
    reports: bool = False


ISTIO_GATEWAY = Capabilities(
    "Istio's VirtualService at a gateway", hashes=True, matches=True, mirrors=True, reports=True
)
ISTIO_MESH = Capabilities("Istio's VirtualService in sidecars or waypoints", matches=True, mirrors=True, reports=True)

_BY_CONTROLLER: Mapping[str, Capabilities] = {
    ENVOY_GATEWAY: Capabilities("Envoy Gateway", hashes=True, matches=True, mirrors=True, reports=True),
    "istio.io/gateway-controller": Capabilities("Istio's HTTPRoute", matches=True, mirrors=True, reports=True),
    "istio.io/mesh-controller": Capabilities("Istio's HTTPRoute in the mesh", matches=True, reports=True),
    "io.cilium/gateway-controller": Capabilities("Cilium", matches=True, mirrors=True),
    "linkerd.io/policy-controller": Capabilities("Linkerd", matches=True),
    "traefik.io/gateway-controller": Capabilities("Traefik", matches=True),
    "gateway.nginx.org/nginx-gateway-controller": Capabilities("NGINX Gateway Fabric", matches=True, mirrors=True),
    "kgateway.dev/kgateway": Capabilities("kgateway", matches=True, mirrors=True),
    "konghq.com/kic-gateway-controller": Capabilities("Kong", matches=True),
}


def capabilities_of(controller: str, *, is_new_envoy_gateway: bool = True) -> Capabilities:
    """What the provider of that name can do; ``is_new_envoy_gateway`` means 1.9 or newer."""
    known = _BY_CONTROLLER.get(controller, Capabilities(controller))
    if controller == ENVOY_GATEWAY and not is_new_envoy_gateway:
        return replace(known, called="Envoy Gateway before 1.9", hashes=False)
    return known


def can_assign(capabilities: Capabilities, by: By) -> bool:
    """Whether a provider can give users to variants in this way."""
    return capabilities.hashes if by is By.HASH else capabilities.matches


def can_mirror(capabilities: Capabilities) -> bool:
    """Whether a provider can mirror the requests of those who carry a header."""
    return capabilities.matches and capabilities.mirrors


def why_no_mirror(capabilities: Capabilities) -> str:
    """What a gateway must do to mirror, and that a provider does not."""
    wanted = "really mirrors requests and matches headers by regular expressions"
    return f"{wanted}, found {capabilities.called}, which is not known to do both"


def why_not(capabilities: Capabilities) -> str:
    """Why a provider cannot do it, and what works there."""
    if not capabilities.matches:
        return f"found {capabilities.called}, which is not known to do either"
    others = ", ".join(other for other in By if other is not By.HASH)
    counting = "" if capabilities.reports else "; its access log does not reach the collector, so nothing is counted"
    return f"found {capabilities.called}, where spec.assignment.by can be {others}{counting}"


def is_new_envoy_gateway(definitions: Iterable[Manifest]) -> bool:
    """Whether the definitions in the cluster are those of Envoy Gateway 1.9, the first that hashes, or newer.

    ``BackendTrafficPolicy.spec.loadBalancer.backendUtilization.outOfBand`` came with it.
    """
    return any(_has(version, "loadBalancer", "backendUtilization", "outOfBand") for version in _policies(definitions))


def _policies(definitions: Iterable[Manifest]) -> Iterable[Manifest]:
    for definition in definitions:
        if definition["metadata"]["name"] == "backendtrafficpolicies.gateway.envoyproxy.io":
            yield from definition["spec"]["versions"]


def _has(version: Manifest, *path: str) -> bool:
    node: Any = version.get("schema", {}).get("openAPIV3Schema", {})
    for field in ("spec", *path):
        node = node.get("properties", {}).get(field, {})
    return bool(node)
