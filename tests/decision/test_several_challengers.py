"""Several challengers: each against the champion, one decision for all of them."""

import pytest

from given.counting import counts_of
from given.deciding import Played, experiment, plan_of
from model_experiment.api.status import GuardrailFinding, ObjectiveFinding, Phase, Verdict
from model_experiment.decision.route import Open
from model_experiment.decision.rules import Judgement
from model_experiment.decision.state import latch, latched


def backend(name):
    return {"name": f"ranker-{name}", "port": 8000}


def challengers(*percents):
    return [
        {"name": f"v{8 + place}", "backendRef": backend(f"v{8 + place}"), "percent": percent}
        for place, percent in enumerate(percents)
    ]


THREE = challengers(25, 25, 25)


def running(**changes):
    played = Played(experiment(**{"challengers": THREE, **changes}))
    played.until_running()
    return played


def seen(played, users, purchases=(), errors=()):
    return played.tick(counts_of(played.now + 1, users=users, purchases=purchases, errors=errors))


def grown(played, rates, *, users=3000, times=12, errors=()):
    """Users and purchases grow evenly from the minimum duration on; the decision at the end."""
    played.now += 10
    for part in range(1, times + 1):
        met = users * part // times
        decision = seen(played, (met,) * 4, tuple(round(met * rate) for rate in rates), errors)
    return decision


def test_the_planned_sample_pays_for_the_challengers_that_are_tested_at_once():
    one, three = plan_of(experiment()), plan_of(experiment(challengers=THREE))
    assert (one.alpha, three.alpha) == (0.05, pytest.approx(0.05 / 3))
    assert three.users_per_variant / one.users_per_variant == pytest.approx(1.33, abs=0.01)
    assert (three.weights, three.planned_total) == ((25, 25, 25, 25), 4 * three.users_per_variant)


def test_every_challenger_is_judged_and_watched_by_its_name():
    played = running()
    seen(played, (600, 600, 600, 600), (120, 130, 140, 110))
    status = played.status
    assert [(each.name, each.challenger) for each in status.objectives] == [
        ("purchase", "v8"), ("purchase", "v9"), ("purchase", "v10")
    ]  # fmt: skip
    assert {(each.name, each.challenger) for each in status.guardrails} == {
        (guardrail, challenger) for guardrail in ("errors", "slow") for challenger in ("v8", "v9", "v10")
    }
    assert [(each.name, each.share, each.users) for each in status.variants] == [
        ("v7", "25.00%", 600), ("v8", "25.00%", 600), ("v9", "25.00%", 600), ("v10", "25.00%", 600)
    ]  # fmt: skip
    assert "98.33% interval at any time" in status.objectives[0].message
    split = next(check for check in status.checks if check.name == "SampleRatio")
    assert split.message.startswith("v8 met 25.00% of 2400 users, 25% were asked for; v9 met 25.00% of 2400 users")


def test_the_better_one_wins_with_everything_and_the_others_get_nothing():
    played = running()
    decision = grown(played, (0.20, 0.21, 0.30, 0.20))
    assert (decision.judgement.verdict, decision.judgement.challenger) == (Verdict.PROMOTE, "v9")
    assert decision.judgement.message.startswith("at look")
    assert " purchase of v9 was " in decision.judgement.message
    for _ in range(6):
        played.tick()
    assert played.status.phase is Phase.PROMOTED
    weights = {each.name: each.share for each in played.status.variants}
    assert weights == {"v7": "0.00%", "v8": "0.00%", "v9": "100.00%", "v10": "0.00%"}
    assert played.status.decision.challenger == "v9"
    assert played.status.decision.actions[0].startswith("point the rule of HTTPRoute ranker at ranker-v9 instead of")


def test_of_two_that_are_better_the_larger_gain_wins():
    decision = grown(running(), (0.20, 0.30, 0.36, 0.20), times=1)
    assert decision.judgement.challenger == "v9"
    assert any("purchase of v8 was" in said for said in decision.judgement.evidence)


def test_a_promotion_is_remembered_after_a_crash_with_the_name_of_the_winner():
    played = running()
    grown(played, (0.20, 0.20, 0.20, 0.32))
    played.forget()
    for _ in range(6):
        played.tick()
    assert isinstance(played.seen.route, Open)
    assert played.seen.route.assignment.weight("v10") == played.seen.route.assignment.modulus


def test_one_that_is_worse_keeps_its_place_until_the_others_are_decided():
    played = running()
    decision = grown(played, (0.20, 0.10, 0.20, 0.20), times=3, users=1500)
    findings = {each.challenger: each.finding for each in played.status.objectives}
    assert findings["v8"] is ObjectiveFinding.WORSE
    assert decision.judgement.verdict is Verdict.CONTINUE


def test_when_all_are_worse_the_champion_stays():
    decision = grown(running(), (0.30, 0.15, 0.16, 0.14))
    assert (decision.judgement.verdict, decision.judgement.reason) == (Verdict.KEEP_CHAMPION, "ChallengerWorse")
    assert decision.judgement.challenger == ""
    assert "purchase of v9 was" in decision.judgement.message  # the least bad of them is told first


def test_at_the_planned_end_none_was_shown_to_be_better():
    decision = grown(running(), (0.20, 0.20, 0.205, 0.20), users=4000)
    assert decision.judgement.reason == "NoImprovementShown"


def test_harm_of_one_takes_all_traffic_back_and_names_it():
    played = running()
    decision = grown(played, (0.2, 0.2, 0.2, 0.2), errors=(3, 3, 400, 3), times=2)
    breached = [each.challenger for each in played.status.guardrails if each.finding is GuardrailFinding.BREACHED]
    assert breached == ["v9"]
    assert (decision.judgement.verdict, decision.judgement.challenger) == (Verdict.ROLLBACK, "v9")
    assert played.seen is None
    assert played.status.decision.actions[0].startswith("find out why v9 broke its limit")


def test_users_missing_from_one_of_several_are_a_mismatch():
    decision = grown(running(), (0.2, 0.2, 0.2, 0.2), times=1, users=4000)
    assert decision.judgement.reason != "SampleRatioMismatch"
    played = running()
    decision = seen(played, (4000, 4000, 3500, 4000))
    assert decision.judgement.reason == "SampleRatioMismatch"


def test_uneven_shares_are_held_to_what_was_asked_for():
    played = running(challengers=challengers(10, 30))
    decision = seen(played, (6000, 1000, 3000))
    assert decision.judgement.verdict is Verdict.CONTINUE


def test_a_ramp_shares_each_step_among_the_challengers():
    played = Played(experiment(challengers=challengers(10, 30), ramp=[{"percent": 4, "hold": "1h"}]))
    for _ in range(4):
        played.tick()
    split = played.seen.route.assignment
    assert [round(1000 * split.weight(name) / split.modulus) for name in ("v8", "v9", "v7")] == [10, 30, 960]
    assert played.status.decision.message.startswith("4% of the users meet v8 and v9 for 1h, step 1 of 1")


@pytest.mark.parametrize("challenger", ["v9", ""])
def test_what_stands_on_a_route_names_the_challenger_too(challenger):
    judgement = Judgement(Verdict.ROLLBACK, "GuardrailBreached", "it|fails", challenger=challenger)
    assert latched(latch(judgement)) == judgement


def test_an_inference_service_that_won_is_named_by_what_a_route_can_point_at():
    backend = {"group": "serving.kserve.io", "kind": "InferenceService", "name": "ranker-v10"}
    played = running(challengers=[*THREE[:2], {**THREE[2], "backendRef": backend}])
    grown(played, (0.20, 0.20, 0.20, 0.32))
    assert played.status.decision.actions[0].startswith(
        "point the rule of HTTPRoute ranker at the Service of InferenceService ranker-v10 instead of ranker-v7;"
    )
