"""The delegate on a real istiod and its Envoy: every user where predicted, no client error in any transition."""

import asyncio
import statistics
import time
from contextlib import asynccontextmanager

import aiohttp
import pytest

from control_plane.ports import free_port
from given.experiments import experiment_manifest, experiment_of, install_definition
from given.proofs import ON_ISTIO
from given.traffic import Traffic, once_served
from model_experiment.assignment import Assignment, Share, modulus_for
from model_experiment.controller.cache import Cache
from model_experiment.decision.route import Absent, Open, Parked, is_reached, next_step
from model_experiment.objects import ENVOY_FILTER, INFERENCE_SERVICE, ISTIO_GATEWAY, VIRTUAL_SERVICE, Objects, connect
from model_experiment.routing.istio import IstioRouter
from model_experiment.routing.istiod import Istiod
from routing.journeys import grow, in_milliseconds, live, strays, take_back, under_load
from routing.virtual_services import NETWORKING, champion, delegating, gateway, user_virtual_service

USERS = [f"user-{number}" for number in range(20_000)]
RATE = 200
ROUTING = {"virtualService": {"name": "ranker"}}
KINDS = (VIRTUAL_SERVICE, ISTIO_GATEWAY, ENVOY_FILTER, INFERENCE_SERVICE)


class Walker:
    """A router with a fresh picture before each step: the smallest thing that walks to a goal."""

    def __init__(self, objects, experiment, mesh, *, settle_seconds=10, comparator=None):
        self.objects, self.experiment, self.mesh = objects, experiment, mesh
        self.cache = Cache(())
        self.router = IstioRouter(
            objects,
            self.cache,
            urgent=objects,
            clock=time.monotonic,
            settle_seconds=settle_seconds,
            mesh=mesh,
            comparator=comparator,
        )

    async def read(self):
        for kind in KINDS:
            listed = await self.objects.all(kind)
            for known in self.cache.all(kind):
                if known["metadata"]["uid"] not in {each["metadata"]["uid"] for each in listed}:
                    self.cache.forget(kind, known)
            self.cache.prime(kind, listed)
        if self.mesh:
            await self.mesh.refresh()
        return self.router.read(self.experiment)

    async def walk_to(self, goal, *, seconds=15):
        until = time.monotonic() + seconds
        while not is_reached((reading := await self.read()).own, goal):
            assert time.monotonic() < until, f"{goal} was not reached: {reading}"
            await self.router.apply(self.experiment, next_step(reading.own, goal))
            await asyncio.sleep(0.05)


@asynccontextmanager
async def walker_for(control_plane, istio, namespace, *, with_mesh=True, settle_seconds=10, comparator=None, **changes):
    install_definition(control_plane)
    stored = control_plane.api.create(experiment_manifest(namespace, routing=ROUTING, **changes))
    api = await connect(str(control_plane.kubeconfig), connections=8)
    mesh = Istiod(istio.istiod_url, timeout_seconds=2) if with_mesh else None
    try:
        objects = Objects(api, timeout_seconds=5)
        walker = Walker(objects, experiment_of(stored), mesh, settle_seconds=settle_seconds, comparator=comparator)
        yield walker
        await walker.walk_to(Absent())
    finally:
        await api.rest_client.close()


def rules(namespace, **fields):
    """The two rules of the user's, on a path of the test's own."""
    match = [{"uri": {"prefix": f"/{namespace}"}}]
    return [delegating(namespace, name=namespace, match=match), champion(match=match, **fields)]


@pytest.fixture
def servers(control_plane, istio, namespace, model_server):
    assert istio.url, "Istio has brought its definitions"
    started = {}
    for variant in ("v7", "v8"):
        started[variant] = model_server(f"ranker-{variant}")
        control_plane.create_service_entry(namespace, f"ranker-{variant}")
    return started


@pytest.fixture
def url(control_plane, istio, namespace, servers):
    assert set(servers) == {"v7", "v8"}
    manifest = user_virtual_service(*rules(namespace), namespace=namespace, gateways=[istio.gateway])
    control_plane.api.create(manifest)
    yield once_served(f"{istio.url}/{namespace}")
    control_plane.api.delete(manifest)


def split(walker, percent):
    modulus = modulus_for(walker.experiment.uid)
    challenger = modulus * percent // 100
    return Assignment(modulus, (Share("v8", challenger), Share("v7", modulus - challenger)))


@pytest.mark.proves("20,000 of 20,000 users as predicted at 1, 5, 10, 50 %; growing only adds", on=ON_ISTIO)
@pytest.mark.proves("requests without the assignment header stay with the champion", on=ON_ISTIO)
async def test_users_meet_exactly_the_predicted_variant_and_a_larger_share_only_adds_users(
    control_plane, istio, namespace, url
):
    traffic = Traffic(url, USERS)
    async with walker_for(control_plane, istio, namespace) as walker:
        await grow(walker, traffic, split, USERS)
    assert not traffic.errors


@pytest.mark.proves("a whole life under load without a client error", on=ON_ISTIO)
async def test_a_whole_life_under_load_gives_no_client_error_and_moves_no_user_who_should_stay(
    control_plane, istio, namespace, url
):
    traffic = Traffic(url, USERS[:5000])
    async with walker_for(control_plane, istio, namespace) as walker, under_load(traffic, 200):
        steps = await live(walker, split(walker, 50), pause=1.5)
    assert not traffic.errors
    assert strays(traffic, steps) == []


@pytest.mark.proves("last answer of a challenger at most 500 ms after a take-back (median of 10)", on=ON_ISTIO)
async def test_a_take_back_ends_the_challengers_traffic_within_half_a_second(
    control_plane, istio, namespace, url, measured
):
    traffic = Traffic(url, USERS[:5000])
    async with walker_for(control_plane, istio, namespace) as walker, under_load(traffic, 200):
        delays = await take_back(walker, traffic, split(walker, 50))
    measured(f"own VirtualService, the challenger's last answer after the take-back: {in_milliseconds(delays)}")
    assert statistics.median(delays) <= 0.5
    assert not traffic.errors


async def test_a_parked_delegate_takes_nobody_whatever_the_client_sends(control_plane, istio, namespace, url):
    traffic = Traffic(url, USERS)
    async with walker_for(control_plane, istio, namespace) as walker:
        await walker.walk_to(Parked(split(walker, 50)))
        odd = ["", " ", "\xff", "\\b\\B", "a" * 4000, "юзер"]
        seen = await traffic.ask_each([user.encode().decode("latin-1") for user in odd])
        assert set(seen.values()) == {""}


@pytest.mark.proves("headers that a client forges are overwritten", on=ON_ISTIO)
async def test_headers_of_the_experiment_reach_the_model_and_forged_ones_do_not(
    control_plane, istio, namespace, url, servers
):
    async with walker_for(control_plane, istio, namespace) as walker:
        await walker.walk_to(Open(split(walker, 100)))
        forged = {"x-user-id": "anna", "x-variant": "v7", "x-experiment": "other/one"}
        async with aiohttp.ClientSession() as session, session.get(url, headers=forged) as answer:
            assert answer.headers.getall("x-variant") == ["v8"]
        told = {"x-variant": "v8", "x-experiment": f"{namespace}/ranker"}
        assert servers["v8"].requests[-1].items() >= told.items()


@pytest.mark.proves("the user's rule and its policies hold in every phase", on=ON_ISTIO)
async def test_the_delegate_carries_what_the_champions_rule_does(control_plane, istio, namespace, servers):
    carried = {
        "timeout": "3s",
        "retries": {"attempts": 1, "retryOn": "5xx"},
        "rewrite": {"uri": "/rewritten"},
        "headers": {"request": {"set": {"x-a": "1", "x-variant": "forged"}}},
        "corsPolicy": {"allowOrigins": [{"exact": "https://shop.example"}]},
    }
    manifest = user_virtual_service(*rules(namespace, **carried), namespace=namespace, gateways=[istio.gateway])
    control_plane.api.create(manifest)
    async with walker_for(control_plane, istio, namespace) as walker:
        await walker.walk_to(Open(split(walker, 100)))
        headers = {"x-user-id": "anna", "origin": "https://shop.example"}
        url = f"{istio.url}/{namespace}/path"
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
            assert answer.headers["access-control-allow-origin"] == "https://shop.example"
            assert (await answer.json())["path"] == "/rewritten/path"
        assert servers["v8"].requests[-1].items() >= {"x-a": "1", "x-variant": "v8"}.items()
    control_plane.api.delete(manifest)


@pytest.mark.proves("what the proxies refuse is noticed and said", on=ON_ISTIO)
async def test_a_push_that_envoy_refuses_is_noticed_and_a_take_back_mends_it(control_plane, istio, namespace, url):
    async with walker_for(control_plane, istio, namespace) as walker:
        half = split(walker, 50)
        await walker.walk_to(Open(half))
        edit = [{"op": "replace", "path": "/spec/http/0/route/0/weight", "value": -5}]
        path = VIRTUAL_SERVICE.path(namespace=namespace, name="ranker-mexp")
        control_plane.api.call("PATCH", path, edit, content="application/json-patch+json")
        until = time.monotonic() + 15
        while not (own := (await walker.read()).own).problem:
            assert time.monotonic() < until
            await asyncio.sleep(0.1)
        assert own.settled
        assert "exceeds" in own.problem.message
        await walker.walk_to(Parked(half))
        assert set((await Traffic(url, []).ask_each(USERS[:200])).values()) == {""}


@pytest.mark.usefixtures("url")
async def test_a_filter_that_is_gone_or_changed_is_noticed_and_written_again(control_plane, istio, namespace):
    async with walker_for(control_plane, istio, namespace) as walker:
        half = split(walker, 50)
        await walker.walk_to(Open(half))
        (ours,) = walker.router._filters(walker.experiment)
        control_plane.api.delete(ours)
        assert (await walker.read()).own.problem.reason == "FilterMissing"
        changed = {**ours, "spec": {**ours["spec"], "workloadSelector": {"labels": {**istio.labels, "nobody": "1"}}}}
        changed["metadata"] = {key: ours["metadata"][key] for key in ("name", "namespace", "labels")}
        control_plane.api.create(changed)
        assert (await walker.read()).own.problem.reason == "FilterMissing"
        await walker.router.apply(walker.experiment, Parked(half))
        await walker.walk_to(Open(half))


@pytest.mark.usefixtures("servers")
async def test_a_gateway_whose_pods_are_elsewhere_would_split_at_random_and_never_opens(
    control_plane, istio, namespace
):
    port = {"number": free_port(), "name": "http", "protocol": "HTTP"}
    server = {"bind": "127.0.0.1", "port": port, "hosts": ["*"]}
    elsewhere = gateway("edge", namespace, **istio.labels)
    elsewhere["spec"]["servers"] = [server]
    control_plane.api.create({"apiVersion": NETWORKING, **elsewhere})
    manifest = user_virtual_service(*rules(namespace), namespace=namespace, gateways=["edge"])
    control_plane.api.create(manifest)
    async with walker_for(control_plane, istio, namespace, settle_seconds=3) as walker:
        goal = Open(split(walker, 50))
        until = time.monotonic() + 15
        while not ((reading := await walker.read()).own and reading.own.problem):
            assert time.monotonic() < until
            await walker.router.apply(walker.experiment, next_step(reading.own, goal))
            await asyncio.sleep(0.1)
        assert isinstance(reading.own.route, Parked)
        assert "splits at random" in reading.own.problem.message
    control_plane.api.delete(manifest)


async def test_without_istiods_word_a_write_counts_after_the_settle_time(control_plane, istio, namespace, url):
    async with walker_for(control_plane, istio, namespace, with_mesh=False, settle_seconds=3) as walker:
        half, begun = split(walker, 50), time.monotonic()
        await walker.walk_to(Open(half))
        assert time.monotonic() - begun >= 6, "parked, and then open"
        seen = await Traffic(url, []).ask_each(USERS[:500])
        assert seen == {user: half.variant(user) for user in USERS[:500]}


@pytest.mark.usefixtures("url")
@pytest.mark.proves("the user's objects are as before after the release", on=ON_ISTIO)
async def test_a_release_leaves_the_users_objects_as_they_were_and_nothing_of_ours(control_plane, istio, namespace):
    users = user_virtual_service(namespace=namespace)
    before = control_plane.api.get(users)
    async with walker_for(control_plane, istio, namespace) as walker:
        await walker.walk_to(Open(split(walker, 50)))
    assert control_plane.api.get(users) == before
    left = [
        (each["metadata"]["namespace"], each["metadata"]["name"])
        for kind in (VIRTUAL_SERVICE, ENVOY_FILTER)
        for each in control_plane.api.call("GET", kind.path(namespace=None))["items"]
        if namespace in (each["metadata"]["namespace"], each["metadata"]["name"].partition(".")[0])
    ]
    assert left == [(namespace, "ranker")]
