"""What each provider can do, and what is said where it cannot."""

import pytest

from given.deciding import experiment
from model_experiment.api.words import By
from model_experiment.decision.route import Obstacle
from model_experiment.routing.capabilities import (
    ENVOY_GATEWAY,
    ISTIO_GATEWAY,
    ISTIO_MESH,
    can_assign,
    capabilities_of,
    is_new_envoy_gateway,
)
from model_experiment.routing.user_http_route import find_obstacle
from routing.manifests import condition, parent, user_route

LINKERD, ISTIO = "linkerd.io/policy-controller", "istio.io/gateway-controller"
BY_SUFFIX = {"by": "HexadecimalSuffix"}


def found(controller, *, is_new=True, **changes):
    route = user_route(parents=[parent(condition(), controller=controller)])
    return find_obstacle(experiment(**changes), route, policies=[], is_new_envoy_gateway=is_new)


WAYS = "where spec.assignment.by can be PositionHeader, HexadecimalSuffix, DecimalSuffix"
HASHES = "assignment.by Hash needs a gateway that splits by a hash of the user"
REFUSED = [
    pytest.param(ISTIO, {}, f"{HASHES}, found Istio's HTTPRoute, {WAYS}", id="one whose log reaches the collector"),
    pytest.param(
        LINKERD,
        {},
        f"{HASHES}, found Linkerd, {WAYS}; its access log does not reach the collector, so nothing is counted",
        id="one whose log does not",
    ),
    pytest.param(
        "example.org/gateway",
        {},
        f"{HASHES}, found example.org/gateway, which is not known to do either",
        id="a stranger",
    ),
    pytest.param(
        "example.org/gateway",
        {"assignment": BY_SUFFIX},
        "assignment.by HexadecimalSuffix needs a gateway that matches headers by regular expressions, found"
        " example.org/gateway, which is not known to do either",
        id="a stranger, asked for less",
    ),
]


@pytest.mark.parametrize(("controller", "changes", "message"), REFUSED)
def test_a_gateway_that_cannot_is_refused_with_what_works_there(controller, changes, message):
    assert found(controller, **changes) == Obstacle("GatewayNotSupported", message)


@pytest.mark.parametrize("controller", [ENVOY_GATEWAY, ISTIO, LINKERD])
def test_a_gateway_that_matches_expressions_takes_positions(controller):
    assert found(controller, assignment=BY_SUFFIX) is None


def test_an_older_envoy_gateway_would_split_at_random_and_takes_positions_alone():
    message = f"{HASHES}, found Envoy Gateway before 1.9, {WAYS}"
    assert found(ENVOY_GATEWAY, is_new=False) == Obstacle("GatewayNotSupported", message)
    assert found(ENVOY_GATEWAY, is_new=False, assignment=BY_SUFFIX) is None


@pytest.mark.parametrize(
    ("capabilities", "hashes", "mirrors"),
    [
        pytest.param(capabilities_of(ENVOY_GATEWAY), True, True, id="Envoy Gateway"),
        pytest.param(ISTIO_GATEWAY, True, True, id="a VirtualService at a gateway"),
        pytest.param(ISTIO_MESH, False, True, id="a VirtualService in the mesh"),
        pytest.param(capabilities_of("istio.io/mesh-controller"), False, False, id="an HTTPRoute in Istio's mesh"),
        pytest.param(capabilities_of(LINKERD), False, False, id="Linkerd refuses to mirror"),
        pytest.param(capabilities_of("example.org/gateway"), False, False, id="a stranger"),
    ],
)
def test_a_provider_hashes_and_mirrors_only_where_it_is_known_to(capabilities, hashes, mirrors):
    assert (can_assign(capabilities, By.HASH), capabilities.mirrors) == (hashes, mirrors)


def definition(*path):
    schema = {"type": "object"}
    for field in reversed(("spec", *path)):
        schema = {"type": "object", "properties": {field: schema}}
    return {
        "metadata": {"name": "backendtrafficpolicies.gateway.envoyproxy.io"},
        "spec": {"versions": [{"name": "v1alpha1", "schema": {"openAPIV3Schema": schema}}]},
    }


DEFINITIONS = [
    pytest.param([definition("loadBalancer", "backendUtilization", "outOfBand")], True, id="1.9"),
    pytest.param([definition("loadBalancer", "backendUtilization")], False, id="1.8"),
    pytest.param([definition("loadBalancer")], False, id="older"),
    pytest.param([{"metadata": {"name": "others.example.org"}, "spec": {"versions": []}}], False, id="none of its own"),
]


@pytest.mark.parametrize(("definitions", "is_new"), DEFINITIONS)
def test_the_version_of_envoy_gateway_is_told_by_a_field_of_its_definitions(definitions, is_new):
    assert is_new_envoy_gateway(definitions) is is_new
