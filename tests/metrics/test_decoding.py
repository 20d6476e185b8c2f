"""Reading Prometheus' JSON without trusting it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.builders import (
    EQUAL,
    ERRORS,
    MEASURES,
    NOW,
    QUESTION,
    REQUESTS,
    VARIANTS,
    matrix,
    reading,
    series_of,
    table,
    tables,
    vector,
)
from model_experiment.metrics.decoding import MalformedAnswerError, result_of, snapshot_of, snapshots_of
from model_experiment.metrics.families import COLLECTOR, COMPARATOR
from model_experiment.metrics.judgement import judge
from model_experiment.metrics.snapshot import Snapshot
from model_experiment.metrics.source import NoData, NotANumber, Question


def decoded(series, **more):
    result, _ = result_of(vector(series, **more), kind="vector")
    return snapshot_of(result, QUESTION, at=NOW)


def test_every_collector_becomes_one_reading():
    """Same counters under two addresses stay apart: only the ledger may add them."""
    one, two = reading(3.0), reading(5.0, collector="10.0.0.2:9090", started=NOW - 5)
    found = decoded([*series_of(one), *series_of(two)])
    assert found.time == NOW
    assert [(r.process, r.started, r.heartbeat) for r in found.readings] == [
        ("collector 10.0.0.1:9090", one.started, one.heartbeat),
        ("collector 10.0.0.2:9090", two.started, two.heartbeat),
    ]
    assert [r.tables["v8", REQUESTS].sum() for r in found.readings] == [300, 500]
    assert found.readings[0].tables.keys() == tables().keys()


def test_a_process_scraped_twice_counts_once():
    """Two scrape jobs, or two Prometheus servers behind one query, show one process under two label sets."""
    earlier, later = reading(3.0, heartbeat=NOW - 9), reading(4.0, heartbeat=NOW - 1)
    found = decoded([*series_of(later, labels={"prometheus": "a"}), *series_of(earlier, labels={"prometheus": "b"})])
    (process,) = found.readings
    assert process.heartbeat == NOW - 1
    assert (process.tables["v8", REQUESTS] == 4.0).all()


def test_the_comparators_of_a_shadow_experiment_are_read_as_collectors_are():
    asked = Question("5e1f-1", VARIANTS, (REQUESTS, EQUAL), exporter=COMPARATOR)
    counted = reading(2.0, collector="10.0.0.9:9090", counters=tables(2.0, measures=asked.measures))
    beside = series_of(reading(7.0, started=NOW - 3))

    found = snapshot_of(vector([*series_of(counted, exporter=COMPARATOR)])["data"]["result"], asked, at=NOW)
    with pytest.raises(
        MalformedAnswerError, match=r"comparator 10\.0\.0\.1:9090 must report model_experiment_comparator"
    ):
        snapshot_of(vector(beside)["data"]["result"], asked, at=NOW)

    assert [(r.process, r.started, r.heartbeat) for r in found.readings] == [
        ("comparator 10.0.0.9:9090", counted.started, counted.heartbeat)
    ]
    assert found.readings[0].tables.keys() == counted.tables.keys()
    assert judge(found, asked, stale_after_seconds=45).reason == "1 comparator read"
    assert judge(replace(found, readings=()), asked, stale_after_seconds=45) == NoData(
        "at least 1 comparator must be scraped by Prometheus, found none"
    )


def test_what_was_not_asked_is_left_out():
    one = reading(counters=tables(measures=[*MEASURES, ERRORS]))
    assert decoded(series_of(one)).readings[0].tables.keys() == tables().keys()


def test_a_table_with_a_hole_is_no_table():
    series = [s for s in series_of(reading()) if s[0].get("bucket") != "17" or s[0]["variant"] != "v8"]
    assert decoded(series).readings[0].tables.keys() == tables(variants=["v7"]).keys()


def test_a_collector_that_knows_no_experiment_has_no_tables():
    (found,) = decoded(series_of(reading(counters={}))).readings
    assert found.tables == {}


@pytest.mark.parametrize("text", ["NaN", "+Inf", "-Inf"])
@pytest.mark.parametrize(
    ("place", "subject"),
    [
        pytest.param(-1, "requests of variant v7, bucket 99, of collector 10.0.0.1:9090", id="a counter"),
        pytest.param(1, f"{COLLECTOR.heartbeat} of collector 10.0.0.1:9090", id="a gauge"),
    ],
)
def test_what_is_not_a_finite_number_never_becomes_a_value(text, place, subject):
    series = series_of(reading())
    series[place] = (series[place][0], text)
    assert decoded(series) == NotANumber(f"{subject} must be a finite number, found {text}")


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        pytest.param(lambda s: s.pop("metric"), "a series is not shaped as promised", id="no labels"),
        pytest.param(lambda s: s.pop("value"), "a series is not shaped as promised", id="a histogram instead"),
        pytest.param(lambda s: s.update(value=[]), "a series is not shaped as promised", id="an empty sample"),
        pytest.param(lambda s: s.update(value=[NOW, None]), "a series is not shaped as promised", id="null"),
        pytest.param(lambda s: s.update(value=[NOW, "seven"]), "could not convert", id="a word"),
        pytest.param(lambda s: s.update(metric=[]), "a series is not shaped as promised", id="a list of labels"),
        pytest.param(lambda s: s["metric"].pop("__name__"), "'__name__'", id="no name"),
        pytest.param(lambda s: s["metric"].pop("variant"), "variant", id="no variant"),
        pytest.param(lambda s: s["metric"].update(bucket="100"), "'100'", id="a bucket beyond 99"),
    ],
)
def test_a_series_of_another_shape_is_malformed(spoil, complaint):
    answer = vector(series_of(reading()))
    spoil(answer["data"]["result"][-1])
    with pytest.raises(MalformedAnswerError, match=complaint):
        snapshot_of(answer["data"]["result"], QUESTION, at=NOW)


@pytest.mark.parametrize("gauge", [COLLECTOR.started, COLLECTOR.heartbeat])
def test_counters_without_the_gauges_beside_them_are_malformed(gauge):
    series = [s for s in series_of(reading()) if s[0]["__name__"] != gauge]
    with pytest.raises(MalformedAnswerError, match=f"collector 10.0.0.1:9090 must report {gauge}, found none"):
        decoded(series)


@pytest.mark.parametrize(
    ("envelope", "complaint"),
    [
        pytest.param(None, "found None", id="null"),
        pytest.param([], r"found \[\]", id="a list"),
        pytest.param({"status": "error", "error": "boom"}, "must be a success with data, found .*boom", id="an error"),
        pytest.param({"status": "success"}, "must be a success with data", id="no data"),
        pytest.param({"status": "success", "data": {"resultType": "vector"}}, "must be a vector", id="no result"),
        pytest.param(matrix({}), "must be a vector, found matrix", id="a matrix"),
        pytest.param(
            {"status": "success", "data": {"resultType": "scalar", "result": [NOW, "1"]}},
            "must be a vector, found scalar",
            id="a scalar",
        ),
    ],
)
def test_an_answer_of_another_kind_is_malformed(envelope, complaint):
    with pytest.raises(MalformedAnswerError, match=complaint):
        result_of(envelope, kind="vector")


@pytest.mark.parametrize(
    ("warnings", "expected"),
    [
        pytest.param(None, (), id="none"),
        pytest.param([], (), id="an empty list"),
        pytest.param(["a\nb\x1b[31m"], ("ab[31m",), id="control characters go"),
        pytest.param(["x" * 1000], ("x" * 200,), id="long ones are shortened"),
        pytest.param([str(i) for i in range(9)], ("0", "1", "2", "3", "4"), id="the first five"),
        pytest.param("partial", ("partial",), id="not a list"),
    ],
)
def test_warnings_are_kept_short_and_plain(warnings, expected):
    assert result_of(vector([], warnings=warnings), kind="vector")[1] == expected


def test_a_range_reads_as_the_instants_in_it():
    """Restart in the middle, a time without any sample, one with a NaN: as if each had been asked alone."""
    evaluations = {
        NOW: series_of(reading(3.0)),
        NOW + 5: [],
        NOW + 10: series_of(reading(1.0, started=NOW + 7, heartbeat=NOW + 9)),
        NOW + 15.5: [(labels, "NaN") for labels, _ in series_of(reading())],
    }
    answer = matrix({at: series for at, series in evaluations.items() if series})
    found = snapshots_of(answer["data"]["result"], QUESTION, times=list(evaluations))
    for at, snapshot in zip(evaluations, found, strict=True):
        alone = snapshot_of(vector(evaluations[at])["data"]["result"], QUESTION, at=at)
        assert_same(snapshot, alone)
    assert [type(snapshot) for snapshot in found] == [Snapshot, Snapshot, Snapshot, NotANumber]


def test_a_sample_at_a_time_that_was_not_asked_is_malformed():
    answer = matrix({NOW + 1: series_of(reading())})
    with pytest.raises(MalformedAnswerError):
        snapshots_of(answer["data"]["result"], QUESTION, times=[NOW])


def assert_same(one, two):
    if isinstance(one, NotANumber):
        assert one == two
        return
    assert one.time == two.time
    assert len(one.readings) == len(two.readings)
    for left, right in zip(one.readings, two.readings, strict=True):
        assert (left.process, left.started, left.heartbeat) == (
            right.process,
            right.started,
            right.heartbeat,
        )
        assert left.tables.keys() == right.tables.keys()
        assert all(np.array_equal(left.tables[key], right.tables[key]) for key in left.tables)


def test_bucket_labels_land_in_their_own_bucket():
    one = reading(counters={**tables(), ("v8", REQUESTS): table(0.0, b0=1.0, b17=2.0, b99=3.0)})
    found = decoded(reversed(series_of(one))).readings[0].tables["v8", REQUESTS]
    assert (found[0], found[17], found[99], found.sum()) == (1.0, 2.0, 3.0, 6.0)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.text()
    | st.sampled_from(["success", "vector", "1", "NaN", COLLECTOR.started]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    [
        COLLECTOR.started,
        COLLECTOR.heartbeat,
        "model_experiment_requests_total",
        "model_experiment_responses_total",
        "up",
    ]
)
LABELS = st.fixed_dictionaries({}, optional={"__name__": NAMES | JSON, "bucket": JSON, "variant": JSON, "class": JSON})
SERIES = st.fixed_dictionaries({}, optional={"metric": LABELS | JSON, "value": JSON, "values": JSON})


@given(JSON | st.fixed_dictionaries({"status": st.just("success"), "data": JSON, "warnings": JSON}))
def test_no_envelope_is_a_surprise(envelope):
    try:
        result, warnings = result_of(envelope, kind="vector")
    except MalformedAnswerError:
        return
    assert isinstance(result, list)
    assert all(warning.isprintable() for warning in warnings)


@given(st.lists(SERIES | JSON, max_size=3))
def test_no_series_is_a_surprise(result):
    for decode in (
        lambda: snapshot_of(result, QUESTION, at=NOW),
        lambda: snapshots_of(result, QUESTION, times=[NOW]),
    ):
        try:
            decode()
        except MalformedAnswerError:
            continue
