"""Shadow experiments: whole stories, the table of what is found, and what a person is told to do next."""

import re

import numpy as np
import pytest
import yaml

from given.counting import Answers, shadow_counts, spread
from given.deciding import Played, shadow_experiment
from model_experiment.api.parsing import parse_spec
from model_experiment.api.status import CheckStatus, Phase, ShadowFinding, Verdict, parse_status
from model_experiment.assignment import BUCKETS, Share
from model_experiment.decision.counts import SLOWER_PAIRS, Counts
from model_experiment.decision.observation import Blind
from model_experiment.decision.plan import measures_of
from model_experiment.decision.route import Open
from model_experiment.errors import SpecError

BLIND = Blind("MetricsMissing", "at least 1 comparator must be scraped by Prometheus, found none")
DETERMINISTIC = Answers(equal=400)
ALIKE = Answers(equal=1990, different=10)
TWO = [{"name": name, "backendRef": {"name": f"ranker-{name}", "port": 8000}} for name in ("v8", "v9")]


def running(**changes):
    played = Played(shadow_experiment(**changes))
    played.until_running()
    assert played.state.phase is Phase.RUNNING
    return played


def seen(played, champion=DETERMINISTIC, **challengers):
    return played.tick(shadow_counts(played.now + 1, champion=champion, **challengers))


def late(played, champion=DETERMINISTIC, **challengers):
    """The same counts, past the minimum duration of 10 s."""
    played.now += 10
    return seen(played, champion, **challengers)


def test_requests_are_mirrored_while_the_champion_serves_everybody():
    played = running()

    assert isinstance(played.seen.route, Open)
    modulus = played.state.assignment.modulus
    assert played.seen.route.assignment.shares == (Share("v7", modulus),)
    assert [(each.name, each.share) for each in played.status.variants] == [("v7", "100.00%"), ("v8", "0.00%")]
    assert [(entry.phase, entry.reason) for entry in played.status.history] == [
        (Phase.STARTING, "RoutePrepared"), (Phase.RUNNING, "MirrorOpened")
    ]  # fmt: skip
    assert played.status.history[-1].message == "requests are mirrored to the comparator; users meet the champion alone"


def test_without_a_comparator_nothing_is_mirrored():
    played = Played(shadow_experiment())
    for _ in range(5):
        played.tick(blind=BLIND)

    assert played.status.phase is Phase.STARTING
    assert not isinstance(played.seen.route, Open)
    assert "at least 1 comparator must be scraped" in played.status.conditions[0].message


def test_a_challenger_that_answers_alike_passes_and_the_mirror_is_taken_away():
    played = running()
    assert seen(played, v8=ALIKE).judgement.verdict is Verdict.CONTINUE  # the minimum duration is 10 s
    decision = late(played, v8=ALIKE)

    assert (decision.judgement.verdict, decision.judgement.reason) == (Verdict.PASS, "AnswersAlike")
    assert decision.judgement.challenger == "v8"
    assert decision.judgement.message.startswith(
        "answers of v8 differ from those of v7 in 0.50% of 2000 pairs, 5% is tolerated;"
        " v7 differs from itself in 0.00% of 400 pairs; 0 of 2000 pairs could not be compared, 10% is tolerated;"
    )
    for _ in range(5):
        played.tick()
    assert played.status.phase is Phase.CONCLUDED
    assert played.seen is None
    conditions = {each.type: (each.status, each.reason) for each in played.status.conditions}
    assert (conditions["Ready"], conditions["Succeeded"]) == (("True", "Passed"), ("True", "Passed"))


def test_a_challenger_that_answers_otherwise_fails():
    played = running()
    decision = seen(played, v8=Answers(equal=900, different=100))

    assert (decision.judgement.verdict, decision.judgement.reason) == (Verdict.FAIL, "AnswersDiffer")
    for _ in range(5):
        played.tick()
    conditions = {each.type: (each.status, each.reason) for each in played.status.conditions}
    assert (conditions["Ready"], conditions["Succeeded"]) == (("True", "Failed"), ("False", "Failed"))
    assert played.status.decision.actions == (
        "look at where they differ: status.shadow[].fields, and pairs of answers, by kubectl exec"
        " -n <the operator's namespace> deployment/<its comparator> -- mexp shadow diff ranker -n shop",
        "mend it, or declare what may differ in spec.shadow.outputs and ignore, then apply a new experiment",
    )
    assert played.status.decision.next_manifest is None


@pytest.mark.parametrize(
    ("champion", "challenger", "finding", "verdict", "reason"),
    [
        pytest.param(DETERMINISTIC, ALIKE, ShadowFinding.ALIKE, Verdict.PASS, "AnswersAlike", id="alike"),
        pytest.param(DETERMINISTIC, Answers(equal=900, different=100), ShadowFinding.DIFFERENT, Verdict.FAIL,
                     "AnswersDiffer", id="different"),
        pytest.param(DETERMINISTIC, Answers(equal=999), ShadowFinding.UNDECIDED, Verdict.CONTINUE, "Collecting",
                     id="one pair below the minimum"),
        pytest.param(DETERMINISTIC, Answers(equal=1000), ShadowFinding.ALIKE, Verdict.PASS, "AnswersAlike",
                     id="the minimum of pairs"),
        pytest.param(DETERMINISTIC, Answers(equal=1900, different=100), ShadowFinding.UNDECIDED, Verdict.CONTINUE,
                     "Collecting", id="just as much as is tolerated"),
        pytest.param(Answers(equal=388, different=12), Answers(equal=2910, different=90), ShadowFinding.ALIKE,
                     Verdict.PASS, "AnswersAlike", id="a champion with 3% and a challenger as noisy"),
        pytest.param(Answers(equal=900, different=100), Answers(equal=1800, different=200), ShadowFinding.UNDECIDED,
                     Verdict.INCONCLUSIVE, "ChampionNoisy", id="a champion with 10% and a challenger as noisy"),
        pytest.param(Answers(equal=900, different=100), Answers(equal=1000, different=1000), ShadowFinding.DIFFERENT,
                     Verdict.FAIL, "AnswersDiffer", id="a challenger that is far noisier than a noisy champion"),
        pytest.param(Answers(), Answers(equal=900, different=100), ShadowFinding.UNDECIDED, Verdict.CONTINUE,
                     "Collecting", id="a champion that was not asked twice yet"),
        pytest.param(DETERMINISTIC, Answers(equal=1200, lost=800), ShadowFinding.NOT_COMPARABLE, Verdict.FAIL,
                     "AnswersNotComparable", id="a challenger that does not answer"),
        pytest.param(DETERMINISTIC, Answers(lost=800), ShadowFinding.NOT_COMPARABLE, Verdict.FAIL,
                     "AnswersNotComparable", id="a challenger that never answers"),
        pytest.param(Answers(equal=240, lost=160), Answers(equal=1200, lost=800), ShadowFinding.UNDECIDED,
                     Verdict.CONTINUE, "Collecting", id="a champion that fails, or refusals by both"),
        pytest.param(DETERMINISTIC, Answers(equal=1200, dropped=800), ShadowFinding.UNDECIDED, Verdict.CONTINUE,
                     "Collecting", id="a comparator without room"),
        pytest.param(DETERMINISTIC, Answers(equal=1940, lost=30, dropped=30), ShadowFinding.ALIKE, Verdict.PASS,
                     "AnswersAlike", id="a few lost pairs"),
    ],
)  # fmt: skip
def test_what_the_pairs_mean(champion, challenger, finding, verdict, reason):
    played = running()
    decision = late(played, champion, v8=challenger)

    assert [each.finding for each in played.status.shadow] == [finding]
    assert (decision.judgement.verdict, decision.judgement.reason) == (verdict, reason)


def test_how_often_the_champion_is_slower_than_itself_stands_beside_how_often_a_challenger_is():
    played = running(shadow={"latencyMargin": "50%"})
    counts = shadow_counts(played.now + 1, champion=DETERMINISTIC, v8=ALIKE)
    slower = {("v7", SLOWER_PAIRS): spread(20, seed=1), ("v8", SLOWER_PAIRS): spread(300, seed=2)}
    played.tick(Counts(counts.time, {**counts.tables, **slower}))

    (found,) = played.status.shadow
    assert (found.slower, found.slower_floor) == (300, "5.00%")
    assert found.finding is ShadowFinding.ALIKE  # it is told, not judged


def of_few_users(counts, users):
    """The same counts, as if so many users had asked."""
    places = np.arange(BUCKETS) % users
    return Counts(counts.time, {key: np.bincount(places, table, BUCKETS) for key, table in counts.tables.items()})


@pytest.mark.parametrize("challenger", [Answers(equal=3000), Answers(equal=2600, different=400)])
@pytest.mark.parametrize("users", [1, 15, 25])
def test_pairs_of_few_users_prove_nothing_however_many_they_are(users, challenger):
    played = running()
    played.now += 10
    counts = shadow_counts(played.now + 1, champion=DETERMINISTIC, v8=challenger)
    decision = played.tick(of_few_users(counts, users))

    compared = challenger.equal + challenger.different
    assert decision.judgement.verdict is Verdict.CONTINUE
    checks = {check.name: (check.status, check.message) for check in played.status.checks}
    assert checks["Users"][0] is CheckStatus.WAITING
    assert re.fullmatch(
        rf"{compared} pairs are worth \d+ of users who come once, 104 are needed at least to prove that fewer than 5%"
        " differ",
        checks["Users"][1],
    )


def test_a_champion_that_is_never_asked_twice_counts_as_one_that_never_differs_from_itself():
    played = running(shadow={"repeatChampion": 0})
    assert late(played, Answers(), v8=Answers(equal=900, different=100)).judgement.reason == "AnswersDiffer"

    played = running(shadow={"repeatChampion": 0})
    assert late(played, Answers(), v8=Answers(lost=2000)).judgement.reason == "Collecting"


def test_a_guardrail_that_breaks_while_the_challenger_is_asked_fails_it_at_once():
    played = running()
    for part in range(1, 5):
        decision = seen(played, v8=Answers(equal=250 * part, errors=100 * part))

    assert (decision.judgement.verdict, decision.judgement.reason) == (Verdict.FAIL, "GuardrailBreached")
    assert decision.judgement.challenger == "v8"
    assert decision.judgement.message.startswith("errors of v8: ")
    assert Phase.TAKING_BACK in [entry.phase for entry in played.status.history]
    assert "with probability 0.01 at most, for each guardrail" in played.status.decision.risk


def test_blindness_holds_first_and_ends_it_when_it_lasts():
    played = running()
    assert played.tick(blind=BLIND).judgement.verdict is Verdict.HOLD
    played.now += 61
    decision = played.tick(blind=BLIND)

    assert (decision.judgement.verdict, decision.judgement.reason) == (Verdict.INCONCLUSIVE, "BlindForTooLong")


def test_at_the_end_what_is_not_proven_is_inconclusive():
    played = running()
    played.now += 600
    decision = seen(played, v8=Answers(equal=1900, different=100))

    assert (decision.judgement.verdict, decision.judgement.reason) == (Verdict.INCONCLUSIVE, "MaximumDurationReached")
    assert decision.judgement.message == "2000 pairs are compared, 1000 are needed at least"


def test_a_mirror_without_pairs_ends_as_well_and_says_where_to_look():
    played = running()
    assert seen(played, v8=Answers()).judgement.message == "the first pairs are still to come"
    played.now += 600
    assert seen(played, v8=Answers()).judgement.verdict is Verdict.INCONCLUSIVE
    assert "let spec.shadow.replay name the requests that may be asked again" in played.status.decision.actions[0]


def test_a_noisy_champion_is_not_blamed_on_the_challenger_and_a_person_is_told_what_to_do():
    played = running()
    noisy = Answers(equal=900, different=100)
    late(played, noisy, v8=Answers(equal=1800, different=200))

    decision = played.status.decision
    assert decision.message == ("v7 differs from itself in 10.00% of 1000 pairs; 5% is tolerated of a challenger")
    assert decision.actions == (
        "let spec.shadow.outputs and ignore say what may differ, or set maximumDivergence above what v7 itself has,"
        " then apply a new experiment",
    )
    checks = {check.name: check.status for check in played.status.checks}
    assert (checks["Pairs"], checks["NoiseFloor"]) == (CheckStatus.PASSED, CheckStatus.FAILED)


def test_each_of_several_challengers_is_judged_and_the_verdict_waits_for_all():
    played = running(challengers=TWO)
    undecided = late(played, v8=ALIKE, v9=Answers(equal=950, different=50))
    assert [each.finding for each in played.status.shadow] == [ShadowFinding.ALIKE, ShadowFinding.UNDECIDED]
    assert undecided.judgement.verdict is Verdict.CONTINUE
    assert played.status.shadow[0].threshold == "40"  # both share alpha

    decision = seen(played, v8=ALIKE, v9=Answers(equal=900, different=300))

    assert (decision.judgement.verdict, decision.judgement.challenger) == (Verdict.PASS, "v8")
    assert any("answers of v9 differ" in said for said in decision.judgement.evidence)
    manifest = yaml.safe_load(played.status.decision.next_manifest)
    assert [each["name"] for each in manifest["spec"]["challengers"]] == ["v8"]


def test_where_all_of_several_fail_the_experiment_does():
    played = running(challengers=TWO)
    decision = seen(played, v8=Answers(lost=900), v9=Answers(equal=900, different=300))

    assert (decision.judgement.reason, decision.judgement.challenger) == ("AnswersDiffer", "v9")


def test_at_the_end_those_who_passed_pass_though_others_are_undecided():
    played = running(challengers=TWO)
    played.now += 600
    decision = seen(played, v8=ALIKE, v9=Answers(equal=950, different=50))

    assert (decision.judgement.verdict, decision.judgement.challenger) == (Verdict.PASS, "v8")


PLACEHOLDERS = {
    "<name of the objective>": "purchase",
    "<smallest improvement worth having, such as 5%>": "5%",
    "<share of users with the outcome today, such as 0.20>": "0.20",
    "<outcome that the application reports>": "purchase",
}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="one challenger"),
        pytest.param({"challengers": TWO}, id="two that pass"),
        pytest.param(
            {
                "routing": {"virtualService": {"name": "ranker", "rule": "main"}},
                "assignment": {"by": "PositionHeader", "positionHeader": "x-position"},
                "targeting": {"headers": [{"name": "x-country", "value": "de"}]},
                "guardrails": [],
            },
            id="everything said",
        ),
    ],
)
def test_after_a_pass_the_next_experiment_is_ready_but_for_what_a_person_decides(changes):
    played = running(**changes)
    late(played, **{each.name: ALIKE for each in played.subject.spec.challengers})
    text = played.status.decision.next_manifest
    with pytest.raises(SpecError, match=r'must be a DNS label.*found "<name of the objective>"'):
        parse_spec(yaml.safe_load(text)["spec"])
    for placeholder, choice in PLACEHOLDERS.items():
        assert text.count(placeholder) == 1
        text = text.replace(placeholder, choice)
    manifest = yaml.safe_load(text)
    next_spec, spec = parse_spec(manifest["spec"]), played.subject.spec

    assert (manifest["metadata"], manifest["kind"]) == ({"namespace": "shop", "name": "ranker-ab"}, "ModelExperiment")
    assert next_spec.strategy == "ABTest"
    assert (next_spec.champion, next_spec.routing) == (spec.champion, spec.routing)
    assert (next_spec.assignment, next_spec.targeting, next_spec.guardrails) == (
        spec.assignment, spec.targeting, spec.guardrails
    )  # fmt: skip
    assert [each.backend_ref for each in next_spec.challengers] == [each.backend_ref for each in spec.challengers]


def test_the_manifest_stays_when_the_process_is_a_new_one():
    played = running()
    late(played, v8=ALIKE)
    written = played.status.decision.next_manifest
    played.forget()
    for _ in range(4):
        played.tick()

    assert played.status.phase is Phase.CONCLUDED
    assert played.status.decision.next_manifest == written
    assert parse_status(played.status.to_json()) == played.status


def test_of_a_shadow_experiment_pairs_are_counted_and_no_users():
    assert [str(measure) for measure in measures_of(shadow_experiment().spec)] == [
        "pairs Equal", "pairs Different", "pairs NotComparable", "requests", "responses ServerError",
        "slow_responses 250ms",
    ]  # fmt: skip
    assert "slower_pairs" in map(str, measures_of(shadow_experiment(shadow={"latencyMargin": "50%"}).spec))
