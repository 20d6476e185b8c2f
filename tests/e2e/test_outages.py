"""What happens to a running experiment when something of it goes away."""

import time

import pytest

from given.experiments import experiment_manifest, route_manifest
from given.model_servers import fail
from given.proofs import ON_GATEWAY
from given.stages import phase_is, ready

LONG = {"looks": 7, "minimumDuration": "9m", "maximumDuration": "10m"}


@pytest.mark.proves("the user's objects are as before after the release", on=ON_GATEWAY)
def test_deleting_a_running_experiment_restores_the_users_route_and_leaves_nothing(stage):
    before = stage.user_route()["spec"]
    stage.apply(analysis=LONG)
    with stage.shoppers(purchases={"v7": 0.2, "v8": 0.2}) as shoppers:
        stage.wait_for(phase_is("Running"))
        shoppers.wait_for_users(500)
        stage.plane.api.delete(experiment_manifest(stage.namespace))
        until = time.monotonic() + 20
        while stage.experiment() is not None:
            assert time.monotonic() < until, stage.experiment()
            time.sleep(0.1)
        gone = time.time()
        time.sleep(1)
    assert shoppers.last_answer_by("v8") < gone
    assert not shoppers.traffic.errors
    assert stage.user_route()["spec"] == before
    assert stage.own_route() is None
    policy = {
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "BackendTrafficPolicy",
        "metadata": {"namespace": stage.namespace, "name": "ranker-mexp"},
    }
    assert stage.plane.api.get(policy) is None


def test_a_killed_controller_goes_on_with_the_same_numbers(stage):
    stage.apply(analysis=LONG)
    with stage.shoppers(purchases={"v7": 0.2, "v8": 0.2}) as shoppers:
        stage.wait_for(phase_is("Running"))
        shoppers.wait_for_users(800)
        stage.controller.process.kill()
        killed = stage.status()
        shoppers.wait_for_users(1600)
        stage.controller.process.start()
        stage.controller.process.wait_ready()
        shoppers.wait_for_users(2000)
    met = shoppers.met()
    status = stage.wait_for(lambda status: {v["name"]: v["users"] for v in status["variants"]} == met, seconds=15)
    assert status["startTime"] == killed["startTime"]
    assert status["assignment"] == killed["assignment"]
    assert status["history"] == killed["history"]
    assert not shoppers.traffic.errors


def test_a_breach_while_the_controller_was_dead_is_found_when_it_returns(stage):
    stage.apply(analysis=LONG)
    with stage.shoppers(purchases={"v7": 0.2, "v8": 0.2}) as shoppers:
        stage.wait_for(phase_is("Running"))
        shoppers.wait_for_users(800)
        stage.controller.process.kill()
        stage.challenger.answer = fail(500)
        time.sleep(3)
        stage.controller.process.start()
        status = stage.wait_for(phase_is("Concluded"))
    assert status["decision"]["verdict"] == "Rollback"


def test_without_prometheus_nothing_is_promoted_or_called_lost_and_it_goes_on_afterwards(stage):
    stage.apply(analysis={"looks": 7, "minimumDuration": "5s", "maximumDuration": "10m"})
    with stage.shoppers(purchases={"v7": 0.2, "v8": 0.3}) as shoppers:
        stage.wait_for(phase_is("Running"))
        stage.plane.prometheus.process.stop()
        try:
            status = stage.wait_for(lambda status: ready(status) == ("False", "MetricsUnavailable"))
            assert (status["decision"]["verdict"], status["decision"]["reason"]) == ("Hold", "MetricsUnavailable")
            time.sleep(8)
            assert stage.status()["phase"] == "Running"
            assert stage.own_route() is not None
        finally:
            stage.plane.prometheus.process.start()
            stage.plane.prometheus.process.wait_ready()
        status = stage.wait_for(phase_is("Promoted"), seconds=120)
    assert status["decision"]["verdict"] == "Promote"
    assert not shoppers.traffic.errors


def test_a_missing_route_backend_or_metric_is_named_and_heals_by_itself(stage):
    missing = route_manifest(stage.namespace, stage.plane.gateway_ref, path=f"/{stage.namespace}")
    stage.plane.api.delete(missing)
    stage.collector.process.stop()
    backend = {"name": "ranker-v9", "port": 8000}
    stage.apply(challengers=[{"name": "v8", "backendRef": backend}], analysis=LONG)
    status = stage.wait_for(lambda status: ready(status)[1] == "RouteNotFound")
    message = status["conditions"][0]["message"]
    assert message == f"HTTPRoute ranker must exist in namespace {stage.namespace}, found none"
    stage.plane.api.create(missing)
    status = stage.wait_for(lambda status: ready(status)[1] == "BackendNotResolved")
    assert "ranker-v9" in status["conditions"][0]["message"]
    stage.plane.create_service(stage.namespace, "ranker-v9")
    status = stage.wait_for(lambda status: ready(status)[1] in ("MetricsMissing", "MetricsStale"))
    assert status["phase"] == "Starting"
    stage.collector.process.start()
    stage.wait_for(lambda status: ready(status) == ("True", "Collecting"))
