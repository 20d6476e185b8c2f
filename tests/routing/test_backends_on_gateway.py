"""Backends of other kinds, and backends that are not there, on the real Envoy Gateway and by the real definitions."""

import asyncio
import re
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from control_plane.process import wait_until
from given.experiments import route_manifest
from given.model_serving import BY_ENDPOINTS, behind, inference_pool, inference_service, routed, write
from given.proofs import ON_GATEWAY
from given.tokens import policy_manifest
from given.watchers import Watchers
from model_experiment.decision.route import Open, Parked, next_step
from routing.test_on_gateway import everything_to_challenger, split, walker_for

PAGE = Path(__file__).parents[2] / "docs" / "routing.md"
KSERVE = {"group": "serving.kserve.io", "kind": "InferenceService"}
POOL = {"group": "inference.networking.k8s.io", "kind": "InferencePool"}
TWO_INFERENCE_SERVICES = {
    "champion": {"name": "v7", "backendRef": {**KSERVE, "name": "ranker-v7"}},
    "challengers": [{"name": "v8", "backendRef": {**KSERVE, "name": "ranker-v8"}}],
}


async def wait_for(walker, goal, what):
    """Walks towards a goal, parking where something is in the way, until the reading is as wanted."""
    until = time.monotonic() + 15
    while not what(reading := await walker.read()):
        assert time.monotonic() < until, reading
        held = Parked(goal.assignment) if reading.own and in_the_way(reading) else goal
        await walker.router.apply(walker.experiment, next_step(reading.own, held))
        await asyncio.sleep(0.05)
    return reading


def in_the_way(reading):
    return reading.obstacle or (reading.own and reading.own.problem)


def parked_by(reason):
    return lambda reading: (
        (found := in_the_way(reading)) and found.reason == reason and isinstance(reading.own.route, Parked)
    )


@pytest.fixture
def endpoints(control_plane, namespace):
    """Two Services with one endpoint each, and a user's route that sends to endpoints."""
    control_plane.api.create(policy_manifest(namespace, "BackendTrafficPolicy", name="routing", **BY_ENDPOINTS))
    with ExitStack() as stack:
        found = {v: stack.enter_context(behind(control_plane, namespace, f"ranker-{v}")) for v in ("v7", "v8")}
        stack.enter_context(routed(control_plane, namespace))
        yield found


@pytest.fixture
def inference_services(control_plane, namespace, model_serving):
    """Two InferenceServices with the Services that KServe makes for them, and a user's route to the champion's."""
    assert model_serving is None
    control_plane.api.create(policy_manifest(namespace, "BackendTrafficPolicy", name="routing", **BY_ENDPOINTS))
    with ExitStack() as stack:
        for name in ("ranker-v7", "ranker-v8"):
            stack.enter_context(behind(control_plane, namespace, f"{name}-predictor", port=80))
            write(control_plane, inference_service(name, namespace=namespace))
        stack.enter_context(routed(control_plane, namespace, champion={"name": "ranker-v7-predictor", "port": 80}))
        yield


@pytest.mark.usefixtures("inference_services")
async def test_two_inference_services_are_split_under_our_route(control_plane, namespace):
    async with walker_for(control_plane, namespace, **TWO_INFERENCE_SERVICES) as walker:
        half = split(walker, 50)
        await walker.walk_to(Open(half))
        await Watchers(f"{control_plane.gateway}/{namespace}", half).come_to_see({("v7", 200, "v7"), ("v8", 200, "v8")})


@pytest.mark.usefixtures("inference_services")
async def test_an_inference_service_that_is_not_ready_parks_and_goes_on_when_it_is(control_plane, namespace):
    async with walker_for(control_plane, namespace, **TWO_INFERENCE_SERVICES) as walker:
        half = Open(split(walker, 50))
        await walker.walk_to(half)
        unready = inference_service(
            "ranker-v8", namespace=namespace, ready="False", reason="PredictorNotReady", message="0 of 1 are there"
        )
        write(control_plane, unready)
        reading = await wait_for(walker, half, parked_by("BackendNotReady"))
        assert reading.obstacle.message == (
            "InferenceService ranker-v8 must be ready, found: PredictorNotReady: 0 of 1 are there"
        )
        write(control_plane, inference_service("ranker-v8", namespace=namespace))
        await walker.walk_to(half)
        control_plane.api.delete(unready)
        reading = await wait_for(walker, half, parked_by("BackendNotFound"))
        assert reading.own.route == Parked(half.assignment)


@pytest.mark.usefixtures("model_serving", "endpoints")
async def test_a_pool_is_written_as_it_is_and_the_gateway_says_that_it_knows_none(control_plane, namespace):
    control_plane.api.create(inference_pool(namespace, "ranker-v8"))
    pool = {**POOL, "name": "ranker-v8"}
    async with walker_for(control_plane, namespace, challengers=[{"name": "v8", "backendRef": pool}]) as walker:
        reading = await wait_for(walker, Open(split(walker, 50)), parked_by("BackendNotResolved"))
        own = control_plane.api.get(route_manifest(namespace, {}, name="ranker-mexp"))
        assert own["spec"]["rules"][0]["backendRefs"][0].items() >= pool.items()
        assert reading.own.problem.message.startswith(
            "the gateway must take the experiment's route, found InvalidKind: Failed to process route rule 0 backendRef"
            " 0: Group is invalid"
        )


async def test_a_champion_without_endpoints_hinders_nobody_after_a_promotion(control_plane, namespace, endpoints):
    async with walker_for(control_plane, namespace) as walker:
        goal = Open(everything_to_challenger(split(walker, 50)))
        await walker.walk_to(goal)
        watchers = Watchers(f"{control_plane.gateway}/{namespace}", goal.assignment)
        await watchers.come_to_see({("v8", 200, "v8")})
        endpoints["v7"].take()
        users = route_manifest(namespace, {})
        wait_until(lambda: "EndpointsNotFound" in str(control_plane.api.get(users)), "the gateway has noticed")
        assert (await walker.read()).own.problem is None
        assert await watchers.come_to_see({("v8", 200, "v8")}) == {("v8", 200, "v8")}


@pytest.mark.usefixtures("model_serving")
def test_every_inference_service_of_the_page_is_one(control_plane, namespace):
    found = [
        manifest
        for text in re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
        for manifest in yaml.safe_load_all(text)
        if "kind" in manifest and manifest["kind"] == "InferenceService"
    ]
    assert found
    for manifest in found:
        stored = control_plane.api.create({**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}})
        assert stored["spec"] == manifest["spec"], "the API server drops what it does not know"


@pytest.mark.proves("a challenger without endpoints: its users alone notice", on=ON_GATEWAY)
async def test_without_endpoints_exactly_the_challengers_users_get_503_and_the_route_is_parked(
    control_plane, namespace, endpoints
):
    async with walker_for(control_plane, namespace) as walker:
        half = Open(split(walker, 50))
        await walker.walk_to(half)
        users = Watchers(f"{control_plane.gateway}/{namespace}", half.assignment)
        await users.come_to_see({("v7", 200, "v7"), ("v8", 200, "v8")})
        endpoints["v8"].take()
        seen = await users.come_to_see({("v7", 200, "v7"), ("v8", 503, "")})
        assert seen <= {("v7", 200, "v7"), ("v8", 503, ""), ("v8", 200, "v8")}, "nobody else is affected on the way"
        reading = await wait_for(walker, half, parked_by("BackendNotReady"))
        assert reading.own.problem.message == (
            "the gateway must take the experiment's route, found EndpointsNotFound: Failed to find endpoints: no ready"
            f" endpoints for the related Service {namespace}/ranker-v8."
        )
        await users.come_to_see({("v7", 200, ""), ("v8", 200, "")})


async def test_a_champion_without_endpoints_would_move_every_user_and_parks(control_plane, namespace, endpoints):
    async with walker_for(control_plane, namespace) as walker:
        half = Open(split(walker, 50))
        await walker.walk_to(half)
        users = Watchers(f"{control_plane.gateway}/{namespace}", half.assignment)
        await users.come_to_see({("v7", 200, "v7"), ("v8", 200, "v8")})
        endpoints["v7"].take()
        seen = await users.come_to_see({("v7", 200, "v8"), ("v7", 503, ""), ("v8", 503, "")})
        assert ("v7", 200, "v8") in seen, "Envoy Gateway puts what has no endpoints before everything else"
        await wait_for(walker, half, parked_by("BackendNotReady"))
        await users.come_to_see({("v7", 503, ""), ("v8", 503, "")})
