"""Experiments in the middle of their lives, on each kind of route, as a controller finds them."""

from typing import Any

from controller.stored import Stored
from given.experiments import experiment_manifest, hashing_policy, shared_route_manifest
from model_experiment.controller.recording import FINALIZER
from model_experiment.controller.tick import tick
from model_experiment.controller.world import World
from model_experiment.objects import (
    BACKEND_TRAFFIC_POLICY,
    ENVOY_FILTER,
    HTTP_ROUTE,
    ISTIO_GATEWAY,
    MODEL_EXPERIMENT,
    VIRTUAL_SERVICE,
    Kind,
)
from model_experiment.routing.asking import NO_VALUE
from routing.manifests import user_route
from routing.virtual_services import gateway, hashing_filter, shared_virtual_service, user_virtual_service

KEY = ("shop", "ranker")
SHARES = [{"variant": "v8", "weight": 50}, {"variant": "v7", "weight": 51}]
RUNNING = {
    "phase": "Running",
    "startTime": "2027-01-15T08:00:00Z",
    "assignment": {"unit": "User", "header": "x-user-id", "modulus": 101, "shares": SHARES},
}

Manifest = dict[str, Any]
Parts = list[tuple[Kind, Manifest]]

ROUTES: dict[str, Parts] = {
    "an HTTPRoute of its own": [(HTTP_ROUTE, user_route())],
    "a shared HTTPRoute": [
        (HTTP_ROUTE, shared_route_manifest("shop", {"name": "edge"})),
        (BACKEND_TRAFFIC_POLICY, hashing_policy("shop")),
    ],
    "a VirtualService of its own": [(VIRTUAL_SERVICE, user_virtual_service()), (ISTIO_GATEWAY, gateway())],
    "a shared VirtualService": [
        (VIRTUAL_SERVICE, shared_virtual_service("shop")),
        (ISTIO_GATEWAY, gateway()),
        (ENVOY_FILTER, hashing_filter("shop")),
    ],
}


def running_on(route: str) -> Parts:
    """A running experiment on one of the ROUTES, and what it needs; its own route is not made yet."""
    field = "httpRoute" if "HTTPRoute" in route else "virtualService"
    ownership = "Shared" if "shared" in route else "Operator"
    manifest = experiment_manifest("shop", routing={field: {"name": "ranker"}, "ownership": ownership})
    manifest["metadata"]["uid"] = "u-1"
    return [(MODEL_EXPERIMENT, {**manifest, "status": RUNNING}), *ROUTES[route]]


async def until_open(world: World, stored: Stored) -> None:
    """Through the steps until users meet the variants."""
    for _ in range(8):
        await tick(world, KEY)
    assert challenger_has_traffic(stored), stored.objects


def challenger_has_traffic(stored: Stored) -> bool:
    """Whether any rule that accepts somebody gives v8 a weight."""
    specs = [each["spec"] for each in stored.objects.values() if each["kind"] in ("HTTPRoute", "VirtualService")]
    return any(_serves_v8(rule) for spec in specs for rule in [*spec.get("rules", []), *spec.get("http", [])])


def _serves_v8(rule: Manifest) -> bool:
    entries = [
        *rule.get("backendRefs", []),
        *({**each, "name": each["destination"]["host"]} for each in rule.get("route", [])),
    ]
    is_parked = NO_VALUE in str(rule.get("matches", rule.get("match"))).replace("\\\\", "\\")
    return not is_parked and any(each["name"] == "ranker-v8" and each["weight"] > 0 for each in entries)


def change(world: World, stored: Stored, kind: Kind, name: str, **fields: Any) -> None:
    """Somebody writes top-level fields of an object of the namespace, and the watch tells of it."""
    found = stored.get(kind, "shop", name)
    assert found is not None
    world.cache.remember(kind, stored.put(kind, {**found, **fields}))


def metadata_of(stored: Stored) -> Manifest:
    """Of the experiment."""
    return (stored.get(MODEL_EXPERIMENT, *KEY) or {}).get("metadata", {})


def is_held(stored: Stored) -> bool:
    return FINALIZER in metadata_of(stored).get("finalizers", [])
