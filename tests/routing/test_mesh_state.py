"""What a gateway's proxy has of the delegate: as written, taken, refused, or something else."""

from dataclasses import replace

import pytest

from given.deciding import experiment
from model_experiment.assignment import Assignment, Share
from model_experiment.decision.route import Obstacle, Open, Parked
from model_experiment.routing.istiod import Istiod
from model_experiment.routing.mesh_state import Proxy, is_own_route, mesh_says, selected
from model_experiment.routing.own_virtual_service import render_delegate
from routing.virtual_services import champion

SPLIT = Assignment(101, (Share("v8", 50), Share("v7", 51)))
NAME = "experiment-virtualservice/shop/ranker-mexp"


def own(step, **changes):
    (rule,) = render_delegate(experiment(), champion(), step)["http"]
    return {"spec": {"http": [{**rule, **changes}]}}


OPEN, PARKED = own(Open(SPLIT)), own(Parked(SPLIT))


def cluster(variant, weight, domain="cluster.local"):
    return {"name": f"outbound|8000||ranker-{variant}.shop.svc.{domain}", "weight": weight}


def route(*clusters, value=".+", name=NAME, hashed=True, header="x-user-id"):
    """The Envoy route that istiod makes of a delegate."""
    weighted = {"clusters": list(clusters) or [cluster("v8", 50), cluster("v7", 51)]}
    asked = {"name": "x-user-id", "stringMatch": {"safeRegex": {"regex": value}}}
    policy = {"hashPolicy": [{"header": {"headerName": header}}]} if hashed else {}
    action = {"weightedClusters": {**weighted, **({"useHashPolicy": True} if hashed else {})}, **policy}
    return {"name": name, "match": {"prefix": "/", "headers": [asked]}, "route": action}


def proxy(*routes, **changes):
    given = Proxy("edge.gateways", {"istio": "edge"}, routes or (route(),), confirmed=True, acknowledged=True)
    return replace(given, **changes)


BARE = proxy(routes=())
DONE, NOT_YET = (True, None), (False, None)
REFUSED = (
    True,
    Obstacle("RouteRefused", "edge.gateways must take its routes, found that it keeps the old ones: no"),
)
SAYINGS = [
    pytest.param(OPEN, proxy(), DONE, id="taken"),
    pytest.param(OPEN, proxy(route(name=NAME.removeprefix("experiment-"))), DONE, id="the root rule has no name"),
    pytest.param(OPEN, proxy(route(), route()), DONE, id="a route for each match of the root"),
    pytest.param(OPEN, proxy(route(name="x-virtualservice/shop/other-mexp"), route()), DONE, id="another experiment"),
    pytest.param(OPEN, proxy(confirmed=False), NOT_YET, id="seen for the first time: what was acknowledged is older"),
    pytest.param(OPEN, proxy(acknowledged=False), NOT_YET, id="sent and not taken yet"),
    pytest.param(OPEN, proxy(acknowledged=False, refusal="no"), REFUSED, id="refused"),
    pytest.param(
        OPEN,
        proxy(route(value=r"\b\B"), acknowledged=False, refusal="no"),
        NOT_YET,
        id="the refusal is of an earlier push",
    ),
    pytest.param(
        OPEN, proxy(route(cluster("v8", 1), cluster("v7", 100))), NOT_YET, id="other weights are those before"
    ),
    pytest.param(OPEN, proxy(route(cluster("v7", 51), cluster("v8", 50))), NOT_YET, id="another order"),
    pytest.param(OPEN, proxy(route(cluster("v8", 50))), NOT_YET, id="one destination is missing"),
    pytest.param(OPEN, proxy(route(hashed=False)), NOT_YET, id="no hash yet"),
    pytest.param(OPEN, proxy(route(), route(hashed=False)), NOT_YET, id="no hash yet on one of two routes"),
    pytest.param(OPEN, proxy(route(header="x-other")), NOT_YET, id="a hash of another header"),
    pytest.param(OPEN, proxy(route(value=r"\b\B")), NOT_YET, id="still parked"),
    pytest.param(PARKED, proxy(), NOT_YET, id="still open"),
    pytest.param(PARKED, proxy(route(value=r"\b\B")), DONE, id="parked"),
    pytest.param(PARKED, BARE, NOT_YET, id="parked, and not pushed for the first time yet"),
    pytest.param(
        own(Open(Assignment(101, (Share("v8", 0), Share("v7", 101))))),
        proxy(route(cluster("v7", 101))),
        DONE,
        id="a weight of 0 is left out",
    ),
]


@pytest.mark.parametrize(("manifest", "state", "saying"), SAYINGS)
def test_a_proxy_has_processed_what_it_was_sent_as_written(manifest, state, saying):
    assert mesh_says(experiment(), manifest, [state], is_late=False) == saying


def late(fault):
    what = "edge.gateways must serve the experiment's route as written"
    return True, Obstacle("RouteNotEffective", f"{what}, found: {fault}")


LATE_SAYINGS = [
    pytest.param(OPEN, BARE, late("it has no such route"), id="Istio dropped the delegate"),
    pytest.param(PARKED, BARE, DONE, id="a parked one that was dropped takes nobody either"),
    pytest.param(
        OPEN,
        proxy(route(hashed=False)),
        late("it splits at random, not by x-user-id; the EnvoyFilter must be where the gateway's pods are"),
        id="the filter does not reach it",
    ),
    pytest.param(
        OPEN,
        proxy(route(cluster("v7", 101))),
        late("it splits [('ranker-v7.shop.svc.cluster.local', 101)]"),
        id="another split",
    ),
    pytest.param(OPEN, proxy(acknowledged=False), NOT_YET, id="a proxy that does not answer"),
    pytest.param(OPEN, proxy(), DONE, id="taken"),
]


@pytest.mark.parametrize(("manifest", "state", "saying"), LATE_SAYINGS)
def test_what_is_still_different_after_istiods_longest_wait_is_a_fault(manifest, state, saying):
    assert mesh_says(experiment(), manifest, [state], is_late=True) == saying


def test_every_proxy_must_have_it_and_each_fault_is_said_once():
    assert mesh_says(experiment(), OPEN, [proxy(), proxy(acknowledged=False)], is_late=False) == NOT_YET
    refused = proxy(refusal="no")
    assert mesh_says(experiment(), OPEN, [refused, refused], is_late=False) == REFUSED


def test_without_a_word_of_any_proxy_an_open_delegate_stays_and_a_parked_one_is_not_opened():
    unknown = Obstacle("MeshUnknown", "istiod must tell what its gateway took, found no proxy of it")
    assert mesh_says(experiment(), OPEN, [], is_late=True) == NOT_YET
    assert mesh_says(experiment(), PARKED, [], is_late=False) == NOT_YET
    assert mesh_says(experiment(), PARKED, [], is_late=True) == (True, unknown)


async def test_an_istiod_that_does_not_answer_tells_of_nobody():
    istiod = Istiod("http://127.0.0.1:1", timeout_seconds=1)
    await istiod.refresh()
    assert istiod.proxies() is None


def test_a_gateway_means_the_proxies_that_have_all_its_labels():
    inner = proxy(labels={"istio": "inner"})
    more = proxy(labels={"istio": "edge", "zone": "a"})
    assert selected([proxy(), inner, more], {"istio": "edge"}) == [proxy(), more]


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        (NAME, True),
        ("virtualservice/shop/ranker-mexp", True),
        ("virtualservice/shop/ranker", False),
        ("xvirtualservice/shop/ranker-mexp", False),
        ("champion", False),
    ],
)
def test_a_route_of_an_experiment_is_told_by_its_name(name, ours):
    assert is_own_route({"name": name}) is ours
    assert not is_own_route({})
