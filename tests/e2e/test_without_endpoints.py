"""A challenger that nobody serves, with a whole operator: its users are the only ones who notice, and not for long."""

import time
from contextlib import ExitStack, contextmanager

import pytest

from demo.operator_process import start_collector, start_controller
from given.experiments import install_definition, route_manifest
from given.model_servers import ModelServer, introduce, serving
from given.model_serving import HERE, NOWHERE, behind_in_mesh, half_there
from given.stages import Stage, phase_is, ready
from given.traffic import once_served
from routing.virtual_services import champion, delegating, user_virtual_service

LONG = {"looks": 7, "minimumDuration": "9m", "maximumDuration": "10m"}
SERVED = {"v7": 0.2, "v8": 0.2}


@contextmanager
def operator(plane, namespace, folder, *, gateway, access_log=None, **flags):
    """A whole operator; the models are not the stage's."""
    with ExitStack() as stack:
        collector = start_collector(plane, folder, access_log=access_log)
        stack.callback(collector.process.stop)
        controller = start_controller(plane, folder, **flags)
        stack.callback(controller.process.stop)
        yield Stage(plane, namespace, None, None, collector, controller, gateway)


@pytest.fixture
def by_service(control_plane, namespace, model_server, tmp_path):
    """A gateway that sends to the Service's own address: without endpoints a connection to it is refused."""
    install_definition(control_plane)
    model_server("ranker-v7")
    host, port = control_plane.create_service(namespace, "ranker-v8")
    control_plane.api.create(route_manifest(namespace, control_plane.gateway_ref, path=f"/{namespace}"))
    with ExitStack() as pods:
        pods.enter_context(serving(ModelServer("ranker-v8", host, port, introduce("ranker-v8"))))
        once_served(f"{control_plane.gateway}/{namespace}")
        with operator(control_plane, namespace, tmp_path, gateway=control_plane.gateway) as stage:
            yield stage, pods.close


@pytest.fixture
def on_istio(control_plane, istio, namespace, tmp_path):
    """Istio's own gateway, which sends to endpoints."""
    install_definition(control_plane)
    match = [{"uri": {"prefix": f"/{namespace}"}}]
    users = user_virtual_service(
        delegating(namespace, match=match), champion(match=match), namespace=namespace, gateways=[istio.gateway]
    )
    with (
        behind_in_mesh(control_plane, namespace, "ranker-v7"),
        behind_in_mesh(control_plane, namespace, "ranker-v8") as challenger,
        ExitStack() as stack,
    ):
        control_plane.api.create(users)
        stack.callback(control_plane.api.delete, users)
        once_served(f"{istio.url}/{namespace}")
        mesh = {"access_log": istio.access_log, "istiod_url": istio.istiod_url}
        with operator(control_plane, namespace, tmp_path, gateway=istio.url, **mesh) as stage:
            yield stage, challenger.take


@pytest.fixture
def by_endpoints(control_plane, namespace, model_server, tmp_path):
    """A gateway that sends to endpoints, which is what it does unless told otherwise."""
    install_definition(control_plane)
    half_there(control_plane, namespace, model_server("here"))
    route = route_manifest(namespace, control_plane.gateway_ref, path=f"/{namespace}", backendRefs=[HERE])
    control_plane.api.create(route)
    once_served(f"{control_plane.gateway}/{namespace}")
    with operator(control_plane, namespace, tmp_path, gateway=control_plane.gateway) as stage:
        yield stage


@pytest.mark.parametrize(
    ("where", "routing"),
    [("by_service", {"httpRoute": {"name": "ranker"}}), ("on_istio", {"virtualService": {"name": "ranker"}})],
)
@pytest.mark.usefixtures("control_plane")  # what is asked for by name alone does not make it a cluster test
def test_the_guardrail_takes_the_traffic_back_and_only_the_challengers_users_noticed(request, where, routing):
    stage, take_endpoints = request.getfixturevalue(where)
    stage.apply(routing=routing, analysis=LONG)
    with stage.shoppers(purchases=SERVED) as shoppers:
        stage.wait_for(phase_is("Running"))
        shoppers.wait_for_users(1000)
        taken = time.time()
        take_endpoints()
        status = stage.wait_for(phase_is("Concluded"))
        concluded = time.time()
        time.sleep(1)
    assert (status["decision"]["verdict"], status["decision"]["reason"]) == ("Rollback", "GuardrailBreached")
    assert "errors of v8" in status["decision"]["message"]
    refused = refused_of(shoppers)
    assert refused
    assert_nobody_else_noticed(shoppers, refused)
    print(f"{where}: {len(refused)} answers 503, the last {last(refused) - taken:.1f} s after;")  # noqa: T201
    assert last(refused) < concluded


def test_where_the_gateway_says_so_the_experiment_waits_and_no_user_notices(by_endpoints):
    champion, challenger = {"name": "v7", "backendRef": HERE}, {"name": "v8", "backendRef": NOWHERE}
    by_endpoints.apply(champion=champion, challengers=[challenger], analysis=LONG)
    with by_endpoints.shoppers(purchases=SERVED) as shoppers:
        status = by_endpoints.wait_for(lambda status: ready(status)[1] == "BackendNotReady")
        assert f"no ready endpoints for the related Service {by_endpoints.namespace}/nowhere" in message(status)
        time.sleep(3)
    assert by_endpoints.status()["phase"] == "Starting"
    assert shoppers.traffic.answers
    assert not shoppers.traffic.errors


def refused_of(shoppers):
    return [(sent, user) for sent, user, status, _ in shoppers.traffic.answers if status != 200]


def assert_nobody_else_noticed(shoppers, refused):
    """Whoever was refused had met the challenger, or nobody yet; and whoever met the champion met nobody else."""
    assert set(shoppers.traffic.errors) <= {503}
    met = {(user, by) for _, user, _, by in shoppers.traffic.answers if by}
    assert {user for _, user in refused}.isdisjoint({user for user, by in met if by == "v7"})
    assert {user for user, by in met if by == "v7"}.isdisjoint({user for user, by in met if by == "v8"})


def last(refused):
    return max((sent for sent, _ in refused), default=0.0)


def message(status):
    return next(each["message"] for each in status["conditions"] if each["type"] == "Ready")
