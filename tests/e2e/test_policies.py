"""Policies on the user's route, in stories with a whole operator: nobody comes in by way of an experiment."""

import time

import requests

from given.experiments import route_manifest
from given.stages import phase_is, ready
from given.tokens import Issuer, policy_manifest

SHOP, OTHER = Issuer(b"the key of the shop, of 32 bytes"), Issuer(b"another key of the shop, 32 bytes")
LONG = {"looks": 7, "minimumDuration": "9m", "maximumDuration": "10m"}


def members(stage, purchases):
    """Shoppers who carry a token."""
    shoppers = stage.shoppers(purchases=purchases, rate=250)
    shoppers.traffic.headers = SHOP.bearer
    return shoppers


def intruders(stage):
    """The same people without one."""
    return stage.shoppers(purchases={"v7": 0.0, "v8": 0.0}, rate=100)


def close(stage):
    """Waits until the user's route demands a token; forgets who came in before."""
    until = time.monotonic() + 30
    while requests.get(stage.url, timeout=5).status_code != 401:
        assert time.monotonic() < until, "the user's route never asked for a token"
        time.sleep(0.05)
    for model in (stage.champion, stage.challenger):
        model.requests.clear()


def uninvited(stage):
    """Requests that reached a model without a token."""
    models = (stage.champion, stage.challenger)
    return [headers for model in models for headers in model.requests if "authorization" not in headers]


def test_nobody_without_a_token_is_let_in_from_the_start_to_the_handing_over(stage):
    stage.plane.api.create(policy_manifest(stage.namespace, **SHOP.jwt))
    close(stage)
    stage.apply()
    with members(stage, {"v7": 0.20, "v8": 0.30}) as shoppers, intruders(stage) as strangers:
        stage.wait_for(phase_is("Promoted"), seconds=120)
        time.sleep(2)
        route = route_manifest(
            stage.namespace, stage.plane.gateway_ref, path=f"/{stage.namespace}", backendRefs=[stage.challenger.backend]
        )
        stage.plane.api.apply(route)
        status = stage.wait_for(phase_is("Concluded"))
        time.sleep(1)
    assert status["decision"]["verdict"] == "Promote"
    assert not shoppers.traffic.errors
    assert {answer[2] for answer in strangers.traffic.answers} == {401}
    assert not uninvited(stage)
    assert stage.own_route() is None
    assert stage.plane.api.get(policy_manifest(stage.namespace, name="ranker-mexp")) is None


def test_a_policy_that_is_attached_in_mid_run_is_carried_and_one_that_cannot_be_parks(stage):
    first, second = (
        policy_manifest(stage.namespace, name="members-only", **SHOP.jwt),
        policy_manifest(stage.namespace, name="members-also", **OTHER.jwt),
    )
    stage.apply(analysis=LONG)
    with members(stage, {"v7": 0.2, "v8": 0.2}) as shoppers, intruders(stage) as strangers:
        stage.wait_for(phase_is("Running"))
        attached = time.time()
        stage.plane.api.create(first)
        stage.wait_for(lambda status: ready(status)[1] == "PolicyPending")
        parked = time.time()
        stage.wait_for(phase_is("Running"))
        time.sleep(1)
        stage.plane.api.create(second)
        status = stage.wait_for(lambda status: ready(status)[1] == "PolicyNotCarried")
        assert "SecurityPolicy members-also (it is one of several of its kind" in status["conditions"][0]["message"]
        time.sleep(1)
        stage.plane.api.delete(second)
        stage.wait_for(phase_is("Running"))
        time.sleep(1)
    assert parked - attached < 5
    assert {status for sent, _, status, _ in strangers.traffic.answers if sent > parked + 0.5} == {401}
    assert not shoppers.traffic.errors
    reasons = [entry["reason"] for entry in stage.status()["history"]]
    assert reasons[-4:] == ["PolicyPending", "TrafficShifted", "PolicyNotCarried", "TrafficShifted"]
