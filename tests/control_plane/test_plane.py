"""The whole control plane: real requests through the real gateway, real scrapes, real permissions."""

import pytest
import requests
from control_plane.api import connected
from control_plane.process import answers, wait_until


def _route(namespace, plane, server):
    rule = {"backendRefs": [server.backend]}
    spec = {"parentRefs": [plane.gateway_ref], "hostnames": [f"{namespace}.test"], "rules": [rule]}
    metadata = {"name": "ranker", "namespace": namespace}
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": metadata, "spec": spec}


def _answer(plane, namespace):
    return requests.get(plane.gateway, headers={"Host": f"{namespace}.test"}, timeout=5)


def test_a_request_through_the_gateway_reaches_the_model_server_of_a_route(control_plane, namespace, model_server):
    server = model_server("ranker-v7")
    control_plane.api.create(_route(namespace, control_plane, server))
    wait_until(lambda: _answer(control_plane, namespace).ok, "the route is served")
    assert _answer(control_plane, namespace).json()["model"] == "ranker-v7"
