"""The safety laws of shadow experiments, over random lives with a crash possible at every write."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from given.counting import Answers, shadow_counts
from given.deciding import Played, shadow_experiment
from model_experiment.api.status import Phase, Verdict
from model_experiment.decision.observation import Blind
from model_experiment.decision.route import Absent, Obstacle, Open
from model_experiment.decision.state import FINAL

SHADOW = {"minimumPairs": 300, "repeatChampion": 0}
BLIND = Blind("MetricsMissing", "no comparator")
POLICY = Obstacle("PolicyNotCarried", "a policy is attached")
GROWTH = {
    "alike": Answers(equal=300),
    "different": Answers(equal=200, different=100),
    "lost": Answers(lost=200),
    "harm": Answers(equal=300, errors=200),
}
MOMENTS = st.lists(
    st.fixed_dictionaries(
        {
            "grows": st.sampled_from(["nothing", *["alike"] * 6, *GROWTH]),
            "blind": st.sampled_from([None] * 6 + [BLIND]),
            "obstacle": st.sampled_from([None] * 9 + [POLICY]),
            "settles": st.sampled_from([True, True, True, False]),
            "crash": st.sampled_from([*[""] * 6, "before the route", "before the status"]),
        }
    ),
    min_size=8,
    max_size=18,
)


def grown(before, more):
    return replace(
        before,
        equal=before.equal + more.equal,
        different=before.different + more.different,
        lost=before.lost + more.lost,
        errors=before.errors + more.errors,
    )


def live(moments, played):
    """Plays the moments; yields each with what was decided."""
    total = Answers()
    for moment in moments:
        if moment["grows"] != "nothing" and played.seen and isinstance(played.seen.route, Open):
            total = grown(total, GROWTH[moment["grows"]])
        counts = [] if moment["blind"] else [shadow_counts(played.now + 1, champion=Answers(), v8=total)]
        others = {name: moment[name] for name in ("blind", "obstacle", "settles", "crash")}
        yield moment, played.tick(*counts, **others)


def lived():
    return Played(shadow_experiment(shadow=SHADOW, analysis={"minimumDuration": "2s"}))


@settings(max_examples=60)
@given(MOMENTS)
def test_no_route_ever_names_a_challenger(moments):
    played = lived()
    for _, decision in live(moments, played):
        for route in (decision.step, played.seen.route if played.seen else Absent()):
            assert isinstance(route, Absent) or [each.variant for each in route.assignment.shares] == ["v7"]


@settings(max_examples=60)
@given(MOMENTS)
def test_nobody_passes_and_nobody_is_promoted_while_nothing_is_seen(moments):
    played, known = lived(), False
    for moment, decision in live(moments, played):
        verdict = decision.judgement.verdict
        assert verdict not in (Verdict.PROMOTE, Verdict.KEEP_CHAMPION, Verdict.ROLLBACK, Verdict.INVALID)
        assert known or verdict is not Verdict.PASS or not moment["blind"]
        known = played.state.judgement is not None or bool(played.seen and played.seen.taken_back)


@settings(max_examples=60)
@given(MOMENTS)
def test_after_a_verdict_was_written_nothing_is_mirrored_again(moments):
    played, ended = lived(), False
    for _ in live(moments, played):
        ended = ended or (played.status.phase in (Phase.TAKING_BACK, Phase.CONCLUDED))
        assert not (ended and played.seen and isinstance(played.seen.route, Open))
    for _ in range(8):
        played.tick()
    if ended:
        assert played.seen is None
        assert played.status.phase is Phase.CONCLUDED
        assert played.status.decision.verdict in FINAL
