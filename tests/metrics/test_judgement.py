"""Five answers from one snapshot: which one, and the sentence that says why."""

import pytest

from metrics.builders import NOW, QUESTION, REQUESTS, UID, reading, snapshot, tables
from model_experiment.metrics.judgement import judge
from model_experiment.metrics.source import NoData, Stale, Value

FRESH = reading(collector="a:1", started=1.0)
FOREIGN = reading(collector="b:1", started=2.0, counters={})
OLD = reading(collector="c:1", started=3.0, heartbeat=NOW - 60)
AHEAD = reading(collector="d:1", started=4.0, heartbeat=NOW + 90)
ONLY_CHAMPION = reading(collector="e:1", started=5.0, counters=tables(variants=["v7"]))
NO_REQUESTS = reading(
    collector="f:1",
    started=6.0,
    counters={key: value for key, value in tables().items() if key != ("v7", REQUESTS)},
)


def judged(*readings, warnings=()):
    return judge(snapshot(*readings), QUESTION, stale_after_seconds=45, warnings=warnings)


@pytest.mark.parametrize(
    ("readings", "reason"),
    [
        pytest.param([], "at least 1 collector must be scraped by Prometheus, found none", id="no collector"),
        pytest.param([FOREIGN], f"1 collector reported, none of them counts experiment {UID}", id="nobody counts it"),
        pytest.param(
            [FRESH, ONLY_CHAMPION],
            "collector e:1 must report all 100 buckets of exposures for variant v8 (and 1 more tables), "
            "found none or not all",
            id="a collector has one variant only",
        ),
        pytest.param(
            [NO_REQUESTS],
            "collector f:1 must report all 100 buckets of requests for variant v7, found none or not all",
            id="one measure of one variant is missing",
        ),
    ],
)
def test_no_data_says_what_is_missing(readings, reason):
    assert judged(*readings) == NoData(reason)


@pytest.mark.parametrize(
    ("readings", "age", "when"),
    [
        pytest.param([OLD, FOREIGN], 60.0, "1 collector known", id="only somebody else's is fresh"),
        pytest.param([OLD], 60.0, "1 collector known, the nearest heartbeat is 60.0 s ago", id="in the past"),
        pytest.param([AHEAD], -90.0, "the nearest heartbeat is 90.0 s in the future", id="in the future"),
        pytest.param([AHEAD, OLD], 60.0, "2 collectors known, the nearest heartbeat is 60.0 s ago", id="both"),
    ],
)
def test_when_no_heartbeat_is_near_the_answer_is_stale(readings, age, when):
    answer = judged(*readings)
    assert isinstance(answer, Stale)
    assert answer.age_seconds == age
    assert "a collector must have reported within 45 s" in answer.reason
    assert when in answer.reason


@pytest.mark.parametrize(
    ("readings", "warnings", "expected"),
    [
        pytest.param([FRESH], [], (), id="complete"),
        pytest.param([FRESH], ["partial"], ("partial",), id="the source's own warnings are kept"),
        pytest.param([FRESH, OLD], [], ("collector c:1 reported 60.0 s ago",), id="one of two is stale"),
        pytest.param([FRESH, AHEAD], [], ("collector d:1 reported 90.0 s in the future",), id="one clock is ahead"),
        pytest.param([FRESH, FOREIGN], [], (), id="a collector of somebody else says nothing"),
    ],
)
def test_a_value_keeps_every_reading_and_warns_of_each_doubt(readings, warnings, expected):
    answer = judged(*readings, warnings=warnings)
    assert isinstance(answer, Value)
    assert answer.warnings == expected
    assert answer.snapshot.readings == tuple(readings)
    assert answer.reason == "; ".join([f"{'1 collector' if len(readings) == 1 else '2 collectors'} read", *expected])


def test_a_heartbeat_exactly_at_the_limit_is_fresh():
    assert isinstance(judged(reading(heartbeat=NOW - 45)), Value)
    assert isinstance(judged(reading(heartbeat=NOW - 45.001)), Stale)
