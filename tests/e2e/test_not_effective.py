"""A gateway that accepts a split and does another: its requests give it away, and the champion serves again."""

import time

import pytest
import requests

from control_plane.ports import free_port
from control_plane.process import wait_until
from demo.operator_process import start_controller
from given.experiments import install_definition
from given.shoppers import Shoppers
from given.stages import phase_is, ready, staged
from given.traffic import Traffic
from routing.virtual_services import NETWORKING, champion, delegating, gateway, user_virtual_service


def is_served(url):
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:  # the proxy does not listen there yet
        return False


@pytest.fixture
def url(control_plane, istio, namespace, model_server):
    """Below a Gateway in the experiment's namespace, whose pods are elsewhere: no EnvoyFilter of ours reaches them."""
    assert istio.url, "Istio has brought its definitions"
    for name in ("ranker-v7", "ranker-v8"):
        model_server(name)
        control_plane.create_service_entry(namespace, name)
    port = free_port()
    edge = gateway("edge", namespace, **istio.labels)
    edge["spec"]["servers"] = [
        {"bind": "127.0.0.1", "port": {"number": port, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
    ]
    control_plane.api.create({"apiVersion": NETWORKING, **edge})
    match = [{"uri": {"prefix": f"/{namespace}"}}]
    users = user_virtual_service(
        delegating(namespace, match=match), champion(match=match), namespace=namespace, gateways=["edge"]
    )
    control_plane.api.create(users)
    found = f"http://127.0.0.1:{port}/{namespace}"
    wait_until(lambda: is_served(found), "the champion serves")
    yield found
    control_plane.api.delete(users)


def test_a_split_by_chance_is_noticed_by_its_requests_and_given_back(control_plane, istio, namespace, url, tmp_path):
    install_definition(control_plane)
    with staged(control_plane, namespace, (None, None), tmp_path, istio=istio) as stage:
        stage.controller.process.stop()
        trusting = start_controller(control_plane, tmp_path / "trusting", istio_settle_seconds=2)
        try:
            stage.apply(routing={"virtualService": {"name": "ranker"}})
            traffic = Traffic(url, [f"user-{number}" for number in range(6000)])
            shoppers = Shoppers(traffic, stage.collector.outcomes, f"{namespace}/ranker", {"v7": 0.2, "v8": 0.2})
            with shoppers:
                status = stage.wait_for(phase_is("Concluded"), seconds=90)
                ended = time.time()
                time.sleep(1)
        finally:
            trusting.process.stop()
    assert (status["decision"]["verdict"], status["decision"]["reason"]) == ("Invalid", "RouteNotEffective")
    assert "each user must meet the variant that x-user-id says, found users of others" in status["decision"]["message"]
    assert ready(status) == ("False", "RouteNotEffective")
    assert shoppers.last_answer_by("v8") < ended
    assert not traffic.errors
