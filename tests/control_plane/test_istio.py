"""Istio beside Envoy Gateway: an experiment in a delegate VirtualService, on a real istiod and its Envoy."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from control_plane.istio import NAMESPACE, host
from control_plane.plane import with_istio
from control_plane.process import wait_until
from given.experiments import route_manifest
from given.traffic import Traffic
from model_experiment.assignment import Assignment, Share, assign

USERS = [f"user-{number}" for number in range(2_000)]
ASSIGNMENT = assign(modulus=100_003, champion="v7", challengers={"v8": 10})
EVERYBODY = Assignment(100_003, (Share("v8", 100_003), Share("v7", 0)))
VIRTUAL_SERVICE = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService"}


def _destination(namespace, variant):
    return {"destination": {"host": host(namespace, f"ranker-{variant}"), "port": {"number": 8000}}}


def _user_route(istio, namespace):
    """The model's own route: an experiment's rule, if there is one, before the champion's."""
    match = [{"uri": {"prefix": f"/{namespace}"}}]
    delegate = {"name": "ranker-experiment", "namespace": namespace}
    rules = [
        {"name": namespace, "match": match, "delegate": delegate},
        {"name": "champion", "match": match, "route": [_destination(namespace, "v7")]},
    ]
    metadata = {"name": "ranker", "namespace": namespace}
    spec = {"hosts": ["*"], "gateways": [istio.gateway], "http": rules}
    return {**VIRTUAL_SERVICE, "metadata": metadata, "spec": spec}


def _delegate(namespace, assignment: Assignment):
    """The experiment's own route for those who say who they are."""
    weighted = [
        {
            **_destination(namespace, share.variant),
            "weight": share.weight,
            "headers": {"response": {"set": {"x-variant": share.variant}}},
        }
        for share in assignment.shares
    ]
    match = [{"headers": {"x-user-id": {"regex": ".+"}}}]
    spec = {"http": [{"name": "experiment", "match": match, "route": weighted}]}
    return {**VIRTUAL_SERVICE, "metadata": {"name": "ranker-experiment", "namespace": namespace}, "spec": spec}


def _hash_policy(istio, namespace):
    """Lets Envoy choose by the user; a route of a delegate is named by both rules."""
    route = {"name": f"{namespace}-experiment"}
    by_user = {
        "hash_policy": [{"header": {"header_name": "x-user-id"}}],
        "weighted_clusters": {"use_hash_policy": True},
    }
    patch = {
        "applyTo": "HTTP_ROUTE",
        "match": {"context": "GATEWAY", "routeConfiguration": {"vhost": {"route": route}}},
        "patch": {"operation": "MERGE", "value": {"route": by_user}},
    }
    spec = {"workloadSelector": {"labels": istio.labels}, "configPatches": [patch]}
    metadata = {"name": namespace, "namespace": NAMESPACE}
    return {"apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter", "metadata": metadata, "spec": spec}


def _ask(istio, namespace, user="ada"):
    return requests.get(f"{istio.url}/{namespace}", headers={"x-user-id": user} if user else {}, timeout=5)


def _routes(istio):
    """What istiod says of the routes: which edition it sent, which one Envoy has taken, and why not the other."""
    (proxy,) = requests.get(f"{istio.istiod_url}/debug/syncz", timeout=5).json()
    return proxy["resources"]["type.googleapis.com/envoy.config.route.v3.RouteConfiguration"]


def _is_taken(routes):
    return routes["sent"] == routes["acked"] and not routes.get("lastError")


@pytest.fixture
def servers(control_plane, istio, namespace, model_server):
    """Two model servers that Istio can reach, the champion on the model's own route."""
    started = {}
    for variant in ("v7", "v8"):
        started[variant] = model_server(f"ranker-{variant}")
        control_plane.create_service_entry(namespace, f"ranker-{variant}")
    control_plane.api.create(_user_route(istio, namespace))
    wait_until(lambda: _ask(istio, namespace).ok, "the champion serves")
    return started


@pytest.fixture
def split(control_plane, istio, namespace, servers):
    """An experiment that runs; the policy comes before what it is for, and goes after it."""
    policy, delegate = _hash_policy(istio, namespace), _delegate(namespace, ASSIGNMENT)
    with ExitStack() as stack:
        for manifest in (policy, delegate):
            control_plane.api.create(manifest)
            stack.callback(control_plane.api.delete, manifest)
        wait_until(lambda: "x-variant" in _ask(istio, namespace).headers, "the experiment serves")
        for server in servers.values():
            server.requests.clear()
        yield delegate


@pytest.mark.usefixtures("split")
def test_each_user_meets_the_predicted_variant(istio, namespace, servers):
    traffic = Traffic(f"{istio.url}/{namespace}", USERS)
    seen = asyncio.run(traffic.ask_each(USERS))
    predicted = {user: ASSIGNMENT.variant(user) for user in USERS}
    assert seen == predicted
    assert traffic.errors == {}
    for variant, server in servers.items():
        met = sorted(request["x-user-id"] for request in server.requests)
        assert met == sorted(user for user in USERS if predicted[user] == variant)


@pytest.mark.usefixtures("split")
def test_who_says_no_name_meets_the_champion(istio, namespace):
    answer = _ask(istio, namespace, user="")
    assert (answer.json()["model"], answer.headers.get("x-variant")) == ("ranker-v7", None)


def test_without_the_delegate_the_champion_serves_everybody(control_plane, istio, namespace, split):
    control_plane.api.delete(split)
    wait_until(lambda: "x-variant" not in _ask(istio, namespace).headers, "the experiment is gone")
    answers = [_ask(istio, namespace, user) for user in USERS[:50]]
    assert {(answer.status_code, answer.json()["model"]) for answer in answers} == {(200, "ranker-v7")}


@pytest.mark.usefixtures("split")
def test_istiod_says_that_envoy_has_taken_a_change(control_plane, istio, namespace):
    before = _routes(istio)["sent"]
    assert ASSIGNMENT.variant("ada") == "v7"
    control_plane.api.apply(_delegate(namespace, EVERYBODY))
    wait_until(lambda: _ask(istio, namespace, "ada").headers["x-variant"] == "v8", "everybody meets the challenger")
    wait_until(lambda: _is_taken(_routes(istio)), "Envoy has what was sent")
    assert _routes(istio)["sent"] != before


def test_istiod_says_why_envoy_refuses_a_change(control_plane, istio, namespace, split):
    alone = _delegate(namespace, EVERYBODY)
    del alone["spec"]["http"][0]["route"][1]  # what the hash policy patches is no weighted cluster any more
    control_plane.api.apply(alone)
    wait_until(lambda: "lastError" in _routes(istio), "Envoy has refused")
    assert not _is_taken(_routes(istio))
    control_plane.api.apply(split)
    wait_until(lambda: _is_taken(_routes(istio)), "Envoy has what was sent")


@pytest.mark.usefixtures("split")
def test_a_collector_that_listens_hears_of_each_request(istio, namespace, listen):
    heard, route = listen(istio.access_log), f"{namespace}-experiment"
    wait_until(lambda: _ask(istio, namespace).ok and _of(route, heard), "an entry has arrived")
    entry, variant = _of(route, heard)[-1], ASSIGNMENT.variant("ada")
    assert entry.common_properties.upstream_cluster == f"outbound|8000||{host(namespace, f'ranker-{variant}')}"
    assert dict(entry.request.request_headers) == {"x-user-id": "ada"}
    assert dict(entry.response.response_headers) == {"x-variant": variant}


def _of(route, entries):
    """The entries of one route: Envoy may have kept some of other tests."""
    return [entry for entry in entries if entry.common_properties.route_name == route]


def test_envoy_serves_while_istiod_is_away_and_takes_the_change_when_it_is_back(control_plane, istio, namespace, split):
    istio.istiod.stop()
    control_plane.api.delete(split)
    assert _ask(istio, namespace).headers["x-variant"] == ASSIGNMENT.variant("ada")
    istio.istiod.start()
    istio.istiod.wait_ready()
    wait_until(lambda: "x-variant" not in _ask(istio, namespace).headers, "the experiment is gone")


@pytest.mark.usefixtures("servers", "istio")
def test_the_two_gateways_leave_each_other_alone(control_plane, namespace):
    path = f"/{namespace}/by-envoy-gateway"
    route = control_plane.api.create(route_manifest(namespace, control_plane.gateway_ref, path=path, name="own"))
    wait_until(lambda: "status" in control_plane.api.get(route), "Envoy Gateway has seen its route")
    parents = control_plane.api.get(route)["status"]["parents"]
    assert [parent["controllerName"] for parent in parents] == ["gateway.envoyproxy.io/gatewayclass-controller"]
    classes = control_plane.api.call("GET", "/apis/gateway.networking.k8s.io/v1/gatewayclasses")["items"]
    assert [found["metadata"]["name"] for found in classes] == ["envoy"]
    assert requests.get(f"{control_plane.gateway}/{namespace}", timeout=5).status_code == 404


@pytest.mark.usefixtures("servers")
def test_another_istio_runs_beside_the_first_and_ends_with_its_block(control_plane, istio, namespace):
    with with_istio(control_plane, name="another") as another:
        assert requests.get(f"{another.url}/{namespace}", timeout=5).status_code == 404, "its gateway has no route"
        pids = [another.istiod.pid, another.envoy.pid]
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert _ask(istio, namespace).ok
