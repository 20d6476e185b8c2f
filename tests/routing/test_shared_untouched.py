"""Whatever else a user's route says stays byte for byte as it is, through every life of an experiment."""

import asyncio
import json
from copy import deepcopy
from dataclasses import replace

import jsonpatch
from hypothesis import given, settings
from hypothesis import strategies as st

from given.deciding import experiment
from given.experiments import hashing_policy, shared_route_manifest
from model_experiment.assignment import assign, modulus_for
from model_experiment.controller.cache import Cache
from model_experiment.decision.route import Absent, Open, Parked, next_step
from model_experiment.decision.splits import promotion_of
from model_experiment.errors import ConflictError
from model_experiment.objects import BACKEND_TRAFFIC_POLICY, ENVOY_FILTER, HTTP_ROUTE, ISTIO_GATEWAY, VIRTUAL_SERVICE
from model_experiment.routing.shared import SharedRouter
from model_experiment.routing.shared_http_route import SharedHTTPRoute
from model_experiment.routing.shared_virtual_service import SharedVirtualService
from model_experiment.routing.shared_weights import mark_name
from routing.manifests import condition, parent
from routing.virtual_services import gateway, hashing_filter, shared_virtual_service

SUBJECTS = {
    kind: replace(experiment(routing={field: {"name": "ranker"}, "ownership": "Shared"}), uid="5f0c7ba2-uid")
    for kind, field in ((HTTP_ROUTE, "httpRoute"), (VIRTUAL_SERVICE, "virtualService"))
}
SPLIT = assign(modulus=modulus_for("5f0c7ba2-uid"), champion="v7", challengers={"v8": 50})
GOALS = [Parked(SPLIT), Open(SPLIT), Open(promotion_of(SPLIT, "v8")), Absent()]


class OneObject:
    """An API server that holds one object and understands a JSON Patch; everything settles at once."""

    def __init__(self, manifest):
        self.manifest = manifest

    async def patch(self, _kind, _namespace, _name, *, operations):
        try:
            changed = jsonpatch.apply_patch(self.manifest, operations)
        except jsonpatch.JsonPatchTestFailed as failed:
            raise ConflictError(str(failed)) from failed
        metadata = changed["metadata"]
        metadata["resourceVersion"] = str(int(metadata["resourceVersion"]) + 1)
        metadata["generation"] += changed["spec"] != self.manifest["spec"]
        if not metadata.get("annotations", True):
            del metadata["annotations"]  # as the API server does
        for each in changed.get("status", {}).get("parents", []):
            each["conditions"][0]["observedGeneration"] = metadata["generation"]
        self.manifest = changed
        return deepcopy(changed)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
names = st.text("abcxyz~/.-", min_size=1, max_size=6).map(lambda name: f"x~/{name}")


@st.composite
def with_unknown_fields(draw, manifest):
    """The same, with fields that nobody knows in any object but the demand for the header, which must be plain."""
    if isinstance(manifest, list):
        return [draw(with_unknown_fields(each)) for each in manifest]
    if not isinstance(manifest, dict) or ".+" in manifest.values():
        return manifest
    known = {key: draw(with_unknown_fields(value)) for key, value in manifest.items()}
    extra = draw(st.dictionaries(names, values, max_size=2))
    return {**extra, **known} if draw(st.booleans()) else {**known, **extra}


@st.composite
def user_routes(draw, kind):
    """A route as the API server holds it, with unknown fields everywhere but where its words are compared."""
    if kind == HTTP_ROUTE:
        route = shared_route_manifest("shop", {"name": "edge"})
        route["status"] = {"parents": [parent(condition())]}
        for rule in route["spec"]["rules"][1:]:
            rule["backendRefs"][0]["weight"] = 1
    else:
        route = shared_virtual_service("shop")
        if draw(st.booleans()):
            del route["spec"]["http"][0]["route"][0]["weight"]  # as good as 0 for Istio
    route["metadata"] |= {"uid": "route", "resourceVersion": "1", "generation": 1}
    annotations = draw(st.none() | st.dictionaries(names, st.text(max_size=5), min_size=1, max_size=2))
    status, metadata = route.pop("status", {}), route["metadata"]
    route["spec"] = draw(with_unknown_fields(route["spec"]))
    route["metadata"] = {**metadata, **({"annotations": annotations} if annotations else {})}
    return {**route, "status": status, **draw(st.dictionaries(names, values, max_size=2))}


def router_of(kind, objects, cache):
    if kind == HTTP_ROUTE:
        cache.prime(
            BACKEND_TRAFFIC_POLICY, [stored({**hashing_policy("shop"), "status": {"ancestors": [parent(condition())]}})]
        )
        dialect = SharedHTTPRoute(cache, clock=float, settle_seconds=0, warm_seconds=0)
    else:
        cache.prime(ISTIO_GATEWAY, [stored(gateway())])
        cache.prime(ENVOY_FILTER, [stored(hashing_filter("shop"))])
        dialect = SharedVirtualService(cache, clock=float, settle_seconds=0)
    return SharedRouter(dialect, objects, cache, urgent=objects, clock=float)


def stored(manifest):
    uid = manifest["metadata"]["name"]
    metadata = {**manifest["metadata"], "uid": uid, "resourceVersion": "1", "generation": 1}
    return {**manifest, "metadata": metadata}


def untouched(manifest, kind, subject):
    """All that is not ours: without the weights of the shared rule, the mark, and what the API server counts."""
    rest = deepcopy(manifest)
    for field in ("resourceVersion", "generation"):
        del rest["metadata"][field]
    rest["metadata"].get("annotations", {}).pop(mark_name(subject), None)
    if not rest["metadata"].get("annotations", True):
        del rest["metadata"]["annotations"]
    if kind == HTTP_ROUTE:
        entries = rest["spec"]["rules"][0]["backendRefs"]
        del rest["status"]
    else:
        entries = rest["spec"]["http"][0]["route"]
    return json.dumps([rest, [entry.pop("weight", None) for entry in entries]][:1])


async def walk(router, objects, subject, goal, seen):
    """Steps until nothing is written any more; ``seen`` is told of the route after each."""
    for _ in range(8):
        own = router.read(subject).own
        assert router.read(subject).obstacle is None
        if not await router.apply(subject, next_step(own, goal)) and next_step(own, goal) == goal:
            return
        seen(objects.manifest)
    raise AssertionError(f"{goal} was not reached: {router.read(subject)}")


@given(data=st.data(), goals=st.lists(st.sampled_from(GOALS), max_size=5), kind=st.sampled_from(list(SUBJECTS)))
@settings(max_examples=100, deadline=None)
def test_only_weights_and_the_mark_are_ever_written_and_a_release_leaves_the_route_as_it_was(data, goals, kind):
    subject, found = SUBJECTS[kind], data.draw(user_routes(kind))
    objects, cache = OneObject(deepcopy(found)), Cache(())
    router = router_of(kind, objects, cache)
    cache.prime(kind, [deepcopy(found)])
    before = untouched(found, kind, subject)

    def check(manifest):
        assert untouched(manifest, kind, subject) == before

    for goal in [*goals, Absent()]:
        asyncio.run(walk(router, objects, subject, goal, check))
    left = deepcopy(objects.manifest)
    for manifest in (left, found):
        for field in ("resourceVersion", "generation"):
            del manifest["metadata"][field]
        manifest.pop("status")
    assert json.dumps(left) == json.dumps(found)
