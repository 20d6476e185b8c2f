"""A whole experiment on the user's own route, which the operator writes nothing on but weights and a mark."""

import time
from copy import deepcopy
from datetime import datetime

import pytest

from given.experiments import hashing_policy, install_definition, shared_route_manifest
from given.model_servers import fail
from given.proofs import ON_GATEWAY_SHARED
from given.stages import phase_is, ready, staged
from given.traffic import once_served
from routing.virtual_services import hashing_filter, shared_virtual_service

SHARED = {"httpRoute": {"name": "ranker"}, "ownership": "Shared"}
LONG = {"looks": 7, "minimumDuration": "9m", "maximumDuration": "10m"}


@pytest.fixture
def manifest(control_plane, namespace):
    return shared_route_manifest(namespace, control_plane.gateway_ref, path=f"/{namespace}")


@pytest.fixture
def stage(control_plane, namespace, model_server, manifest, tmp_path):
    install_definition(control_plane)
    servers = [model_server(f"ranker-{variant}") for variant in ("v7", "v8")]
    control_plane.api.create(hashing_policy(namespace))
    control_plane.api.apply(manifest)
    once_served(f"{control_plane.gateway}/{namespace}")
    with staged(control_plane, namespace, servers, tmp_path) as stage:
        yield stage


@pytest.fixture
def istio_stage(control_plane, istio, namespace, model_server, tmp_path):
    install_definition(control_plane)
    servers = [model_server(f"ranker-{variant}") for variant in ("v7", "v8")]
    for server in servers:
        control_plane.create_service_entry(namespace, server.name)
    by_user = hashing_filter(namespace, istio.gateway.partition("/")[0], **istio.labels)
    users = shared_virtual_service(namespace, gateways=[istio.gateway], uri={"prefix": f"/{namespace}"})
    for manifest in (by_user, users):
        control_plane.api.create(manifest)
    once_served(f"{istio.url}/{namespace}")
    with staged(control_plane, namespace, servers, tmp_path, istio=istio) as stage:
        yield stage
    for manifest in (users, by_user):
        control_plane.api.delete(manifest)


def each_has_met(count):
    """Whether each variant of a status has met so many users; the shared route names the champion before the split."""
    return lambda status: min((each["users"] for each in status.get("variants", [])), default=0) > count


def weights(route):
    return [entry["weight"] for entry in route["spec"]["rules"][0]["backendRefs"]]


def test_a_better_challenger_is_promoted_until_the_user_gives_it_the_weight(stage, manifest):
    stage.apply(routing=SHARED)
    with stage.shoppers(purchases={"v7": 0.20, "v8": 0.30}) as shoppers:
        status = stage.wait_for(phase_is("Promoted", "Concluded"), seconds=120)
        assert ready(status) == ("True", "Promoted")
        assert "give the whole weight of HTTPRoute ranker to ranker-v8" in status["decision"]["actions"][0]
        assert weights(stage.user_route()) == [status["assignment"]["modulus"] - 1, 1]
        time.sleep(2)
        adopted = deepcopy(manifest)
        for entry, weight in zip(adopted["spec"]["rules"][0]["backendRefs"], (100, 0), strict=True):
            entry["weight"] = weight
        stage.plane.api.apply(adopted)
        status = stage.wait_for(phase_is("Concluded"))
        time.sleep(1)
    assert status["decision"]["verdict"] == "Promote"
    assert {check["name"]: check["status"] for check in status["checks"]}["SampleRatio"] == "Passed"
    assert weights(stage.user_route()) == [100, 0]
    assert "annotations" not in stage.user_route()["metadata"]
    assert not stage.experiment()["metadata"].get("finalizers")
    assert list(failures(shoppers, stage)) == []


def failures(shoppers, stage):
    """When requests failed, in seconds after the last step that the experiment took before."""
    steps = [(datetime.fromisoformat(each["time"]).timestamp(), each["phase"]) for each in stage.status()["history"]]
    for sent, user, status, _ in sorted(shoppers.traffic.answers):
        if status != 200:
            moment, phase = max((step for step in steps if step[0] <= sent + 1), default=(sent, "none"))
            yield phase, round(sent - moment, 2), user, status


@pytest.mark.proves("the user's objects are as before after the release", on=ON_GATEWAY_SHARED)
def test_a_harmful_challenger_is_taken_back_and_the_route_is_left_as_it_was(stage):
    before = stage.user_route()
    stage.apply(routing=SHARED, analysis=LONG)
    with stage.shoppers(purchases={"v7": 0.20, "v8": 0.20}) as shoppers:
        stage.wait_for(phase_is("Running"))
        stage.wait_for(each_has_met(300))
        stage.challenger.answer = fail(500)
        broken = time.time()
        status = stage.wait_for(phase_is("Concluded"))
        time.sleep(1)
    assert (status["decision"]["verdict"], status["decision"]["reason"]) == ("Rollback", "GuardrailBreached")
    after = stage.user_route()
    assert after["spec"] == before["spec"]
    assert "annotations" not in after["metadata"]
    assert shoppers.last_answer_by("v8") - broken < 10
    assert set(shoppers.traffic.errors) == {500}


def test_users_count_only_while_the_split_stands_although_the_route_serves_them_before(stage):
    before = stage.shoppers(purchases={"v7": 0.20, "v8": 0.20})
    with before:
        before.wait_for_users(1000)
        stage.apply(routing=SHARED, analysis=LONG)
        stage.wait_for(phase_is("Running"))
        status = stage.wait_for(lambda status: sum(each["users"] for each in status.get("variants", [])) > 1000)
    users = {each["name"]: each["users"] for each in status["variants"]}
    assert abs(users["v7"] - users["v8"]) < 5 * sum(users.values()) ** 0.5


def test_a_killed_controller_finds_the_split_again_and_a_deletion_restores_the_route(stage):
    before = stage.user_route()
    stage.apply(routing=SHARED, analysis=LONG)
    with stage.shoppers(purchases={"v7": 0.2, "v8": 0.2}) as shoppers:
        stage.wait_for(phase_is("Running"))
        stage.controller.process.kill()
        split = weights(stage.user_route())
        stage.controller.process.start()
        stage.controller.process.wait_ready()
        shoppers.wait_for_users(1000)
        assert weights(stage.user_route()) == split
        stage.plane.api.delete(stage.experiment())
        until = time.monotonic() + 20
        while stage.experiment() is not None:
            assert time.monotonic() < until, stage.experiment()
            time.sleep(0.1)
    assert stage.user_route()["spec"] == before["spec"]
    assert stage.user_route()["metadata"].keys() == before["metadata"].keys()
    assert not shoppers.traffic.errors


def test_on_istio_a_harmful_challenger_is_taken_back_and_the_route_is_left_as_it_was(istio_stage):
    users = shared_virtual_service(istio_stage.namespace)
    before = istio_stage.plane.api.get(users)
    istio_stage.apply(routing={"virtualService": {"name": "ranker"}, "ownership": "Shared"}, analysis=LONG)
    with istio_stage.shoppers(purchases={"v7": 0.20, "v8": 0.20}) as shoppers:
        istio_stage.wait_for(phase_is("Running"))
        istio_stage.wait_for(each_has_met(300))
        istio_stage.challenger.answer = fail(500)
        broken = time.time()
        status = istio_stage.wait_for(phase_is("Concluded"))
        time.sleep(1)
    assert (status["decision"]["verdict"], status["decision"]["reason"]) == ("Rollback", "GuardrailBreached")
    assert {variant["name"] for variant in status["variants"] if variant["users"] > 300} == {"v7", "v8"}
    after = istio_stage.plane.api.get(users)
    assert after["spec"] == before["spec"]
    assert "annotations" not in after["metadata"]
    assert shoppers.last_answer_by("v8") - broken < 10
    assert set(shoppers.traffic.errors) == {500}
