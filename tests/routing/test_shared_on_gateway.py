"""A shared route on the real Envoy Gateway: weights and nothing else, and nobody is moved who should stay."""

import asyncio
import statistics
import time
from contextlib import asynccontextmanager
from copy import deepcopy

import pytest
import yaml

from given.experiments import (
    experiment_manifest,
    experiment_of,
    hashing_policy,
    install_definition,
    shared_route_manifest,
)
from given.proofs import ON_GATEWAY_SHARED
from given.traffic import Traffic, once_served
from model_experiment.assignment import assign, modulus_for
from model_experiment.decision.route import Absent, Open, Parked
from model_experiment.errors import ConflictError
from model_experiment.objects import BACKEND_TRAFFIC_POLICY, HTTP_ROUTE, Objects, connect
from model_experiment.routing.shared import SharedRouter
from model_experiment.routing.shared_http_route import SharedHTTPRoute
from routing.journeys import grow, in_milliseconds, live, take_back, under_load
from routing.shared_walkers import Walker, apply, held_to, replace

USERS = [f"user-{number}" for number in range(20_000)]
RATE = 200
SETTLE_SECONDS = WARM_SECONDS = 2
SHARED = {"httpRoute": {"name": "ranker"}, "ownership": "Shared"}


@asynccontextmanager
async def walker_for(control_plane, namespace, **changes):
    install_definition(control_plane)
    stored = control_plane.api.create(experiment_manifest(namespace, routing=SHARED, **changes))
    api = await connect(str(control_plane.kubeconfig), connections=8)
    objects = Objects(api, timeout_seconds=5)

    def router(cache):
        dialect = SharedHTTPRoute(cache, clock=time.monotonic, settle_seconds=SETTLE_SECONDS, warm_seconds=WARM_SECONDS)
        return SharedRouter(dialect, objects, cache, urgent=objects, clock=time.monotonic)

    try:
        kinds = (HTTP_ROUTE, BACKEND_TRAFFIC_POLICY)
        walker = Walker(objects, experiment_of(stored), kinds=kinds, router=router)
        until = time.monotonic() + 30
        while (found := (await walker.read()).obstacle) and found.reason == "RouteNotAccepted":
            assert time.monotonic() < until, found
            await asyncio.sleep(0.1)
        yield walker
    finally:
        await api.rest_client.close()


@pytest.fixture
def manifest(control_plane, namespace):
    return shared_route_manifest(namespace, control_plane.gateway_ref, path=f"/{namespace}")


@pytest.fixture
def url(control_plane, namespace, model_server, manifest):
    model_server("ranker-v7")
    model_server("ranker-v8")
    control_plane.api.create(hashing_policy(namespace))
    control_plane.api.apply(manifest)
    return once_served(f"{control_plane.gateway}/{namespace}")


def split(walker, percent):
    modulus = modulus_for(walker.experiment.uid)
    return assign(modulus=modulus, champion="v7", challengers={"v8": percent})


def as_users_see_it(route):
    """A stored object without what the API server and the gateway write."""
    seen = deepcopy(route)
    for field in ("managedFields", "resourceVersion", "generation"):
        del seen["metadata"][field]
    seen.pop("status", None)  # written by the gateway a moment after the route
    return seen


@pytest.mark.proves("20,000 of 20,000 users as predicted at 1, 5, 10, 50 %; growing only adds", on=ON_GATEWAY_SHARED)
async def test_users_meet_exactly_the_predicted_variant_and_a_larger_share_only_adds_users(
    control_plane, namespace, url
):
    traffic = Traffic(url, USERS)
    async with walker_for(control_plane, namespace) as walker:
        await grow(walker, traffic, split, USERS)
        await walker.walk_to(Absent())
        assert set((await traffic.ask_each(USERS[:500])).values()) == {"v7"}
    assert not traffic.errors


@pytest.fixture
def third(model_server):
    return model_server("ranker-v9")


@pytest.mark.usefixtures("third")
async def test_users_of_two_challengers_stay_with_theirs(control_plane, namespace, url):
    two = [challenger("v8", 20), challenger("v9", 20)]
    manifest = shared_route_manifest(
        namespace, control_plane.gateway_ref, path=f"/{namespace}", variants=("v8", "v7", "v9")
    )
    traffic, users = Traffic(url, USERS), USERS[:5000]
    async with walker_for(control_plane, namespace, challengers=two) as walker:
        assert (await walker.read()).obstacle.reason == "BackendsNotShared"
        control_plane.api.apply(manifest)
        before = {}
        for reached in (2, 20, 40):
            modulus = modulus_for(walker.experiment.uid)
            assignment = assign(modulus=modulus, champion="v7", challengers={"v8": 20, "v9": 20}, reached=reached)
            await walker.walk_to(Open(assignment))
            seen = await traffic.ask_each(users)
            assert seen == {user: assignment.variant(user) for user in users}
            assert all(seen[user] == variant for user, variant in before.items() if variant != "v7")
            before = seen
        await walker.router.apply(walker.experiment, Parked(assignment), taken_back="Rollback|Harm|it fails")
        weights = [each["weight"] for each in control_plane.api.get(manifest)["spec"]["rules"][0]["backendRefs"]]
        assert weights == [1, modulus - 2, 1]
        await walker.walk_to(Absent())
    assert not traffic.errors


def challenger(name, percent):
    return {"name": name, "backendRef": {"name": f"ranker-{name}", "port": 8000}, "percent": percent}


@pytest.mark.proves("a whole life under load without a client error", on=ON_GATEWAY_SHARED)
@pytest.mark.proves("the user's objects are as before after the release", on=ON_GATEWAY_SHARED)
async def test_a_whole_life_under_load_gives_no_client_error_and_leaves_the_route_as_it_was(
    control_plane, namespace, url, manifest
):
    traffic, before = Traffic(url, USERS[:5000]), as_users_see_it(control_plane.api.get(manifest))
    async with walker_for(control_plane, namespace) as walker, under_load(traffic, 500):
        await live(walker, split(walker, 50), pause=0.7)
    assert as_users_see_it(control_plane.api.get(manifest)) == before
    assert not traffic.errors


@pytest.mark.proves("last answer of a challenger at most 500 ms after a take-back (median of 10)", on=ON_GATEWAY_SHARED)
async def test_a_take_back_ends_the_challengers_traffic_within_half_a_second(control_plane, namespace, url, measured):
    traffic = Traffic(url, USERS[:5000])
    async with walker_for(control_plane, namespace) as walker, under_load(traffic, 200):
        delays = await take_back(walker, traffic, split(walker, 50))
    measured(f"shared HTTPRoute, the challenger's last answer after the take-back: {in_milliseconds(delays)}")
    assert statistics.median(delays) <= 0.5
    assert not traffic.errors


@pytest.mark.usefixtures("url")
async def test_a_take_back_goes_through_although_others_write_the_route_all_the_time(
    control_plane, namespace, manifest
):
    async with walker_for(control_plane, namespace) as walker:
        half = split(walker, 50)
        await walker.walk_to(Open(half))
        edit(control_plane, namespace, "/spec/rules/0/backendRefs/0/weight", 77)
        edit(control_plane, namespace, "/metadata/annotations/noise", "1", op="add")
        assert await walker.router.apply(walker.experiment, Parked(half), taken_back="Rollback|Harm|it fails")
        weights = [each["weight"] for each in control_plane.api.get(manifest)["spec"]["rules"][0]["backendRefs"]]
        assert weights == [1, half.modulus - 1]
        assert (await walker.read()).own.taken_back == "Rollback|Harm|it fails"


@pytest.mark.usefixtures("url")
async def test_a_weight_that_was_changed_meanwhile_is_read_again_before_it_is_written(
    control_plane, namespace, manifest
):
    async with walker_for(control_plane, namespace) as walker:
        await walker.walk_to(Open(split(walker, 10)))
        edit(control_plane, namespace, "/spec/rules/0/backendRefs/0/weight", 77)
        with pytest.raises(ConflictError):
            await walker.router.apply(walker.experiment, Open(split(walker, 50)))
        known = walker.cache.get(HTTP_ROUTE, namespace, "ranker")
        assert as_users_see_it(known) == as_users_see_it(control_plane.api.get(manifest))


def path_of(namespace):
    return HTTP_ROUTE.path(namespace=namespace, name="ranker")


def edit(control_plane, namespace, path, value, *, op="replace"):
    """Somebody changes one place of the route."""
    operations = [{"op": op, "path": path, "value": value}]
    control_plane.api.call("PATCH", path_of(namespace), operations, content="application/json-patch+json")


@pytest.mark.parametrize("how", [apply, replace])
@pytest.mark.proves("a loop that reverts is called by name, and loses against a take-back", on=ON_GATEWAY_SHARED)
async def test_a_loop_that_reverts_every_two_seconds_is_called_by_name_and_a_take_back_holds(
    control_plane, namespace, url, manifest, how
):
    traffic, stop = Traffic(url, USERS[:5000]), asyncio.Event()
    async with walker_for(control_plane, namespace) as walker:
        half = split(walker, 50)
        await walker.walk_to(Open(half))
        flow = asyncio.create_task(traffic.flow(RATE, stop))
        async with held_to(manifest, control_plane, how=how, every=2):
            obstacle = await contested(walker, Open(half))
            await walker.walk_to(Absent(), taken_back="Rollback|Harm|it fails")
            ended = time.time()
            await asyncio.sleep(5)
        stop.set()
        await flow
        assert (await walker.read()).own is None
    assert "undone 3 times in 5 minutes" in obstacle.message
    assert "[.spec.rules]" in obstacle.message
    late = [answer for answer in traffic.answers if answer[0] > ended]
    assert {(status, variant) for _, _, status, variant in late} == {(200, "v7")}


async def contested(walker, goal, *, seconds=40):
    """Walks on until too many reverts are in the way."""
    until = time.monotonic() + seconds
    while not (reading := await walker.step_to(goal)).obstacle:
        assert time.monotonic() < until, reading
        await asyncio.sleep(0.05)
    for _ in range(20):  # it stays so, whatever the next ticks do
        assert (await walker.step_to(goal)).obstacle.reason == "RouteContested"
        await asyncio.sleep(0.05)
    return reading.obstacle


async def test_a_loop_that_brings_the_challenger_back_loses_against_a_take_back(
    control_plane, namespace, url, manifest
):
    async with walker_for(control_plane, namespace) as walker:
        half = split(walker, 50)
        await walker.walk_to(Open(half))
        harmful = deepcopy(manifest)
        for entry, share in zip(harmful["spec"]["rules"][0]["backendRefs"], half.shares, strict=True):
            entry["weight"] = share.weight
        for _ in range(5):
            control_plane.api.apply(harmful)
            await walker.read()
            assert await walker.router.apply(walker.experiment, Parked(half), taken_back="Rollback|Harm|it fails")
            weights = [each["weight"] for each in control_plane.api.get(manifest)["spec"]["rules"][0]["backendRefs"]]
            assert weights == [1, half.modulus - 1]
        await walker.walk_to(Absent())
        assert set((await Traffic(url, []).ask_each(USERS[:500])).values()) == {"v7"}


@pytest.mark.usefixtures("url")
async def test_a_missing_backend_is_named_while_nobody_is_sent_there(control_plane, namespace, manifest):
    manifest["spec"]["rules"][0]["backendRefs"][0]["name"] = "nobody"
    control_plane.api.apply(manifest)
    backend = {"name": "nobody", "port": 8000}
    async with walker_for(control_plane, namespace, challengers=[{"name": "v8", "backendRef": backend}]) as walker:
        until = time.monotonic() + 30
        while not ((reading := await walker.step_to(Open(split(walker, 50)))).own and reading.own.problem):
            assert time.monotonic() < until, reading
            await asyncio.sleep(0.1)
        assert reading.own.problem.reason == "BackendNotResolved"
        assert isinstance(reading.own.route, Parked)
        refs = control_plane.api.get(manifest)["spec"]["rules"][0]["backendRefs"]
        assert refs[0]["weight"] == 0


@pytest.mark.usefixtures("url")
async def test_the_lines_that_a_refusal_asks_for_are_enough(control_plane, namespace):
    """A plain route to the champion, mended as each sentence says until none is left."""
    plain = [{"name": "main", "backendRefs": [{"name": "ranker-v7", "port": 8000}]}]
    edit(control_plane, namespace, "/spec/rules", plain)
    async with walker_for(control_plane, namespace) as walker:
        reasons, until = [], time.monotonic() + 30
        while obstacle := (await walker.read()).obstacle:
            assert time.monotonic() < until, obstacle
            if obstacle.reason != "RouteNotAccepted":
                reasons.append(obstacle.reason)
                field = {"BackendsNotShared": "backendRefs", "HeaderNotDemanded": "matches"}[obstacle.reason]
                lines = obstacle.message.split(f"write as its {field}:\n")[1]
                rule = f"/spec/rules/0/{field}"
                edit(control_plane, namespace, rule, yaml.safe_load(lines), op="add")
            await asyncio.sleep(0.1)
        assert reasons == ["BackendsNotShared", "HeaderNotDemanded"]
        await walker.walk_to(Open(split(walker, 50)))
