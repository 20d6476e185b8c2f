"""Two InferenceServices in a story with a whole operator; what KServe would write is written by the test."""

import pytest

from e2e.test_without_endpoints import LONG, message, operator
from given.experiments import install_definition, route_manifest
from given.model_serving import inference_service, two_inference_services, write
from given.stages import phase_is, ready
from given.traffic import once_served


@pytest.fixture
def stage(control_plane, namespace, model_serving, model_server, tmp_path):
    assert model_serving is None, "KServe is there before the controller starts"
    install_definition(control_plane)
    model_server("ranker-v8-predictor")
    champion = model_server("ranker-v7-predictor").backend
    route = route_manifest(namespace, control_plane.gateway_ref, path=f"/{namespace}", backendRefs=[champion])
    control_plane.api.create(route)
    once_served(f"{control_plane.gateway}/{namespace}")
    with operator(control_plane, namespace, tmp_path, gateway=control_plane.gateway) as found:
        yield found


def test_an_experiment_starts_when_both_are_ready_and_waits_while_one_is_not(stage):
    plane, namespace = stage.plane, stage.namespace
    write(plane, inference_service("ranker-v7", namespace=namespace))
    stage.apply(**two_inference_services(port=8000), analysis=LONG)
    missing = f"InferenceService ranker-v8 must exist in namespace {namespace}, found none"
    stage.wait_for(lambda status: ready(status)[1] == "BackendNotFound" and message(status) == missing)
    write(plane, inference_service("ranker-v8", namespace=namespace, ready="False", reason="PredictorNotReady"))
    stage.wait_for(lambda status: ready(status)[1] == "BackendNotReady")
    write(plane, inference_service("ranker-v8", namespace=namespace))
    with stage.shoppers(purchases={"v7": 0.2, "v8": 0.2}) as shoppers:
        stage.wait_for(phase_is("Running"))
        shoppers.wait_for_users(500)
        write(plane, inference_service("ranker-v8", namespace=namespace, ready="False", reason="PredictorNotReady"))
        stage.wait_for(lambda status: ready(status)[1] == "BackendNotReady")
        write(plane, inference_service("ranker-v8", namespace=namespace))
        stage.wait_for(phase_is("Running"))
    assert not shoppers.traffic.errors
    assert set(shoppers.met()) == {"v7", "v8"}
    assert all(shoppers.met().values())
