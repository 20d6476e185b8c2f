"""The exact text that reaches Prometheus."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.builders import ERRORS, OUTCOMES, SLOW, UID, VALUE
from model_experiment.decision.counts import EXPOSURES, REQUESTS, Family, Measure
from model_experiment.metrics.families import COLLECTOR, COMPARATOR, COUNTER_LABELS
from model_experiment.metrics.queries import check_query, experiment_query, quoted


def test_the_names_are_the_published_ones():
    assert COLLECTOR.metrics == {
        Family.EXPOSURES: "model_experiment_exposures_total",
        Family.RAMP_EXPOSURES: "model_experiment_ramp_exposures_total",
        Family.REQUESTS: "model_experiment_requests_total",
        Family.MISASSIGNED: "model_experiment_misassigned_total",
        Family.BYPASSED: "model_experiment_bypassed_total",
        Family.RESPONSES: "model_experiment_responses_total",
        Family.SLOW_RESPONSES: "model_experiment_slow_responses_total",
        Family.OUTCOME_VALUE: "model_experiment_outcome_value_total",
        Family.OUTCOMES: "model_experiment_outcomes_total",
    }
    assert COMPARATOR.metrics == {
        Family.PAIRS: "model_experiment_shadow_pairs_total",
        Family.SLOWER_PAIRS: "model_experiment_shadow_slower_pairs_total",
        Family.REQUESTS: "model_experiment_shadow_requests_total",
        Family.RESPONSES: "model_experiment_shadow_responses_total",
        Family.SLOW_RESPONSES: "model_experiment_shadow_slow_responses_total",
    }
    assert COUNTER_LABELS == ("uid", "experiment", "variant", "bucket")


def test_one_query_brings_the_asked_families_of_one_experiment_and_all_gauges():
    assert experiment_query(UID, [Family.REQUESTS, Family.EXPOSURES, Family.REQUESTS]) == (
        '{__name__=~"model_experiment_exposures_total|model_experiment_requests_total",'
        'uid="11111111-2222-3333-4444-555555555555"} or '
        '{__name__=~"model_experiment_collector_heartbeat_timestamp_seconds|'
        'model_experiment_collector_started_timestamp_seconds"}'
    )


def test_of_a_shadow_experiment_the_comparators_are_asked():
    assert experiment_query("u-1", [Family.PAIRS, Family.REQUESTS], exporter=COMPARATOR) == (
        '{__name__=~"model_experiment_shadow_pairs_total|model_experiment_shadow_requests_total",uid="u-1"} or '
        '{__name__=~"model_experiment_comparator_heartbeat_timestamp_seconds|'
        'model_experiment_comparator_started_timestamp_seconds"}'
    )
    assert check_query("u-1", Measure(Family.PAIRS, "Different"), exporter=COMPARATOR) == (
        'sum by (variant) (model_experiment_shadow_pairs_total{uid="u-1",result="Different"})'
    )


@pytest.mark.parametrize(
    ("measure", "text"),
    [
        pytest.param(EXPOSURES, 'model_experiment_exposures_total{uid="u-1"}', id="a family without detail"),
        pytest.param(REQUESTS, 'model_experiment_requests_total{uid="u-1"}', id="requests"),
        pytest.param(ERRORS, 'model_experiment_responses_total{uid="u-1",class="ServerError"}', id="a class"),
        pytest.param(SLOW, 'model_experiment_slow_responses_total{uid="u-1",above="250ms"}', id="a latency"),
        pytest.param(VALUE, 'model_experiment_outcome_value_total{uid="u-1",outcome="purchase"}', id="a sum"),
        pytest.param(OUTCOMES, 'model_experiment_outcomes_total{uid="u-1",outcome="purchase"}', id="a number"),
        pytest.param(
            Measure(Family.OUTCOMES, 'x"} or vector(1) #\\'),
            'model_experiment_outcomes_total{uid="u-1",outcome="x\\"} or vector(1) #\\\\"}',
            id="a name that tries to leave its quotes",
        ),
    ],
)
def test_a_person_can_check_any_number_with_a_short_query(measure, text):
    assert check_query("u-1", measure) == f"sum by (variant) ({text})"


@pytest.mark.parametrize("uid", ["", 'a"b', "a b", "a\n", "x" * 65, "é"])
def test_a_uid_that_could_change_the_query_is_refused(uid):
    for ask in (lambda: experiment_query(uid, [Family.REQUESTS]), lambda: check_query(uid, REQUESTS)):
        with pytest.raises(ValueError, match="must be 1 to 64 letters, digits and hyphens, found"):
            ask()


def test_a_query_for_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 1 family"):
        experiment_query(UID, [])


@given(st.text())
def test_no_text_leaves_its_quotes(text):
    """Between the outer quotes every quote is escaped, nothing is unescaped wrongly, no line ends."""
    literal = quoted(text)
    inside = literal[1:-1]
    assert re.fullmatch(r'([^"\\\n]|\\\\|\\"|\\x[0-9a-f]{2})*', inside)
    unescaped = re.sub(
        r"\\(x[0-9a-f]{2}|.)",
        lambda match: chr(int(match[1][1:], 16)) if len(match[1]) > 1 else match[1],
        inside,
    )
    assert unescaped == text
