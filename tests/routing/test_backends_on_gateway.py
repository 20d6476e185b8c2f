"""Backends of other kinds, and backends that are not there, on the real Envoy Gateway and by the real definitions."""

import asyncio
import re
import time
from pathlib import Path

import pytest
import yaml

from given.experiments import route_manifest
from given.model_serving import (
    HERE,
    NOWHERE,
    half_there,
    inference_pool,
    inference_service,
    two_inference_services,
    write,
)
from given.proofs import ON_GATEWAY
from given.watchers import Watchers
from model_experiment.decision.route import Open, Parked, next_step
from routing.test_on_gateway import everything_to_challenger, split, walker_for

PAGE = Path(__file__).parents[2] / "docs" / "routing.md"
POOL = {"group": "inference.networking.k8s.io", "kind": "InferencePool"}


async def wait_for(walker, goal, what):
    """Walks towards a goal, parking where something is in the way, until the reading is as wanted."""
    until = time.monotonic() + 30
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
def watched(control_plane, namespace, model_server):
    """A backend with an endpoint and one without; gives the user's route to a champion, and users who look on."""
    half_there(control_plane, namespace, model_server("here"))

    def watch(champion):
        path = f"/{namespace}"
        control_plane.api.create(
            route_manifest(namespace, control_plane.gateway_ref, path=path, backendRefs=[champion])
        )
        return lambda assignment: Watchers(control_plane.gateway + path, assignment)

    return watch


@pytest.fixture
def inference_services(control_plane, namespace, model_serving, model_server):
    """Two InferenceServices with the Services that KServe makes for them, and a user's route to the champion's."""
    assert model_serving is None
    for name in ("ranker-v8", "ranker-v7"):
        server = model_server(f"{name}-predictor")
        write(control_plane, inference_service(name, namespace=namespace))
    path = f"/{namespace}"
    control_plane.api.create(
        route_manifest(namespace, control_plane.gateway_ref, path=path, backendRefs=[server.backend])
    )


def between(v7, v8):
    """Champion and challenger at these backends."""
    return {"champion": {"name": "v7", "backendRef": v7}, "challengers": [{"name": "v8", "backendRef": v8}]}


async def forced_open(walker, goal):
    """Opens the route although something is in the way, as it stands in the moment when endpoints vanish."""
    until = time.monotonic() + 30
    while not ((reading := await walker.read()).own and reading.own.route == goal):
        assert time.monotonic() < until, reading
        await walker.router.apply(walker.experiment, goal if reading.own else Parked(goal.assignment))
        await asyncio.sleep(0.05)


@pytest.mark.usefixtures("inference_services")
async def test_two_inference_services_are_split_under_our_route(control_plane, namespace):
    async with walker_for(control_plane, namespace, **two_inference_services(port=8000)) as walker:
        half = split(walker, 50)
        await walker.walk_to(Open(half))
        await Watchers(f"{control_plane.gateway}/{namespace}", half).come_to_see({("v7", 200, "v7"), ("v8", 200, "v8")})


@pytest.mark.usefixtures("inference_services")
async def test_an_inference_service_that_is_not_ready_parks_and_goes_on_when_it_is(control_plane, namespace):
    async with walker_for(control_plane, namespace, **two_inference_services(port=8000)) as walker:
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


@pytest.mark.usefixtures("model_serving")
async def test_a_pool_is_written_as_it_is_and_the_gateway_says_that_it_knows_none(control_plane, namespace, watched):
    watched(HERE)
    control_plane.api.create(inference_pool(namespace, "ranker-v8"))
    pool = {**POOL, "name": "ranker-v8"}
    async with walker_for(control_plane, namespace, **between(HERE, pool)) as walker:
        reading = await wait_for(walker, Open(split(walker, 50)), parked_by("BackendNotResolved"))
        own = control_plane.api.get(route_manifest(namespace, {}, name="ranker-mexp"))
        assert own["spec"]["rules"][0]["backendRefs"][0].items() >= pool.items()
        assert reading.own.problem.message.startswith(
            "the gateway must take the experiment's route, found InvalidKind: Failed to process route rule 0 backendRef"
            " 0: Group is invalid"
        )


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
async def test_without_endpoints_it_does_not_open_and_exactly_the_challengers_users_would_get_503(
    control_plane, namespace, watched
):
    watch = watched(HERE)
    async with walker_for(control_plane, namespace, **between(HERE, NOWHERE)) as walker:
        half = Open(split(walker, 50))
        reading = await wait_for(walker, half, parked_by("BackendNotReady"))
        assert reading.own.problem.message == (
            "the gateway must take the experiment's route, found EndpointsNotFound: Failed to find endpoints: no ready"
            f" endpoints for the related Service {namespace}/nowhere."
        )
        await forced_open(walker, half)
        assert {("v8", 503, "")} < await watch(half.assignment).come_to_see({("v7", 200, "v7"), ("v8", 503, "")})
        await wait_for(walker, half, parked_by("BackendNotReady"))
        await watch(half.assignment).come_to_see({("v7", 200, ""), ("v8", 200, "")})


async def test_a_champion_without_endpoints_would_move_its_users_and_parks(control_plane, namespace, watched):
    watch = watched(NOWHERE)
    async with walker_for(control_plane, namespace, **between(NOWHERE, HERE)) as walker:
        half = Open(split(walker, 50))
        await wait_for(walker, half, parked_by("BackendNotReady"))
        await forced_open(walker, half)
        moved = ("v7", 200, "v8")
        seen = await watch(half.assignment).come_to_see({moved, ("v7", 503, ""), ("v8", 503, "")})
        assert moved in seen, "Envoy Gateway puts what has no endpoints before everything else"
        await wait_for(walker, half, parked_by("BackendNotReady"))
        await watch(half.assignment).come_to_see({("v7", 503, ""), ("v8", 503, "")})


async def test_a_champion_without_endpoints_hinders_nobody_after_a_promotion(control_plane, namespace, watched):
    watch = watched(NOWHERE)
    async with walker_for(control_plane, namespace, **between(NOWHERE, HERE)) as walker:
        everything = Open(everything_to_challenger(split(walker, 50)))
        await walker.walk_to(everything)
        await watch(everything.assignment).come_to_see({("v8", 200, "v8")})
        assert (await walker.read()).own.problem is None
