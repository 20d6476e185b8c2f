"""A shared VirtualService on a real istiod and its Envoy: weights and nothing else, and the table is never refused."""

import asyncio
import statistics
import time
from contextlib import asynccontextmanager
from copy import deepcopy

import pytest
import yaml

from given.experiments import experiment_manifest, experiment_of, install_definition
from given.proofs import ON_ISTIO_SHARED
from given.traffic import Traffic, once_served
from model_experiment.assignment import assign, modulus_for
from model_experiment.decision.route import Absent, Open, Parked
from model_experiment.objects import ENVOY_FILTER, ISTIO_GATEWAY, VIRTUAL_SERVICE, Objects, connect
from model_experiment.routing.istiod import Istiod
from model_experiment.routing.shared import SharedRouter
from model_experiment.routing.shared_virtual_service import SharedVirtualService
from routing.journeys import grow, in_milliseconds, live, take_back, under_load
from routing.shared_walkers import Walker, apply, held_to
from routing.virtual_services import champion, hashing_filter, shared_virtual_service

USERS = [f"user-{number}" for number in range(20_000)]
RATE = 200
SHARED = {"virtualService": {"name": "ranker"}, "ownership": "Shared"}
KINDS = (VIRTUAL_SERVICE, ISTIO_GATEWAY, ENVOY_FILTER)


class OnIstio(Walker):
    """With istiod's word as fresh as the objects."""

    def __init__(self, *arguments, mesh, **options):
        super().__init__(*arguments, **options)
        self.mesh = mesh

    async def read(self):
        await super().read()
        await self.mesh.refresh()
        return self.router.read(self.experiment)


@asynccontextmanager
async def walker_for(control_plane, istio, namespace):
    install_definition(control_plane)
    stored = control_plane.api.create(experiment_manifest(namespace, routing=SHARED))
    api = await connect(str(control_plane.kubeconfig), connections=8)
    objects, mesh = Objects(api, timeout_seconds=5), Istiod(istio.istiod_url, timeout_seconds=2)

    def router(cache):
        dialect = SharedVirtualService(cache, clock=time.monotonic, settle_seconds=10, mesh=mesh)
        return SharedRouter(dialect, objects, cache, urgent=objects, clock=time.monotonic)

    try:
        walker = OnIstio(objects, experiment_of(stored), kinds=KINDS, router=router, mesh=mesh)
        yield walker
        await walker.walk_to(Absent())
    finally:
        await api.rest_client.close()


@pytest.fixture
def servers(control_plane, istio, namespace, model_server):
    """Model servers in the order of a shared rule."""
    assert istio.url, "Istio has brought its definitions"
    started = {variant: model_server(f"ranker-{variant}") for variant in ("v8", "v7")}
    for variant in started:
        control_plane.create_service_entry(namespace, f"ranker-{variant}")
    return started


@pytest.fixture
def manifest(istio, namespace, servers):
    prefix = {"prefix": f"/{namespace}"}
    return shared_virtual_service(namespace, gateways=[istio.gateway], variants=[*servers], uri=prefix)


@pytest.fixture
def by_user(istio, namespace):
    return hashing_filter(namespace, istio.gateway.partition("/")[0], **istio.labels)


@pytest.fixture
def url(control_plane, istio, namespace, manifest, by_user):
    control_plane.api.create(by_user)
    control_plane.api.apply(manifest)
    yield once_served(f"{istio.url}/{namespace}")
    control_plane.api.delete(by_user)
    control_plane.api.delete(manifest)


def split(walker, percent):
    modulus = modulus_for(walker.experiment.uid)
    return assign(modulus=modulus, champion="v7", challengers={"v8": percent})


def as_users_see_it(route):
    """A stored object without what the API server writes."""
    seen = deepcopy(route)
    for field in ("managedFields", "resourceVersion", "generation"):
        del seen["metadata"][field]
    return seen


@pytest.mark.proves("20,000 of 20,000 users as predicted at 1, 5, 10, 50 %; growing only adds", on=ON_ISTIO_SHARED)
async def test_users_meet_exactly_the_predicted_variant_and_a_larger_share_only_adds_users(
    control_plane, istio, namespace, url
):
    traffic = Traffic(url, USERS)
    async with walker_for(control_plane, istio, namespace) as walker:
        await grow(walker, traffic, split, USERS)
        await walker.walk_to(Absent())
        await asyncio.sleep(1)
        assert set((await traffic.ask_each(USERS[:500])).values()) == {"v7"}
    assert not traffic.errors


@pytest.mark.proves("a whole life under load without a client error", on=ON_ISTIO_SHARED)
@pytest.mark.proves("the user's objects are as before after the release", on=ON_ISTIO_SHARED)
async def test_a_whole_life_under_load_gives_no_client_error_and_leaves_the_route_as_it_was(
    control_plane, istio, namespace, url, manifest
):
    traffic, before = Traffic(url, USERS[:5000]), as_users_see_it(control_plane.api.get(manifest))
    async with walker_for(control_plane, istio, namespace) as walker, under_load(traffic, 200):
        await live(walker, split(walker, 50), pause=0.7)
    assert as_users_see_it(control_plane.api.get(manifest)) == before
    assert not traffic.errors


@pytest.mark.proves("last answer of a challenger at most 500 ms after a take-back (median of 10)", on=ON_ISTIO_SHARED)
async def test_a_take_back_ends_the_challengers_traffic_within_half_a_second(
    control_plane, istio, namespace, url, measured
):
    traffic = Traffic(url, USERS[:5000])
    async with walker_for(control_plane, istio, namespace) as walker, under_load(traffic, 200):
        delays = await take_back(walker, traffic, split(walker, 50))
    measured(f"shared VirtualService, the challenger's last answer after the take-back: {in_milliseconds(delays)}")
    assert statistics.median(delays) <= 0.5
    assert not traffic.errors


@pytest.mark.proves("a loop that reverts is called by name, and loses against a take-back", on=ON_ISTIO_SHARED)
async def test_a_loop_that_reverts_every_two_seconds_is_called_by_name_and_a_take_back_holds(
    control_plane, istio, namespace, url, manifest
):
    traffic, stop = Traffic(url, USERS[:5000]), asyncio.Event()
    async with walker_for(control_plane, istio, namespace) as walker:
        half, reading = split(walker, 50), None
        await walker.walk_to(Open(half))
        flow = asyncio.create_task(traffic.flow(RATE, stop))
        async with held_to(manifest, control_plane, how=apply, every=2):
            until = time.monotonic() + 40
            while not (reading and reading.obstacle):
                assert time.monotonic() < until, reading
                reading = await walker.step_to(Open(half))
                await asyncio.sleep(0.05)
            assert reading.obstacle.reason == "RouteContested"
            assert "[.spec.http]" in reading.obstacle.message
            await walker.walk_to(Absent(), taken_back="Rollback|Harm|it fails")
            await asyncio.sleep(1)
            ended = time.time()
            await asyncio.sleep(4)
        stop.set()
        await flow
        assert (await walker.read()).own is None
    assert max(sent for sent, _, _, variant in traffic.answers if variant == "v8") < ended
    assert not traffic.errors


async def test_a_filter_that_goes_parks_before_users_are_split_at_random_for_long(
    control_plane, istio, namespace, url, by_user
):
    async with walker_for(control_plane, istio, namespace) as walker:
        half = split(walker, 50)
        await walker.walk_to(Open(half))
        control_plane.api.delete(by_user)
        reading = await walker.step_to(Open(half))
        assert reading.obstacle.reason == "HashMissing"
        until = time.monotonic() + 15
        while not isinstance((await walker.step_to(Open(half))).own.route, Parked):
            assert time.monotonic() < until
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)
        assert set((await Traffic(url, []).ask_each(USERS[:20])).values()) == {"v7"}
        control_plane.api.create(by_user)
        await walker.walk_to(Open(half))


@pytest.mark.usefixtures("url")
async def test_the_lines_that_a_refusal_asks_for_are_enough(control_plane, istio, namespace, manifest, by_user):
    """A plain route to the champion, mended as each sentence says until none is left."""
    control_plane.api.delete(by_user)
    plain = champion(match=manifest["spec"]["http"][1]["match"])
    edit(control_plane, namespace, "/spec/http", [plain], op="replace")
    async with walker_for(control_plane, istio, namespace) as walker:
        obstacle = (await walker.read()).obstacle
        assert obstacle.reason == "RuleNotFound"
        (rule,) = yaml.safe_load(obstacle.message.split("what you match today:\n")[1])
        rule["match"][0]["uri"] = {"prefix": f"/{namespace}"}
        edit(control_plane, namespace, "/spec/http/0", rule, op="add")
        obstacle = (await walker.read()).obstacle
        assert obstacle.reason == "HashMissing"
        spec = yaml.safe_load(obstacle.message.split("under its spec:\n")[1])
        control_plane.api.create({**by_user, "spec": spec})
        await walker.walk_to(Open(split(walker, 50)))


def edit(control_plane, namespace, path, value, *, op):
    """Somebody changes one place of the VirtualService."""
    operations = [{"op": op, "path": path, "value": value}]
    route = VIRTUAL_SERVICE.path(namespace=namespace, name="ranker")
    control_plane.api.call("PATCH", route, operations, content="application/json-patch+json")
