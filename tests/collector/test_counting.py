from dataclasses import replace

import pytest

from collector.collecting import RANKER, user_of
from model_experiment.assignment import Assignment, Share
from model_experiment.collector.catalogue import LatencyLimit, catalogue_of
from model_experiment.collector.counting import CLIENT_ERRORS, SERVER_ERRORS, Tallies, Tally
from model_experiment.collector.entries import Request
from model_experiment.collector.store import Exposure, Outcome
from model_experiment.decision.counts import BYPASSED, EXPOSURES, MISASSIGNED, REQUESTS, Family, Measure

SLOW = Measure(Family.SLOW_RESPONSES, "250ms")
PURCHASES = Measure(Family.OUTCOMES, "purchase")
PURCHASE_VALUE = Measure(Family.OUTCOME_VALUE, "purchase")
MEETS_V8 = user_of("v8")


def request(variant="v8", *, user=MEETS_V8, code=200, nanoseconds=0):
    return Request(counted=RANKER, variant=variant, user=user, code=code, nanoseconds=nanoseconds, started=1.0)


def exposure(variant="v8", *, user=MEETS_V8, uid=RANKER.uid):
    return Exposure(uid, user, variant, RANKER.assignment.bucket(user), 1.0)


def totals(tally):
    return {key: sum(table) for key, table in tally.tables.items() if any(table)}


def test_everything_declared_stands_at_zero_from_the_beginning():
    tally = Tally(RANKER)
    measures = {
        EXPOSURES,
        REQUESTS,
        MISASSIGNED,
        BYPASSED,
        SERVER_ERRORS,
        CLIENT_ERRORS,
        SLOW,
        PURCHASES,
        PURCHASE_VALUE,
    }
    assert set(tally.tables) == {(variant, measure) for variant in ("v7", "v8") for measure in measures}
    assert all(table == [0] * 100 for table in tally.tables.values())


def test_responses_count_by_class_and_by_declared_latency():
    tally = Tally(RANKER)
    for code in (0, 200, 399, 400, 499, 500, 599):
        tally.count(request(code=code))
    for nanoseconds in (249_999_999, 250_000_000, 250_000_001):
        tally.count(request(nanoseconds=nanoseconds))
    assert totals(tally) == {
        ("v8", REQUESTS): 10,
        ("v8", CLIENT_ERRORS): 2,
        ("v8", SERVER_ERRORS): 2,
        ("v8", SLOW): 1,
    }


def test_a_request_that_met_another_variant_than_assigned_is_told_apart():
    tally = Tally(RANKER)
    tally.count(request("v8"))
    tally.count(request("v7"))
    assert totals(tally) == {("v8", REQUESTS): 1, ("v7", REQUESTS): 1, ("v7", MISASSIGNED): 1}


def test_a_long_answer_says_nothing_of_the_present_split_because_it_may_have_begun_under_another():
    tally = Tally(RANKER)
    tally.count(request("v7", nanoseconds=29_999_999_999))
    tally.count(request("v7", nanoseconds=30_000_000_000))
    assert totals(tally)["v7", REQUESTS] == 2
    assert totals(tally)["v7", MISASSIGNED] == 1


SHARED = replace(RANKER, shared_route="ranker/rule/0", services=(("ranker-v7", "v7"), ("ranker-v8", "v8")))
MEETS_V7 = user_of("v7")
ANSWERS = [
    pytest.param([("v7", MEETS_V7, 1)], [], id="the champion's before the split stands"),
    pytest.param([("v8", MEETS_V8, 2), ("v7", MEETS_V7, 2)], [0, 1], id="both variants' once it stands"),
    pytest.param([("v8", MEETS_V8, 2), ("v7", MEETS_V7, 1)], [0], id="the champion's that comes late from before"),
    pytest.param(
        [("v8", MEETS_V8, 2), ("v7", MEETS_V8, 3), ("v7", MEETS_V7, 4)], [0], id="the champion's after it was undone"
    ),
    pytest.param(
        [("v8", MEETS_V8, 2), ("v7", MEETS_V8, 1), ("v7", MEETS_V7, 4)], [0, 2], id="late news of before are no news"
    ),
    pytest.param([("v8", MEETS_V7, 2), ("v7", MEETS_V7, 2)], [0], id="a promoted challenger's, which proves no split"),
]


@pytest.mark.parametrize(("answers", "counted"), ANSWERS)
def test_on_a_shared_route_the_champions_answers_count_only_while_the_split_stands(answers, counted):
    tally = Tally(SHARED)
    requests = [
        replace(request(variant, user=user), counted=SHARED, started=float(time)) for variant, user, time in answers
    ]
    assert [place for place, each in enumerate(requests) if tally.takes(each)] == counted


def test_a_route_of_our_own_has_no_users_but_the_experiments():
    assert Tally(RANKER).takes(request("v7", user=MEETS_V7))


def test_a_user_keeps_the_bucket_in_every_variant():
    tally = Tally(RANKER)
    tally.count(request("v8"))
    tally.count(request("v7"))
    bucket = RANKER.assignment.bucket(MEETS_V8)
    assert tally.tables["v8", REQUESTS][bucket] == tally.tables["v7", REQUESTS][bucket] == 1


def test_exposures_and_outcomes_count_under_the_variant_of_the_log():
    tallies = Tallies()
    tallies.know(catalogue_of([RANKER]))
    tallies.of(RANKER).count(request("v7"))
    tallies.add_exposures([exposure("v8")])
    tallies.add_outcomes([("v8", Outcome(RANKER.uid, MEETS_V8, "purchase", 2.5, 1.0))])
    assert totals(tallies.of(RANKER)) == {
        ("v7", REQUESTS): 1,
        ("v7", MISASSIGNED): 1,
        ("v8", EXPOSURES): 1,
        ("v8", PURCHASES): 1,
        ("v8", PURCHASE_VALUE): 2.5,
    }


def test_what_the_log_says_of_somebody_else_is_left_out():
    tallies = Tallies()
    tallies.know(catalogue_of([RANKER]))
    tallies.add_exposures([exposure(uid="gone"), exposure("v6")])
    tallies.add_outcomes([("v8", Outcome(RANKER.uid, MEETS_V8, "undeclared", 1.0, 1.0))])
    assert totals(tallies.of(RANKER)) == {}


def test_new_weights_keep_the_numbers():
    tallies = Tallies()
    tallies.know(catalogue_of([RANKER]))
    tallies.of(RANKER).count(request())
    promoted = replace(RANKER, assignment=Assignment(100_003, (Share("v8", 100_002), Share("v7", 1))))
    tallies.know(catalogue_of([promoted]))
    assert totals(tallies.of(promoted)) == {("v8", REQUESTS): 1}
    assert tallies.of(promoted).counted is promoted


def test_a_new_limit_starts_at_zero_and_an_old_one_is_gone():
    tally = Tally(RANKER)
    tally.count(request(nanoseconds=300_000_000))
    tally.fit(replace(RANKER, latency_limits=(LatencyLimit("1s", 1_000_000_000),)))
    tally.count(request(nanoseconds=1_500_000_000))
    assert totals(tally) == {("v8", REQUESTS): 2, ("v8", Measure(Family.SLOW_RESPONSES, "1s")): 1}


def test_an_experiment_of_the_same_name_starts_anew():
    tallies = Tallies()
    tallies.know(catalogue_of([RANKER]))
    tallies.of(RANKER).count(request())
    again = replace(RANKER, uid="3f0c-2")
    tallies.know(catalogue_of([again]))
    assert [totals(tally) for tally in tallies] == [{}]
    tallies.know(catalogue_of([]))
    assert list(tallies) == []
