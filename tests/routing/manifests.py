"""Routes and policies as the API server holds them; a test names only what matters to it."""

from typing import Any

from given.experiments import route_manifest
from model_experiment.routing.capabilities import ENVOY_GATEWAY

Manifest = dict[str, Any]

GATEWAY: Manifest = {"name": "edge"}
V7: Manifest = {"name": "ranker-v7", "port": 8000}
V8: Manifest = {"name": "ranker-v8", "port": 8000}


def condition(type_: str = "Accepted", *, status: str = "True", generation: int = 1, **words: str) -> Manifest:
    """A condition as a gateway writes it."""
    said = {"reason": type_, "message": "fine", **words}
    return {"type": type_, "status": status, "observedGeneration": generation, **said}


def parent(*conditions: Manifest, controller: str = ENVOY_GATEWAY, ref: Manifest = GATEWAY) -> Manifest:
    """What one gateway says about a route or a policy."""
    return {"parentRef": ref, "controllerName": controller, "conditions": [*conditions]}


def user_route(
    *, parents: list[Manifest] | None = None, rules: list[Manifest] | None = None, spec: Any = None, **rule: Any
) -> Manifest:
    """The user's route, accepted by Envoy Gateway; other keywords are fields of its only rule."""
    route = route_manifest("shop", GATEWAY, **rule)
    route["spec"] |= {"rules": rules} if rules is not None else {}
    route["spec"] |= spec or {}
    route["status"] = {"parents": [parent(condition())] if parents is None else parents}
    return route


def policy(
    *, kind: str = "SecurityPolicy", name: str = "members-only", namespace: str = "shop", **spec: Any
) -> Manifest:
    """A policy; the other keywords are its spec."""
    return {"kind": kind, "metadata": {"namespace": namespace, "name": name}, "spec": spec}
