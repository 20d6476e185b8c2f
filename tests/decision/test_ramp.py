"""A ramp grows step by step; guardrails watch it, and objectives count from the full split on."""

import pytest

from given.counting import counts_of
from given.deciding import Played, experiment, plan_of
from model_experiment.api.status import Phase, Verdict
from model_experiment.decision.observation import Blind
from model_experiment.decision.route import Obstacle, Open, Parked

RAMP = [{"percent": 1, "hold": "3s"}, {"percent": 10, "hold": "5s"}]
BLIND = Blind("MetricsUnavailable", "no answer")
POLICY = Obstacle("PolicyNotCarried", "a policy is attached")


def ramped():
    return Played(subject=experiment(ramp=RAMP))


def percent(played):
    """What the challenger gets now, in whole percent; None where the route is not open."""
    route = played.seen.route if played.seen else None
    return round(100 * route.assignment.weight("v8") / route.assignment.modulus) if isinstance(route, Open) else None


def healthy(played, users=(500, 500)):
    return counts_of(played.now + 1, users=users, purchases=(100, 100), errors=(1, 1))


def until(played, wanted):
    """Ticks until the challenger has that percent."""
    for _ in range(30):
        if percent(played) == wanted:
            return
        played.tick()
    raise AssertionError(f"{wanted} was not reached: {percent(played)}")


def test_each_step_stands_for_its_time_and_then_the_full_split_opens():
    played, stood = ramped(), []
    for _ in range(30):
        played.tick()
        stood.append(percent(played))
    assert stood[:2] == [None, 1]
    assert [stood.count(step) for step in (1, 10)] == [5, 6]  # the hold, and the ticks of its own and the next write
    assert set(stood[12:]) == {50}
    assert [entry.phase for entry in played.state.history] == [Phase.STARTING, Phase.RAMPING, Phase.RUNNING]


def test_the_status_says_how_far_the_ramp_is():
    played = ramped()
    until(played, 10)
    played.tick()
    assert (played.status.phase, played.status.ramp.done, played.status.ramp.steps) == (Phase.RAMPING, 1, 2)
    assert played.status.decision.message == (
        "10% of the users meet v8 for 5s, step 2 of 2 (0 users so far); guardrails watch, objectives count from the"
        " full split on"
    )
    assert played.status.full_split_time is None
    assert sum(share.weight for share in played.status.assignment.shares if share.variant == "v8") < 0.11 * (
        played.status.assignment.modulus
    )


def test_a_step_goes_on_until_enough_users_have_met_the_challenger():
    played = Played(subject=experiment(ramp=[{"percent": 1, "hold": "3s", "minimumExposures": 40}]))
    until(played, 1)
    for _ in range(10):
        decision = played.tick(counts_of(played.now + 1, users=(900, 9), ramp=(3000, 39)))
        assert percent(played) == 1
    assert decision.judgement.message.startswith(
        "1% of the users meet v8 for 3s and until 40 have done so, step 1 of 1 (39 users so far)"
    )
    played.tick(counts_of(played.now + 1, users=(900, 9), ramp=(3000, 40)))
    until(played, 50)


def test_objectives_count_from_the_full_split_on():
    played = ramped()
    until(played, 10)
    played.tick(healthy(played))
    assert (played.state.evidence.compared, played.status.objectives) == (None, ())
    until(played, 50)
    played.tick()
    played.tick(healthy(played))
    assert played.state.evidence.compared is not None
    assert played.status.full_split_time > played.status.start_time


def test_harm_on_the_first_step_takes_everything_back_for_good():
    played = ramped()
    until(played, 1)
    decision = played.tick(counts_of(played.now + 1, users=(6000, 60), errors=(3, 60)))
    assert isinstance(decision.step, Parked)
    assert decision.judgement.verdict is Verdict.ROLLBACK
    for _ in range(20):
        played.tick()
        assert percent(played) is None
    assert played.status.phase is Phase.CONCLUDED


def test_nothing_grows_while_nobody_can_watch():
    played = ramped()
    until(played, 1)
    played.tick()
    for _ in range(20):
        assert played.tick(blind=BLIND).judgement.verdict is Verdict.HOLD
        assert percent(played) == 1
    until(played, 10)


def test_an_obstacle_parks_a_ramp_which_goes_on_with_the_same_step():
    played = ramped()
    until(played, 10)
    assert isinstance(played.tick(obstacle=POLICY).step, Parked)
    assert played.status.phase is Phase.STARTING
    played.tick()
    played.tick()
    assert (percent(played), played.status.phase) == (10, Phase.RAMPING)
    until(played, 50)


@pytest.mark.parametrize("crash", ["before the route", "before the status"])
def test_a_crash_at_any_write_never_takes_a_user_out_of_the_challenger(crash):
    for moment in range(1, 18):
        played, before = ramped(), 0
        for number in range(40):
            played.tick(crash=crash if number == moment else "")
            assert (percent(played) or 0) >= before, moment
            before = percent(played) or 0
        assert before == 50


def test_a_ramp_is_watched_for_as_long_as_it_takes_and_the_comparison_lasts():
    longer, plain = (plan_of(experiment(ramp=ramp)).polls for ramp in (RAMP, []))
    assert longer - plain == 8
