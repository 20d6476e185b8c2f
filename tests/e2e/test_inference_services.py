"""Two InferenceServices in a story with a whole operator; what KServe would write is written by the test."""

from contextlib import ExitStack

import pytest

from e2e.test_without_endpoints import message, operator
from given.experiments import install_definition
from given.model_serving import BY_ENDPOINTS, behind, inference_service, routed, write
from given.stages import phase_is, ready
from given.tokens import policy_manifest
from routing.test_backends_on_gateway import TWO_INFERENCE_SERVICES

LONG = {"looks": 7, "minimumDuration": "9m", "maximumDuration": "10m"}


@pytest.fixture
def stage(control_plane, namespace, model_serving, tmp_path):
    assert model_serving is None, "KServe is there before the controller starts"
    install_definition(control_plane)
    control_plane.api.create(policy_manifest(namespace, "BackendTrafficPolicy", name="routing", **BY_ENDPOINTS))
    with ExitStack() as stack:
        for name in ("ranker-v7", "ranker-v8"):
            stack.enter_context(behind(control_plane, namespace, f"{name}-predictor", port=80))
        stack.enter_context(routed(control_plane, namespace, champion={"name": "ranker-v7-predictor", "port": 80}))
        yield stack.enter_context(operator(control_plane, namespace, tmp_path, gateway=control_plane.gateway))


def test_an_experiment_starts_when_both_are_ready_and_waits_while_one_is_not(stage):
    plane, namespace = stage.plane, stage.namespace
    write(plane, inference_service("ranker-v7", namespace=namespace))
    stage.apply(**TWO_INFERENCE_SERVICES, analysis=LONG)
    status = stage.wait_for(lambda status: ready(status)[1] == "BackendNotFound")
    assert message(status) == f"InferenceService ranker-v8 must exist in namespace {namespace}, found none"
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
