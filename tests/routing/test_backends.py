"""What a route names for each kind of backend, and which backends it cannot be split by."""

import pytest

from given.deciding import experiment
from given.model_serving import inference_service
from model_experiment.api.variants import BackendRef
from model_experiment.controller.cache import Cache
from model_experiment.decision.route import Obstacle
from model_experiment.objects import INFERENCE_SERVICE
from model_experiment.routing.backends import find_unserved, routed, served
from model_experiment.routing.seen_http_route import variant_of
from model_experiment.routing.user_http_route import adopted, find_obstacle
from model_experiment.routing.user_virtual_service import adopted as adopted_on_istio
from model_experiment.routing.user_virtual_service import find_obstacle as find_obstacle_on_istio
from routing.manifests import V7, user_route
from routing.virtual_services import champion, delegating, gateway, user_virtual_service

KSERVE = {"group": "serving.kserve.io", "kind": "InferenceService"}
POOL = {"group": "inference.networking.k8s.io", "kind": "InferencePool"}


def view_of(*inference_services):
    cache = Cache(())
    for number, manifest in enumerate(inference_services):
        identity = {"uid": str(number), "resourceVersion": "1"}
        cache.prime(INFERENCE_SERVICE, [{**manifest, "metadata": {**manifest["metadata"], **identity}}])
    return cache


def split_between(v7, v8, **changes):
    challengers = [{"name": "v8", "backendRef": v8}]
    return experiment(champion={"name": "v7", "backendRef": v7}, challengers=challengers, **changes)


BOTH = split_between({**KSERVE, "name": "ranker-v7"}, {**KSERVE, "name": "ranker-v8"})
READY = view_of(inference_service("ranker-v7"), inference_service("ranker-v8"))


ROUTED = [
    pytest.param({"name": "ranker-v8", "port": 8000}, [], ("Service", "ranker-v8", 8000), id="a Service as it is"),
    pytest.param({**POOL, "name": "ranker-v8"}, [], ("InferencePool", "ranker-v8", None), id="a pool as it is"),
    pytest.param(
        {**KSERVE, "name": "ranker-v8"},
        [inference_service("ranker-v8")],
        ("Service", "ranker-v8-predictor", 80),
        id="an InferenceService by its predictor",
    ),
    pytest.param(
        {**KSERVE, "name": "ranker-v8"},
        [inference_service("ranker-v8", transformer={"containers": []})],
        ("Service", "ranker-v8-transformer", 80),
        id="one with a transformer by that, which asks the predictor",
    ),
    pytest.param(
        {**KSERVE, "name": "ranker-v8", "port": 8033},
        [inference_service("ranker-v8")],
        ("Service", "ranker-v8-predictor", 8033),
        id="another port where the spec names one",
    ),
    pytest.param(
        {**KSERVE, "name": "ranker-v8"},
        [],
        ("Service", "ranker-v8-predictor", 80),
        id="one that is gone still has the usual name, so that its route can be parked",
    ),
]


@pytest.mark.parametrize(("backend", "found", "expected"), ROUTED)
def test_a_route_names(backend, found, expected):
    (_, v8) = served(split_between(V7, backend), view_of(*found)).spec.variants
    assert (v8.backend_ref.kind, v8.backend_ref.name, v8.backend_ref.port) == expected


@pytest.mark.parametrize("service", ["ranker-v8-predictor", "ranker-v8-transformer"])
def test_what_stands_is_recognised_without_the_inference_service(service):
    assert variant_of({"name": service, "port": 80}, BOTH) == "v8"


def test_a_service_of_that_name_at_another_port_is_a_stranger():
    assert variant_of({"name": "ranker-v8-predictor", "port": 8080}, BOTH) == "unknown:ranker-v8-predictor"


def test_a_service_that_only_begins_alike_is_not_an_inference_services():
    assert routed(BackendRef(name="ranker-v8-predictor", port=80)) == (BackendRef(name="ranker-v8-predictor", port=80),)


def test_two_ready_inference_services_are_in_nobodys_way():
    assert find_unserved(BOTH, READY) is None
    route = user_route(backendRefs=[{"name": "ranker-v7-predictor", "port": 80}])
    assert find_obstacle(served(BOTH, READY), route, policies=()) is None
    assert not adopted(BOTH, route)
    assert adopted(BOTH, user_route(backendRefs=[{"name": "ranker-v8-predictor", "port": 80}])) == "v8"


def test_two_ready_inference_services_are_in_nobodys_way_on_istio():
    def route(service):
        entry = {"destination": {"host": service, "port": {"number": 80}}}
        return user_virtual_service(delegating(), champion(route=[entry]))

    subject = served(
        split_between(
            {**KSERVE, "name": "ranker-v7"},
            {**KSERVE, "name": "ranker-v8"},
            routing={"virtualService": {"name": "ranker"}},
        ),
        READY,
    )
    assert find_obstacle_on_istio(subject, route("ranker-v7-predictor"), gateways=[gateway()]) is None
    assert adopted_on_istio(subject, route("ranker-v8-predictor")) == "v8"


UNSERVED = [
    pytest.param(
        [],
        "BackendNotFound",
        "InferenceService ranker-v8 must exist in namespace shop, found none",
        id="it does not exist",
    ),
    pytest.param(
        [inference_service("ranker-v8", status={})],
        "BackendNotReady",
        "InferenceService ranker-v8 must be ready, found: no status yet",
        id="KServe has not seen it yet",
    ),
    pytest.param(
        [inference_service("ranker-v8", ready="False", reason="PredictorNotReady", message="0 of 1 pods are there")],
        "BackendNotReady",
        "InferenceService ranker-v8 must be ready, found: PredictorNotReady: 0 of 1 pods are there",
        id="KServe says why it is not ready",
    ),
    pytest.param(
        [inference_service("ranker-v8", ready="Unknown")],
        "BackendNotReady",
        "InferenceService ranker-v8 must be ready, found: no reason",
        id="KServe says no reason",
    ),
    pytest.param(
        [inference_service("ranker-v8", mode="Knative")],
        "BackendNotSupported",
        "InferenceService ranker-v8 must run in Standard mode (annotation serving.kserve.io/deploymentMode), because in"
        " any other no Service of its own leads to its pods alone; found Knative",
        id="its Service only points at Knative's gateway",
    ),
    pytest.param(
        [inference_service("ranker-v8", url="http://ranker-v8-v9-predictor.shop.svc.cluster.local")],
        "BackendNotSupported",
        "InferenceService ranker-v8 must answer at its Service ranker-v8-predictor, found the address"
        " http://ranker-v8-v9-predictor.shop.svc.cluster.local; name the Service that it has as the backend instead",
        id="its predictor has a name of its own",
    ),
]


@pytest.mark.parametrize(("found", "reason", "message"), UNSERVED)
def test_an_inference_service_that_cannot_be_routed_to_is_refused_and_says_why(found, reason, message):
    view = view_of(inference_service("ranker-v7"), *found)
    assert find_unserved(BOTH, view) == Obstacle(reason, message)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(inference_service("ranker-v8", mode="RawDeployment"), id="the mode has its old name"),
        pytest.param(
            inference_service("ranker-v8", url="https://ranker-v8-predictor.shop.svc.example:8080"),
            id="a headless Service, whose address has the pods' port, in a cluster with a domain of its own",
        ),
    ],
)
def test_an_inference_service_may_look_like(found):
    assert find_unserved(BOTH, view_of(inference_service("ranker-v7"), found)) is None


def test_two_pools_are_refused_because_one_picker_would_choose_for_both():
    subject = split_between({**POOL, "name": "p7"}, {**POOL, "name": "p8"})
    assert find_unserved(subject, view_of()) == Obstacle(
        "BackendNotSupported",
        "at most one variant may have an InferencePool, because a gateway may keep the endpoint picker of one alone and"
        " send users to the other model's pods; found p7, p8",
    )
    assert find_unserved(split_between(V7, {**POOL, "name": "p8"}), view_of()) is None


def test_one_service_under_two_names_is_refused():
    subject = split_between({"name": "ranker-v8-predictor", "port": 80}, {**KSERVE, "name": "ranker-v8"})
    assert find_unserved(subject, READY) == Obstacle(
        "BackendNotSupported", "each variant must have a backend of its own, found ranker-v8-predictor twice"
    )
