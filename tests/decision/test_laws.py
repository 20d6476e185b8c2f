"""The safety laws, over random lives with a crash possible at every write."""

from hypothesis import given, settings
from hypothesis import strategies as st

from given.counting import counts_of
from given.deciding import Played, experiment
from model_experiment.api.status import Phase, Verdict
from model_experiment.decision.observation import Blind
from model_experiment.decision.route import Absent, Obstacle, Open

BLIND = Blind("MetricsUnavailable", "no answer")
POLICY = Obstacle("PolicyNotCarried", "a policy is attached")

MOMENTS = st.lists(
    st.fixed_dictionaries(
        {
            "grows": st.sampled_from(["nothing", "healthy", "winning", "harm"]),
            "blind": st.sampled_from([None, None, None, BLIND]),
            "obstacle": st.sampled_from([None, None, None, None, POLICY]),
            "settles": st.booleans(),
            "crash": st.sampled_from(["", "", "", "before the route", "before the status"]),
            "adopted": st.booleans(),
        }
    ),
    min_size=5,
    max_size=40,
)
RAMPS = st.sampled_from([[], [{"percent": 1, "hold": "2s"}, {"percent": 10, "hold": "3s"}]])
GROWTH = {"healthy": (100, 20, 20, 1, 1), "winning": (300, 60, 110, 1, 1), "harm": (100, 20, 20, 1, 300)}


def lived(ramp):
    return Played(subject=experiment(ramp=ramp))


def live(moments, played):
    """Plays the moments; yields what was decided in each."""
    totals = [0, 0, 0, 0, 0]
    for moment in moments:
        grows = moment["grows"]
        if grows != "nothing" and played.seen and isinstance(played.seen.route, Open):
            totals = [before + more for before, more in zip(totals, GROWTH[grows], strict=True)]
        users, bought, bought_too, failed, failed_too = totals
        counts = counts_of(
            played.now + 1,
            users=(users, users),
            purchases=(bought, bought_too),
            errors=(failed, failed_too),
        )
        yield played.tick(
            *([] if moment["blind"] or not users else [counts]),
            blind=moment["blind"],
            obstacle=moment["obstacle"],
            settles=moment["settles"],
            crash=moment["crash"],
            adopted="v8" if moment["adopted"] and played.status.phase is Phase.PROMOTED else "",
        )


def challengers_weight(played):
    route = played.seen.route if played.seen else None
    return route.assignment.weight("v8") if isinstance(route, Open) else 0


@settings(max_examples=300)
@given(MOMENTS, RAMPS)
def test_after_a_breach_the_challenger_never_gains_traffic_again(moments, ramp):
    played, breached = lived(ramp), False
    for decision in live(moments, played):
        taken_back = played.seen is None or "Rollback" in played.seen.taken_back
        written = decision.judgement.verdict is Verdict.ROLLBACK and taken_back
        breached = breached or written
        assert not (breached and challengers_weight(played))


@settings(max_examples=300)
@given(MOMENTS, RAMPS)
def test_a_concluded_experiment_has_no_route_and_holds_nothing(moments, ramp):
    played = lived(ramp)
    for decision in live(moments, played):
        if played.status.phase is Phase.CONCLUDED:
            assert played.seen is None
            assert isinstance(decision.goal, Absent)
            assert not decision.stands


@settings(max_examples=300)
@given(MOMENTS, RAMPS)
def test_an_obstacle_never_leaves_the_challenger_its_traffic(moments, ramp):
    played = lived(ramp)
    for moment, _ in zip(moments, live(moments, played), strict=True):
        if moment["obstacle"] and moment["crash"] != "before the route":
            assert challengers_weight(played) == 0


@settings(max_examples=200)
@given(MOMENTS, RAMPS)
def test_whatever_happened_a_deletion_releases_everything_once_the_gateway_settles(moments, ramp):
    played = lived(ramp)
    for _ in live(moments, played):
        pass
    played.subject = experiment(deleting=True, ramp=ramp)
    for _ in range(5):
        decision = played.tick()
    assert played.seen is None
    assert not decision.stands


@settings(max_examples=200)
@given(MOMENTS, RAMPS)
def test_when_nothing_happens_any_more_the_route_is_left_as_it_stands(moments, ramp):
    played = lived(ramp)
    for _ in live(moments, played):
        pass
    for _ in range(24):  # enough for every step of the ramp
        played.tick()
    stands = played.seen.route if played.seen else Absent()
    assert played.tick().step == stands


@settings(max_examples=200)
@given(MOMENTS, RAMPS)
def test_every_phase_that_was_entered_has_a_reason_and_a_sentence_in_the_history(moments, ramp):
    played, phases = lived(ramp), [Phase.PENDING]
    for _ in live(moments, played):
        if played.status.phase is not phases[-1]:
            phases.append(played.status.phase)
    assert [entry.phase for entry in played.status.history] == phases[1:][-30:]
    assert all(entry.reason and entry.message for entry in played.status.history)
