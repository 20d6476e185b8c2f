"""A ramp on real parts: users only ever join the challenger, and count from the full split on."""

from given.model_servers import fail
from given.stages import phase_is, ready

RAMP = [{"percent": 5, "hold": "1s", "minimumExposures": 30}, {"percent": 20, "hold": "4s"}]


def test_a_ramp_grows_without_moving_a_user_back_and_the_objective_counts_after_it(stage):
    stage.apply(ramp=RAMP)
    with stage.shoppers(purchases={"v7": 0.20, "v8": 0.30}) as shoppers:
        status = stage.wait_for(lambda status: status.get("ramp", {}).get("done") == 1)
        assert (status["phase"], status["decision"]["reason"], ready(status)[1]) == ("Ramping", "Ramping", "Ramping")
        before = stage.status()
        assert [variant["users"] for variant in before["variants"]] == [0, 0]
        assert "(0 users so far)" not in before["decision"]["message"]
        status = stage.wait_for(lambda status: status.get("phase") == "Running" and status.get("objectives"))
        assert status["fullSplitTime"] > status["startTime"]
        status = stage.wait_for(phase_is("Promoting", "Promoted"), seconds=120)
        stopped = status["history"][-1]["phase"]
    assert stopped in ("Promoting", "Promoted")
    phases = [entry["phase"] for entry in status["history"]]
    assert phases[:4] == ["Starting", "Ramping", "Running", "Promoting"]
    assert status["decision"]["verdict"] == "Promote"
    met = {}
    for _, user, _, variant in sorted(shoppers.traffic.answers):
        assert not (met.get(user) == "v8" and variant == "v7"), user
        met[user] = variant
    assert not shoppers.traffic.errors


def test_harm_on_the_first_step_ends_the_ramp(stage):
    stage.apply(ramp=[{"percent": 10, "hold": "10m"}])
    with stage.shoppers(purchases={"v7": 0.20, "v8": 0.20}) as shoppers:
        stage.wait_for(phase_is("Ramping"))
        shoppers.wait_for_users(500)
        stage.challenger.answer = fail(500)
        status = stage.wait_for(phase_is("Concluded"))
    assert (status["decision"]["verdict"], status["decision"]["reason"]) == ("Rollback", "GuardrailBreached")
    assert [entry["phase"] for entry in status["history"]] == ["Starting", "Ramping", "TakingBack", "Concluded"]
    assert stage.own_route() is None
