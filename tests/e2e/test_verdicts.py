"""The endings of an experiment, on real parts, under the traffic of real requests."""

import time

from given.experiments import route_manifest
from given.model_servers import fail
from given.stages import phase_is, ready


def test_a_better_challenger_is_promoted_and_the_route_is_handed_over_when_the_user_adopts_it(stage):
    stage.apply()
    with stage.shoppers(purchases={"v7": 0.20, "v8": 0.30}) as shoppers:
        status = stage.wait_for(phase_is("Promoted", "Concluded"), seconds=120)
        assert ready(status) == ("True", "Promoted")
        assert status["decision"]["verdict"] == "Promote"
        assert "HTTPRoute ranker at ranker-v8 instead of ranker-v7" in status["decision"]["actions"][0]
        promoted = time.time()
        time.sleep(2)
        adopted = route_manifest(
            stage.namespace, stage.plane.gateway_ref, path=f"/{stage.namespace}", backendRefs=[stage.challenger.backend]
        )
        stage.plane.api.apply(adopted)
        status = stage.wait_for(phase_is("Concluded"))
        time.sleep(1)
    assert [entry["phase"] for entry in status["history"]] == [
        "Starting",
        "Running",
        "Promoting",
        "Promoted",
        "TakingBack",
        "Concluded",
    ]
    assert stage.own_route() is None
    assert not stage.experiment()["metadata"].get("finalizers")
    assert shoppers.last_answer_by("v7") < promoted
    assert not shoppers.traffic.errors


def test_a_harmful_challenger_loses_its_traffic_within_seconds(stage):
    stage.apply()
    with stage.shoppers(purchases={"v7": 0.20, "v8": 0.20}) as shoppers:
        stage.wait_for(phase_is("Running"))
        shoppers.wait_for_users(1000)
        broken = time.time()
        stage.challenger.answer = fail(500)
        status = stage.wait_for(phase_is("TakingBack", "Concluded"))
        status = stage.wait_for(phase_is("Concluded"))
        time.sleep(1)
    assert status["decision"]["verdict"] == "Rollback"
    assert status["decision"]["reason"] == "GuardrailBreached"
    assert "errors of v8" in status["decision"]["message"]
    assert ready(status) == ("True", "RolledBack")
    assert stage.own_route() is None
    assert shoppers.last_answer_by("v8") - broken < 10
    assert set(shoppers.traffic.errors) == {500}
    warnings = [event for event in stage.events() if event["type"] == "Warning"]
    assert [event["reason"] for event in warnings] == ["GuardrailBreached"]


def test_a_challenger_without_effect_leaves_the_champion_at_the_planned_end(stage):
    stage.apply()
    with stage.shoppers(purchases={"v7": 0.20, "v8": 0.20}) as shoppers:
        status = stage.wait_for(phase_is("Concluded"), seconds=120)
    assert status["decision"]["verdict"] == "KeepChampion"
    assert status["objectives"][0]["look"] == "7/7"
    assert ready(status) == ("True", "ChampionKept")
    assert stage.own_route() is None
    assert not shoppers.traffic.errors


def test_the_counts_in_the_status_are_those_of_the_users_themselves(stage):
    stage.apply(analysis={"minimumDuration": "9m", "maximumDuration": "10m"})
    shoppers = stage.shoppers(purchases={"v7": 0.20, "v8": 0.20})
    with shoppers:
        stage.wait_for(phase_is("Running"))
        shoppers.wait_for_users(1500)
    met = shoppers.met()
    requests = {variant: sum(by == variant for _, _, _, by in shoppers.traffic.answers) for variant in met}
    status = stage.wait_for(lambda status: users_and_requests(status) == (met, requests), seconds=10)
    primary = status["objectives"][0]
    total = sum(float(primary[f"{role}Value"]) * primary["users"][role] for role in ("champion", "challenger"))
    assert abs(total - shoppers.bought) < 1
    assert not shoppers.refused


def users_and_requests(status):
    variants = status.get("variants", [])
    return ({v["name"]: v["users"] for v in variants}, {v["name"]: v["requests"] for v in variants})
