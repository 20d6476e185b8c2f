"""Delays agree with the published table, and with what the evidence itself does on average counts."""

import re

import numpy as np
import pytest

from model_experiment.statistics.guardrails.change_point import (
    HarmEvidence,
    RequestCounts,
    absolute_poll,
    relative_poll,
)
from model_experiment.statistics.not_estimable import NotEstimable
from model_experiment.statistics.planning import guardrail_delay

POLLS = 14 * 5760
PLAN = {"alpha": 0.01, "planned_polls": POLLS}
SHARES = np.array([0.5, 0.1, 0.05])
RESERVE = 45
"""Seconds that the published table keeps for scraping, polling and routing, out of its five minutes."""


@pytest.mark.parametrize(
    ("champion", "challenger", "requests"),
    [
        (0.01, 0.015, [248, 650, 1_223]),
        (0.01, 0.02, [73, 185, 345]),
        (0.01, 0.03, [24, 56, 104]),
        (0.01, 0.05, [8.6, 19, 34]),
        (0.05, 0.10, [15, 37, 69]),
        (0.001, 0.01, [29, 58, 102]),
    ],
)
def test_the_traffic_for_five_minutes_is_that_of_the_published_table(champion, challenger, requests):
    told = guardrail_delay.information_against_champion(champion=champion, challenger=challenger, share=SHARES)
    found = guardrail_delay.required_requests_per_second(told, delay=300 - RESERVE, **PLAN).values
    # The table is for 1/alpha; half of the prior mass on the first poll makes it 2/alpha, 4.4 % more.
    assert found == pytest.approx(requests, rel=0.06)
    assert found * np.log(POLLS / 0.01) / np.log(2 * POLLS / 0.01) == pytest.approx(requests, rel=0.025)
    delay = guardrail_delay.expected_delay(told, requests_per_second=found, **PLAN).values
    assert delay == pytest.approx([300 - RESERVE] * 3)


@pytest.mark.parametrize(
    ("per_variant", "champion", "challenger", "minutes"),
    [(20, 0.01, 0.05, 1.0), (20, 0.01, 0.02, 7.5), (5, 0.01, 0.05, 3.5), (100, 0.01, 0.02, 1.75), (20, 0.001, 0.01, 3)],
)
def test_delays_are_near_the_simulated_medians(per_variant, champion, challenger, minutes):
    told = guardrail_delay.information_against_champion(champion=champion, challenger=challenger, share=0.5)
    found = guardrail_delay.expected_delay(told, requests_per_second=2 * per_variant, **PLAN).single / 60
    assert found == pytest.approx(minutes, rel=0.1)


def seconds_to_alarm(poll_before, poll_after, *, seconds):
    evidence = HarmEvidence.at_start(planned_polls=POLLS)
    for _ in range(2_000):  # until the prior mass of the first poll is used up
        evidence = evidence.with_poll(poll_before)
    for number in range(1, 2_000):
        evidence = evidence.with_poll(poll_after)
        if evidence.reaches(100):
            return number * seconds
    return None


def test_the_evidence_alarms_after_the_expected_delay_on_average_counts_against_the_champion():
    def poll(rate):
        old, new = RequestCounts(0.01 * 270, 270), RequestCounts(rate * 30, 30)
        return relative_poll(champion=old, challenger=new, ratio=1.25, phi=2.0)

    told = guardrail_delay.information_against_champion(champion=0.01, challenger=0.0375, share=0.1, ratio=1.25, phi=2)
    expected = guardrail_delay.expected_delay(told, requests_per_second=60, **PLAN).single
    assert seconds_to_alarm(poll(0.01), poll(0.0375), seconds=5) == pytest.approx(expected, rel=0.1)


def test_the_evidence_alarms_after_the_expected_delay_on_average_counts_against_a_limit():
    def poll(rate):
        return absolute_poll(challenger=RequestCounts(rate * 100, 100), limit=0.02)

    told = guardrail_delay.information_against_limit(challenger=0.06, limit=0.02, share=0.25)
    expected = guardrail_delay.expected_delay(told, requests_per_second=80, **PLAN).single
    assert seconds_to_alarm(poll(0.01), poll(0.06), seconds=5) == pytest.approx(expected, rel=0.15)


def test_harm_from_the_first_poll_is_heard_of_sooner():
    told = guardrail_delay.information_against_champion(champion=0.01, challenger=0.02, share=0.5)
    early, late = (
        guardrail_delay.expected_delay(told, requests_per_second=40, alpha=0.01, planned_polls=polls).single
        for polls in (1, POLLS)
    )
    assert early / late == pytest.approx(np.log(200) / np.log(200 * POLLS))


@pytest.mark.parametrize(
    ("champion", "challenger", "told"),
    [
        pytest.param(0.01, 0.01, 0.0, id="no change"),
        pytest.param(0.01, 0.012, 0.0, id="within the margin"),
        pytest.param(0.01, 0.001, 0.0, id="an improvement"),
        pytest.param(0.0, 0.0, 0.0, id="no events"),
        pytest.param(0.0, 0.01, 0.005 * np.log(2.25 / 1.25), id="events only at the challenger"),
    ],
)
def test_what_a_request_tells_with_a_margin_of_a_quarter(champion, challenger, told):
    found = guardrail_delay.information_against_champion(
        champion=champion, challenger=challenger, share=0.5, ratio=1.25
    )
    assert found == pytest.approx(told)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        pytest.param(
            lambda: guardrail_delay.expected_delay([1e-3, 0.0], requests_per_second=5, **PLAN)[1],
            "the rate is allowed, so no alarm is to be expected",
            id="an allowed rate",
        ),
        pytest.param(
            lambda: guardrail_delay.expected_delay(1e-3, requests_per_second=0, **PLAN).single,
            "no alarm can come with requests_per_second of 0",
            id="no traffic",
        ),
        pytest.param(
            lambda: guardrail_delay.required_requests_per_second(1e-3, delay=0, **PLAN).single,
            "no alarm can come with delay of 0",
            id="no time",
        ),
    ],
)
def test_what_is_never_heard_of_has_no_delay(call, reason):
    assert call() == NotEstimable(reason)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        pytest.param({"share": 1.0}, "share must lie strictly between 0 and 1, found 1", id="no champion"),
        pytest.param({"challenger": -0.1}, "challenger must lie between 0 and 1, found -0.1", id="a negative rate"),
        pytest.param({"ratio": 0.0}, "ratio must be finite and above 0, found 0", id="nothing is allowed"),
        pytest.param({"phi": 0.5}, "phi must be finite and 1 or more, found 0.5", id="less than independent"),
    ],
)
def test_a_bad_argument_is_refused_by_name(changed, message):
    rates = {"champion": 0.01, "challenger": 0.02, "share": 0.5}
    with pytest.raises(ValueError, match=re.escape(message)):
        guardrail_delay.information_against_champion(**rates | changed)
