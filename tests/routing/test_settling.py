"""When an own route of the Gateway API counts as settled: the gateway's word, and time for its proxies to follow."""

import pytest

from given.deciding import experiment
from given.experiments import shared_route_manifest
from model_experiment.assignment import Assignment, Share
from model_experiment.controller.cache import Cache
from model_experiment.decision.route import Obstacle, Open, Parked
from model_experiment.objects import BACKEND_TRAFFIC_POLICY, HTTP_ROUTE
from model_experiment.routing.gateway_api import GatewayApiRouter
from model_experiment.routing.own_http_route import policy_spec, render_spec
from model_experiment.routing.ownership import owned
from model_experiment.routing.shared_http_route import SharedHTTPRoute
from routing.manifests import GATEWAY, condition, parent, user_route

SPLIT = Assignment(101, (Share("v8", 50), Share("v7", 51)))


def stored(kind, spec, *, uid="own", generation=1, **status):
    metadata = {**owned(experiment()), "uid": uid, "generation": generation, "resourceVersion": str(generation)}
    return {"kind": kind.name, "metadata": metadata, "spec": spec, "status": status}


class World:
    """A router that sees what it is shown, and a clock that is set."""

    def __init__(self):
        self.cache, self.now, self.generation = Cache(()), 0.0, 0
        self.router = GatewayApiRouter(
            None, self.cache, urgent=None, settle_seconds=2, warm_seconds=20, drain_seconds=1, clock=lambda: self.now
        )
        policy = policy_spec(experiment())
        accepted = {"ancestors": [parent(condition())]}
        self.cache.prime(BACKEND_TRAFFIC_POLICY, [stored(BACKEND_TRAFFIC_POLICY, policy, uid="policy", **accepted)])

    def show(self, step, *, heard=True, refs=(GATEWAY,)):
        """The own route as it was written, and as its gateway has heard of it; ``refs`` are the parents it names."""
        self.generation += 1
        route = user_route(spec={"parentRefs": [*refs]})
        spec = render_spec(experiment(), route, route["spec"]["rules"][0], step)
        said = [condition(generation=self.generation if heard else 0)]
        self.cache.prime(HTTP_ROUTE, [stored(HTTP_ROUTE, spec, generation=self.generation, parents=[parent(*said)])])

    def problem(self, at):
        self.now = at
        return self.router.read(experiment()).own.problem

    def settled(self, at):
        self.now = at
        return self.router.read(experiment()).own.settled


@pytest.fixture
def world():
    return World()


def test_a_route_that_was_just_made_settles_once_its_clusters_are_surely_known(world):
    world.show(Parked(SPLIT))
    assert [world.settled(at) for at in (0, 2, 19, 20)] == [False, False, False, True]


def test_the_time_begins_with_the_gateways_word(world):
    world.show(Parked(SPLIT), heard=False)
    assert not world.settled(100)
    world.show(Parked(SPLIT))
    assert [world.settled(at) for at in (101, 120, 121)] == [False, False, True]


def test_a_later_step_settles_as_soon_as_proxies_have_followed(world):
    world.show(Parked(SPLIT))
    assert [world.settled(at) for at in (0, 20)] == [False, True]
    world.show(Open(SPLIT))
    assert [world.settled(at) for at in (21, 22, 23)] == [False, False, True]
    world.show(Parked(SPLIT))
    assert [world.settled(at) for at in (30, 31, 32)] == [False, False, True]


def test_an_open_route_that_a_new_process_finds_does_not_wait_for_what_it_knows(world):
    world.show(Open(SPLIT))
    assert [world.settled(at) for at in (0, 2)] == [False, True]


def silent(who, *, route="ranker-mexp"):
    return Obstacle("GatewaySilent", f"{who} must answer for HTTPRoute {route}, found no word for 60 s")


def test_a_parent_that_is_silent_for_a_minute_is_named(world):
    world.show(Parked(SPLIT), refs=[GATEWAY, {"name": "gone", "namespace": "edge", "sectionName": "https"}])
    assert [world.problem(at) for at in (0, 59, 60)] == [None, None, silent("Gateway edge/gone, section https")]


def test_everybody_who_is_silent_is_named_and_each_write_is_waited_for_anew(world):
    world.show(Parked(SPLIT), heard=False, refs=[GATEWAY, {"name": "other"}])
    assert [world.problem(at) for at in (0, 60)] == [None, silent("Gateway shop/edge, Gateway shop/other")]
    world.show(Open(SPLIT), heard=False)
    assert [world.problem(at) for at in (61, 120, 121)] == [None, None, silent("Gateway shop/edge")]
    world.show(Open(SPLIT))
    assert world.problem(122) is None


def test_a_policy_that_nobody_speaks_of_is_named(world):
    world.show(Parked(SPLIT))
    edited = stored(BACKEND_TRAFFIC_POLICY, policy_spec(experiment()), uid="policy", generation=2)
    world.cache.prime(BACKEND_TRAFFIC_POLICY, [edited])
    assert [world.problem(at) for at in (0, 60)] == [None, silent("the gateway of BackendTrafficPolicy ranker-mexp")]


def test_what_the_gateway_said_of_an_earlier_route_is_no_problem_of_this_one(world):
    world.show(Parked(SPLIT), heard=False)
    route = world.cache.get(HTTP_ROUTE, "shop", "ranker-mexp")
    route["status"]["parents"][0]["conditions"][0]["status"] = "False"
    assert world.problem(0) is None


def test_of_a_shared_route_too_it_is_told_who_is_silent():
    world, route = World(), shared_route_manifest("shop", GATEWAY)
    route["metadata"] |= {"uid": "route", "generation": 1}
    shared = SharedHTTPRoute(Cache(()), clock=lambda: world.now, settle_seconds=0, warm_seconds=0)
    for world.now, problem in ((0, None), (59, None), (60, silent("Gateway shop/edge", route="ranker"))):
        assert shared.says(experiment(), route) == (False, problem)
