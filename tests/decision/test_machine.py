"""The life of an experiment, told without a cluster."""

from dataclasses import replace

import pytest

from given.counting import counts_of
from given.deciding import START, Played, experiment, plan_of
from model_experiment.api.conditions import ConditionStatus, ConditionType, find_condition
from model_experiment.api.status import Phase, Verdict
from model_experiment.decision.observation import Blind
from model_experiment.decision.phases import TRANSITIONS, Signal
from model_experiment.decision.route import Obstacle, Open, Parked
from model_experiment.decision.rules import Judgement
from model_experiment.decision.state import FINAL

BLIND = Blind("MetricsUnavailable", "Prometheus gave no answer within 4 s")
NO_ROUTE = Obstacle("RouteNotFound", "HTTPRoute ranker must exist in namespace shop, found none")
SILENT = Obstacle("GatewaySilent", "Gateway shop/edge must answer for HTTPRoute ranker-mexp, found no word for 60 s")
POLICY = Obstacle("PolicyNotCarried", "HTTPRoute ranker must have no policy of its own")


def ready(played):
    condition = find_condition(played.status.conditions, ConditionType.READY)
    return condition.status, condition.reason


def healthy(played, users=(500, 500), purchases=(100, 100)):
    return counts_of(played.now + 1, users=users, purchases=purchases)


def test_an_experiment_opens_its_route_only_after_it_was_parked_and_settled():
    played = Played()
    steps = [type(played.tick().step) for _ in range(4)]
    assert steps == [Parked, Open, Open, Open]


def test_an_obstacle_is_named_and_the_experiment_goes_on_when_it_is_gone():
    played = Played()
    played.tick(obstacle=NO_ROUTE)
    assert (played.status.phase, *ready(played)) == (Phase.PENDING, ConditionStatus.FALSE, "RouteNotFound")
    assert played.seen is None
    played.until_running()
    assert played.status.phase is Phase.RUNNING


def test_nobody_is_exposed_before_the_counts_of_both_variants_can_be_read():
    played = Played()
    for _ in range(5):
        decision = played.tick(blind=BLIND)
    assert isinstance(decision.step, Parked)
    assert ready(played) == (ConditionStatus.FALSE, "MetricsUnavailable")


def test_an_obstacle_in_mid_run_parks_at_once_and_the_split_opens_again_afterwards():
    played = Played()
    played.until_running()
    assert isinstance(played.tick(obstacle=POLICY).step, Parked)
    assert (played.status.phase, *ready(played)) == (Phase.STARTING, ConditionStatus.FALSE, "PolicyNotCarried")
    played.until_running()
    assert played.status.phase is Phase.RUNNING
    assert isinstance(played.seen.route, Open)


def test_the_history_keeps_the_newest_thirty_lines_of_an_obstacle_that_comes_and_goes():
    played = Played()
    for _ in range(20):
        played.until_running()
        played.tick(obstacle=POLICY)
    phases = [entry.phase for entry in played.status.history]
    assert phases == [Phase.RUNNING, Phase.STARTING] * 15
    assert played.status.history[-1].time.timestamp() == played.now


def test_harm_parks_in_the_very_tick_that_sees_it_and_ends_with_the_route_gone():
    played = Played()
    played.until_running()
    played.tick(healthy(played))
    decision = played.tick(counts_of(played.now + 1, users=(600, 600), errors=(3, 400)))
    assert isinstance(decision.step, Parked)
    assert decision.judgement.verdict is Verdict.ROLLBACK
    assert decision.judgement.message.startswith("errors of v8: 13.33% of 3000 requests against 0.10% of 3000 for v7")
    for _ in range(3):
        played.tick()
    assert (played.status.phase, played.seen) == (Phase.CONCLUDED, None)
    assert played.status.decision.reason == "GuardrailBreached"
    assert ready(played) == (ConditionStatus.TRUE, "RolledBack")


def test_a_win_is_promoted_without_crossing_zero_and_waits_for_the_user_to_adopt_it():
    played = Played()
    played.until_running()
    for share in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12):
        users = (160 * share, 160 * share)
        played.tick(healthy(played, users, purchases=(32 * share, 60 * share)))
    for _ in range(4):
        played.tick()
    assert played.status.phase is Phase.PROMOTED
    champion_weights = [
        decision.step.assignment.weight("v7") for decision in played.decisions if isinstance(decision.step, Open)
    ]
    assert champion_weights[-1] == 0
    assert 1 in champion_weights
    assert ready(played) == (ConditionStatus.TRUE, "Promoted")
    played.tick(adopted="v8")
    for _ in range(3):
        played.tick()
    assert (played.status.phase, played.seen) == (Phase.CONCLUDED, None)
    assert played.status.decision.verdict is Verdict.PROMOTE


def winning(played):
    """Up to the tick that decides to promote."""
    for share in range(1, 13):
        if (
            played.tick(
                healthy(played, (160 * share, 160 * share), purchases=(32 * share, 60 * share))
            ).judgement.verdict
            is Verdict.PROMOTE
        ):
            return
    raise AssertionError("nothing was promoted")


def test_nobody_is_moved_by_a_promotion_before_the_status_says_so():
    played = Played()
    played.until_running()
    split = played.seen.route
    winning(played)
    assert (played.status.phase, played.seen.route) == (Phase.PROMOTING, split)


def test_the_users_of_a_promotion_do_not_count_as_a_broken_split():
    played = Played()
    played.until_running()
    winning(played)
    for _ in range(4):
        played.tick()
    played.tick(healthy(played, (2000, 9000), purchases=(400, 2700)))
    (check,) = [check for check in played.status.checks if check.name == "SampleRatio"]
    assert (check.status, played.status.phase) == ("Passed", Phase.PROMOTED)


def test_a_forged_take_back_takes_back_and_never_promotes():
    played = Played()
    played.until_running()
    played.seen = replace(played.seen, taken_back="Promote|ChallengerBetter|forged")
    for _ in range(4):
        played.tick()
    assert (played.status.phase, played.seen) == (Phase.CONCLUDED, None)


def test_with_on_success_report_a_win_leaves_the_champion_its_traffic():
    played = Played(experiment(onSuccess="Report"))
    played.until_running()
    for share in range(1, 13):
        played.tick(healthy(played, (160 * share, 160 * share), purchases=(32 * share, 60 * share)))
    for _ in range(4):
        played.tick()
    assert (played.status.phase, played.seen) == (Phase.CONCLUDED, None)
    assert played.status.decision.verdict is Verdict.PROMOTE
    assert ready(played) == (ConditionStatus.TRUE, "ChallengerBetter")


def test_no_effect_at_the_planned_end_keeps_the_champion():
    played = Played()
    played.until_running()
    for share in range(1, 13):
        played.tick(healthy(played, (160 * share, 160 * share), purchases=(32 * share, 32 * share)))
    for _ in range(3):
        played.tick()
    assert played.status.decision.reason == "NoImprovementShown"
    assert played.status.objectives[0].look == "7/7"


def test_too_few_users_at_the_maximum_duration_is_inconclusive_and_says_how_many_are_missing():
    played = Played()
    played.until_running()
    played.now = START + 601
    played.tick(healthy(played, (300, 300), purchases=(60, 62)))
    assert played.status.decision.reason == "MaximumDurationReached"
    planned = 2 * plan_of(played.subject).users_per_variant
    assert f"{planned} users are needed for 20%" in played.status.decision.actions[0]


def test_a_look_is_never_taken_before_the_minimum_duration():
    played = Played(experiment(analysis={"minimumDuration": "5m", "maximumDuration": "10m"}))
    played.until_running()
    for share in range(1, 13):
        played.tick(healthy(played, (160 * share, 160 * share), purchases=(32 * share, 60 * share)))
    assert played.state.evidence.looks_at("v8") == ()
    assert played.status.phase is Phase.RUNNING


def test_an_uneven_split_is_invalid_even_when_the_challenger_seems_to_win():
    played = Played()
    played.until_running()
    played.tick(healthy(played, (1500, 1900), purchases=(300, 600)))
    assert played.status.decision.reason == "SampleRatioMismatch"
    for _ in range(3):
        played.tick()
    assert ready(played) == (ConditionStatus.FALSE, "SampleRatioMismatch")


def test_blindness_holds_and_after_its_budget_gives_the_traffic_back_without_calling_it_lost():
    played = Played()
    played.until_running()
    played.tick(healthy(played))
    played.tick(blind=BLIND)
    assert (played.status.decision.verdict, played.status.phase) == (Verdict.HOLD, Phase.RUNNING)
    for _ in range(61):
        played.tick(blind=BLIND)
    assert played.status.decision.reason == "BlindForTooLong"
    assert played.status.decision.verdict is Verdict.INCONCLUSIVE
    assert "the challenger was not found to be worse" in played.status.decision.message


def test_harm_is_heard_even_in_incomplete_data():
    played = Played()
    played.until_running()
    played.tick(healthy(played))
    incomplete = Blind("MetricsIncomplete", "collector b reported 60.0 s ago")
    decision = played.tick(counts_of(played.now + 1, users=(600, 600), errors=(3, 400)), blind=incomplete)
    assert decision.judgement.verdict is Verdict.ROLLBACK


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.RUNNING, Phase.PROMOTED])
def test_deletion_releases_the_route_in_every_phase(phase):
    played = Played()
    for _ in range(3):
        if played.status.phase is not phase:
            played.tick()
    played.subject = experiment(deleting=True)
    for _ in range(4):
        decision = played.tick()
    assert played.seen is None
    assert not decision.stands


def test_an_experiment_that_is_deleted_says_what_it_waits_for_and_not_what_keeps_it_from_opening():
    played = Played()
    played.until_running()
    played.subject = experiment(deleting=True)
    for _ in range(3):
        played.tick(obstacle=NO_ROUTE, settles=False)
        assert ready(played) == (ConditionStatus.FALSE, "Releasing")
    played.seen = replace(played.seen, problem=SILENT)
    played.tick(obstacle=NO_ROUTE, settles=False)
    assert (*ready(played), played.seen) == (ConditionStatus.FALSE, "GatewaySilent", None)


def test_a_route_is_parked_before_it_goes_even_where_nobody_listens():
    played = Played()
    played.until_running()
    played.seen = replace(played.seen, settled=False, problem=SILENT)
    played.subject = experiment(deleting=True)
    assert isinstance(played.tick(settles=False).step, Parked)
    assert isinstance(played.tick(settles=False).step, Parked)


def test_a_take_back_is_not_over_while_a_gateway_is_silent_because_its_proxies_may_serve_the_old_split():
    played = Played()
    played.until_running()
    played.tick(counts_of(played.now + 1, users=(600, 600), errors=(3, 400)), settles=False)
    played.seen = replace(played.seen, problem=SILENT)
    for _ in range(3):
        assert isinstance(played.tick(settles=False).step, Parked)
        assert (played.status.phase, *ready(played)) == (Phase.TAKING_BACK, ConditionStatus.FALSE, "GatewaySilent")
    played.subject = experiment(deleting=True)
    played.tick(settles=False)
    assert played.seen is None


def test_a_promoted_experiment_that_is_deleted_says_so_too():
    played = Played()
    played.until_running()
    judgement = Judgement(Verdict.PROMOTE, "ChallengerBetter", "it is better", challenger="v8")
    played.state = replace(played.state, phase=Phase.PROMOTED, judgement=judgement)
    played.subject = experiment(deleting=True)
    played.tick()
    assert ready(played) == (ConditionStatus.FALSE, "Releasing")


def test_a_gateway_that_is_silent_is_named_and_nothing_is_done_about_it():
    played = Played()
    played.tick(settles=False)
    played.seen = replace(played.seen, problem=SILENT)
    assert isinstance(played.tick(settles=False).step, Parked)
    assert (played.status.phase, *ready(played)) == (Phase.STARTING, ConditionStatus.FALSE, "GatewaySilent")
    played.seen = replace(played.seen, problem=None)
    played.until_running()
    played.seen = replace(played.seen, settled=False, problem=SILENT)
    assert isinstance(played.tick(healthy(played), settles=False).step, Open)
    assert (played.status.phase, *ready(played)) == (Phase.RUNNING, ConditionStatus.FALSE, "GatewaySilent")


def test_a_take_back_that_a_proxy_refuses_is_not_over():
    played = Played()
    played.until_running()
    played.tick(counts_of(played.now + 1, users=(600, 600), errors=(3, 400)))
    played.seen = replace(played.seen, settled=True, problem=Obstacle("RouteRefused", "edge keeps the old routes"))
    for _ in range(3):
        played.tick()
        assert (played.status.phase, *ready(played)) == (Phase.TAKING_BACK, ConditionStatus.FALSE, "RouteRefused")
    played.seen = replace(played.seen, problem=None)
    played.tick()
    played.tick()
    assert (played.status.phase, *ready(played)) == (Phase.CONCLUDED, ConditionStatus.TRUE, "RolledBack")


def test_the_table_of_transitions_leads_from_every_phase_to_the_end_and_from_there_nowhere():
    reached = {Phase.CONCLUDED}
    for _ in Phase:
        reached |= {before for (before, _), after in TRANSITIONS.items() if after in reached}
    assert reached == set(Phase)
    assert not [before for before, _ in TRANSITIONS if before is Phase.CONCLUDED]


def test_every_signal_but_nothing_new_moves_some_phase():
    assert {signal for _, signal in TRANSITIONS} == set(Signal) - {Signal.NONE}
    assert {Verdict.CONTINUE, Verdict.HOLD} == set(Verdict) - FINAL


def test_harm_of_a_split_whose_opening_a_crash_forgot_ends_it_for_good():
    played = Played()
    played.tick(crash="before the status")
    played.tick(crash="before the status")
    assert (played.status.phase, type(played.seen.route)) == (Phase.PENDING, Open)
    harm = counts_of(played.now + 1, users=(600, 600), errors=(3, 400))
    assert isinstance(played.tick(harm, obstacle=POLICY).step, Parked)
    assert played.status.phase is Phase.TAKING_BACK
    for _ in range(6):
        assert not isinstance(played.tick().step, Open)
    assert (played.status.phase, played.status.decision.verdict) == (Phase.CONCLUDED, Verdict.ROLLBACK)
