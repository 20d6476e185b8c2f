"""When an own route of the Gateway API counts as settled: the gateway's word, and time for its proxies to follow."""

import pytest

from given.deciding import experiment
from model_experiment.assignment import Assignment, Share
from model_experiment.controller.cache import Cache
from model_experiment.decision.route import Open, Parked
from model_experiment.objects import BACKEND_TRAFFIC_POLICY, HTTP_ROUTE
from model_experiment.routing.gateway_api import GatewayApiRouter
from model_experiment.routing.own_http_route import policy_spec, render_spec
from model_experiment.routing.ownership import owned
from routing.manifests import condition, parent, user_route

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

    def show(self, step, *, heard=True):
        """The own route as it was written, and as its gateway has heard of it."""
        self.generation += 1
        route = user_route()
        spec = render_spec(experiment(), route, route["spec"]["rules"][0], step)
        said = [condition(generation=self.generation if heard else 0)]
        self.cache.prime(HTTP_ROUTE, [stored(HTTP_ROUTE, spec, generation=self.generation, parents=[parent(*said)])])

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
