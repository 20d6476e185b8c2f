"""The own route on the real Envoy Gateway: every user where predicted, no client error in any transition."""

import asyncio
import statistics
import time
from contextlib import asynccontextmanager

import pytest

from given.experiments import experiment_manifest, experiment_of, install_definition, route_manifest
from given.proofs import ON_GATEWAY
from given.traffic import Traffic, once_served
from model_experiment.assignment import assign, modulus_for
from model_experiment.controller.cache import Cache
from model_experiment.decision.route import Absent, Open, Parked, is_reached, next_step
from model_experiment.decision.splits import promotion_of
from model_experiment.objects import HTTP_ROUTE, INFERENCE_SERVICE, Objects, connect
from model_experiment.routing.gateway_api import GatewayApiRouter
from model_experiment.routing.policies import CARRIED
from routing.journeys import grow, in_milliseconds, live, strays, take_back, under_load

SETTLE_SECONDS = 2
WARM_SECONDS = 3
DRAIN_SECONDS = 3  # the gateway of the control plane keeps old connections for 2
USERS = [f"user-{number}" for number in range(20_000)]


class Walker:
    """A router with a fresh picture before each step: the smallest thing that walks to a goal."""

    def __init__(self, objects, experiment, policies=CARRIED, *, comparator=None):
        self.objects, self.experiment, self.policies = objects, experiment, policies
        self.cache = Cache(policies)
        self.router = GatewayApiRouter(
            objects,
            self.cache,
            urgent=objects,
            settle_seconds=SETTLE_SECONDS,
            warm_seconds=WARM_SECONDS,
            drain_seconds=DRAIN_SECONDS,
            comparator=comparator,
        )

    async def read(self):
        for kind in (HTTP_ROUTE, INFERENCE_SERVICE, *self.policies):
            found = await self.objects.all(kind, namespace=self.experiment.namespace)
            self.cache.prime(kind, found)
            present = {manifest["metadata"]["uid"] for manifest in found}
            for gone in [each for each in self.cache.all(kind) if each["metadata"]["uid"] not in present]:
                self.cache.forget(kind, gone)
        return self.router.read(self.experiment)

    async def walk_to(self, goal, *, seconds=30):
        until = time.monotonic() + seconds
        while not is_reached((reading := await self.read()).own, goal) or self.held(reading, goal) != goal:
            assert time.monotonic() < until, f"{goal} was not reached: {reading}"
            await self.router.apply(self.experiment, next_step(reading.own, self.held(reading, goal)))
            await asyncio.sleep(0.05)

    @staticmethod
    def held(reading, goal):
        """What may stand now: an obstacle parks, as it does in the machine."""
        stays = reading.obstacle is None or reading.own is None or not isinstance(goal, Open)
        return goal if stays else Parked(reading.own.route.assignment)


@asynccontextmanager
async def walker_for(control_plane, namespace, *, comparator=None, **changes):
    install_definition(control_plane)
    stored = control_plane.api.create(experiment_manifest(namespace, **changes))
    api = await connect(str(control_plane.kubeconfig), connections=8)
    try:
        walker = Walker(Objects(api, timeout_seconds=5), experiment_of(stored), comparator=comparator)
        until = time.monotonic() + 30
        while (found := (await walker.read()).obstacle) and found.reason == "RouteNotAccepted":
            assert time.monotonic() < until, found
            await asyncio.sleep(0.1)
        yield walker
    finally:
        await api.rest_client.close()


@pytest.fixture
def url(control_plane, namespace, model_server):
    model_server("ranker-v7")
    model_server("ranker-v8")
    path = f"/{namespace}"
    control_plane.api.create(route_manifest(namespace, control_plane.gateway_ref, path=path))
    return once_served(control_plane.gateway + path)


def split(walker, percent):
    modulus = modulus_for(walker.experiment.uid)
    return assign(modulus=modulus, champion="v7", challengers={"v8": percent})


def everything_to_challenger(assignment):
    return promotion_of(assignment, "v8")


@pytest.mark.proves("20,000 of 20,000 users as predicted at 1, 5, 10, 50 %; growing only adds", on=ON_GATEWAY)
@pytest.mark.proves("requests without the assignment header stay with the champion", on=ON_GATEWAY)
async def test_users_meet_exactly_the_predicted_variant_and_a_larger_share_only_adds_users(
    control_plane, namespace, url
):
    traffic = Traffic(url, USERS)
    async with walker_for(control_plane, namespace) as walker:
        await grow(walker, traffic, split, USERS)
        await walker.walk_to(Absent())
    assert not traffic.errors


@pytest.mark.proves("a whole life under load without a client error", on=ON_GATEWAY)
async def test_a_whole_life_under_load_gives_no_client_error_and_moves_no_user_who_should_stay(
    control_plane, namespace, url
):
    traffic = Traffic(url, USERS[:5000])
    async with walker_for(control_plane, namespace) as walker, under_load(traffic, 500):
        steps = await live(walker, split(walker, 50), pause=1.5)
    assert not traffic.errors
    assert strays(traffic, steps) == []


@pytest.mark.proves("last answer of a challenger at most 500 ms after a take-back (median of 10)", on=ON_GATEWAY)
async def test_a_take_back_ends_the_challengers_traffic_within_half_a_second(control_plane, namespace, url, measured):
    traffic = Traffic(url, USERS[:5000])
    async with walker_for(control_plane, namespace) as walker, under_load(traffic, 200):
        delays = await take_back(walker, traffic, split(walker, 50))
    measured(f"own HTTPRoute, the challenger's last answer after the take-back: {in_milliseconds(delays)}")
    assert statistics.median(delays) <= 0.5
    assert not traffic.errors


async def test_a_parked_route_takes_nobody_whatever_the_client_sends(control_plane, namespace, url):
    traffic = Traffic(url, USERS)
    async with walker_for(control_plane, namespace) as walker:
        await walker.walk_to(Parked(split(walker, 50)))
        odd = ["", " ", "\xff", "\\b\\B", "a" * 4000, "юзер"]
        seen = await traffic.ask_each([user.encode().decode("latin-1") for user in odd])
        assert set(seen.values()) == {""}


@pytest.mark.usefixtures("url")
async def test_a_missing_backend_parks_and_says_which(control_plane, namespace):
    backend = {"name": "nobody", "port": 8000}
    async with walker_for(control_plane, namespace, challengers=[{"name": "v8", "backendRef": backend}]) as walker:
        goal, until = Open(split(walker, 50)), time.monotonic() + 30
        while not ((reading := await walker.read()).own and reading.own.problem):
            assert time.monotonic() < until, reading
            await walker.router.apply(walker.experiment, next_step(reading.own, goal))
            await asyncio.sleep(0.1)
        assert isinstance(reading.own.route, Parked)
        assert reading.own.problem.reason == "BackendNotResolved"
        assert "nobody" in reading.own.problem.message


OF_USER = {"set": [{"name": "x-a", "value": "1"}, {"name": "x-variant", "value": "of the user"}]}
CARRIED_RULE = {
    "filters": [
        {"type": "RequestHeaderModifier", "requestHeaderModifier": OF_USER},
        {"type": "ResponseHeaderModifier", "responseHeaderModifier": OF_USER},
    ],
    "timeouts": {"request": "3s"},
}


@pytest.fixture
def challenger(control_plane, namespace, model_server):
    model_server("ranker-v7")
    server = model_server("ranker-v8")
    control_plane.api.create(route_manifest(namespace, control_plane.gateway_ref, path=f"/{namespace}", **CARRIED_RULE))
    once_served(f"{control_plane.gateway}/{namespace}")
    return server


@pytest.mark.proves("the user's rule and its policies hold in every phase", on=ON_GATEWAY)
@pytest.mark.proves("headers that a client forges are overwritten", on=ON_GATEWAY)
async def test_the_own_route_carries_what_the_users_rule_does(control_plane, namespace, challenger):
    traffic = Traffic(f"{control_plane.gateway}/{namespace}", USERS)
    async with walker_for(control_plane, namespace) as walker:
        await walker.walk_to(Open(everything_to_challenger(split(walker, 50))))
        assert await traffic.ask_each(["anna"]) == {"anna": "v8"}
        traffic.headers = {"x-variant": "v7", "x-experiment": "other/one"}
        assert await traffic.ask_each(["anna"]) == {"anna": "v8"}
        told = {"x-a": "1", "x-variant": "v8", "x-experiment": f"{namespace}/ranker"}
        assert challenger.requests[-1].items() >= told.items()
        own = control_plane.api.get(route_manifest(namespace, {}, name="ranker-mexp"))
        assert own["spec"]["rules"][0]["timeouts"] == CARRIED_RULE["timeouts"]


@pytest.fixture
def two_rules(control_plane, namespace, model_server):
    """The user's route with the experiment's rule, and one of the same path for those who carry x-beta."""
    model_server("ranker-v7")
    model_server("ranker-v8")
    route = route_manifest(namespace, control_plane.gateway_ref, path=f"/{namespace}", name="ranker")
    (main,) = route["spec"]["rules"]
    (match,) = main["matches"]
    beta = {**match, "headers": [{"name": "x-beta", "value": "1"}]}
    route["spec"]["rules"] = [{**main, "name": "main"}, {**main, "name": "beta", "matches": [beta]}]
    control_plane.api.create(route)
    return once_served(f"{control_plane.gateway}/{namespace}")


async def test_a_more_specific_rule_of_the_users_route_keeps_its_requests(control_plane, namespace, two_rules):
    traffic = Traffic(two_rules, USERS)
    routing = {"httpRoute": {"name": "ranker", "rule": "main"}}
    async with walker_for(control_plane, namespace, routing=routing) as walker:
        await walker.walk_to(Open(everything_to_challenger(split(walker, 50))))
        assert await traffic.ask_each(["anna"]) == {"anna": "v8"}
        traffic.headers = {"x-beta": "1"}
        assert await traffic.ask_each(["anna"]) == {"anna": ""}


@pytest.mark.usefixtures("url")
async def test_what_somebody_adds_to_the_own_route_is_taken_away_and_a_lost_owner_is_restored(control_plane, namespace):
    async with walker_for(control_plane, namespace) as walker:
        goal = Open(split(walker, 50))
        await walker.walk_to(goal)
        own = control_plane.api.get(route_manifest(namespace, {}, name="ranker-mexp"))
        path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/httproutes/ranker-mexp"
        extra = {
            "type": "ResponseHeaderModifier",
            "responseHeaderModifier": {"set": [{"name": "x-evil", "value": "1"}]},
        }
        edit = [
            {"op": "add", "path": "/spec/rules/0/filters", "value": [extra]},
            {"op": "remove", "path": "/metadata/ownerReferences"},
        ]
        control_plane.api.call("PATCH", path, edit, content="application/json-patch+json")
        await walker.read()
        await walker.router.apply(walker.experiment, goal)
        healed = control_plane.api.get(own)
    assert healed["spec"] == own["spec"]
    assert healed["metadata"]["ownerReferences"] == own["metadata"]["ownerReferences"]
