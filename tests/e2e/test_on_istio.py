"""A whole experiment behind Istio's own gateway, on real parts, under the traffic of real requests."""

import time
from contextlib import contextmanager

import pytest

from given.experiments import install_definition
from given.stages import phase_is, ready, staged
from given.traffic import once_served
from model_experiment.objects import ENVOY_FILTER
from routing.virtual_services import champion, delegating, destination, user_virtual_service

ON_ISTIO = {"routing": {"virtualService": {"name": "ranker"}}}


@pytest.fixture
def stage(control_plane, istio, namespace, model_server, tmp_path):
    with staged_on_istio(control_plane, istio, namespace, model_server, tmp_path) as stage:
        yield stage


@contextmanager
def staged_on_istio(control_plane, istio, namespace, model_server, tmp_path, **settings):
    install_definition(control_plane)
    servers = [model_server(f"ranker-{variant}") for variant in ("v7", "v8")]
    for server in servers:
        control_plane.create_service_entry(namespace, server.name)
    users = user_route(istio, namespace)
    control_plane.api.create(users)
    once_served(f"{istio.url}/{namespace}")
    with staged(control_plane, namespace, servers, tmp_path, istio=istio, **settings) as stage:
        yield stage
    control_plane.api.delete(users)


def user_route(istio, namespace, service="ranker-v7"):
    """The user's own, below a path of the test's own."""
    match = [{"uri": {"prefix": f"/{namespace}"}}]
    rules = [delegating(namespace, match=match), champion(match=match, route=[destination(service)])]
    return user_virtual_service(*rules, namespace=namespace, gateways=[istio.gateway])


def test_a_better_challenger_is_promoted_and_nothing_is_left_when_the_user_adopts_it(stage, istio):
    stage.apply(**ON_ISTIO)
    with stage.shoppers(purchases={"v7": 0.20, "v8": 0.30}) as shoppers:
        status = stage.wait_for(phase_is("Promoted", "Concluded"), seconds=120)
        assert ready(status) == ("True", "Promoted")
        assert "VirtualService ranker at ranker-v8 instead of ranker-v7" in status["decision"]["actions"][0]
        promoted = time.time()
        time.sleep(2)
        stage.plane.api.apply(user_route(istio, stage.namespace, "ranker-v8"))
        status = stage.wait_for(phase_is("Concluded"))
        time.sleep(1)
    assert not stage.experiment()["metadata"].get("finalizers")
    assert shoppers.last_answer_by("v7") < promoted
    assert not shoppers.traffic.errors
    assert stage.plane.api.get(user_virtual_service(name="ranker-mexp", namespace=stage.namespace)) is None
    filters = stage.plane.api.call("GET", ENVOY_FILTER.path(namespace=None))["items"]
    assert [each for each in filters if each["metadata"]["name"].startswith(stage.namespace)] == []
