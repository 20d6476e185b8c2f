"""What is written at once, what may wait, and what is said only once."""

from copy import deepcopy
from dataclasses import replace

import pytest

from given.deciding import START, experiment
from model_experiment.api.status import Phase
from model_experiment.controller.recording import event_of, is_worth_writing
from model_experiment.decision.state import Entry

STATUS = {
    "observedGeneration": 1,
    "phase": "Running",
    "startTime": "2027-01-15T08:00:00Z",
    "conditions": [{"type": "Ready", "status": "True", "reason": "Collecting", "message": "3 of 9 users"}],
    "assignment": {"unit": "User", "header": "x-user-id", "modulus": 101, "shares": []},
    "variants": [{"name": "v8", "role": "Challenger", "weight": 50, "share": "50.00%", "users": 3, "requests": 9}],
    "objectives": [{"name": "purchase", "challenger": "v8", "finding": "Undecided", "effect": "+1.0%", "look": "1/7"}],
    "guardrails": [{"name": "errors", "challenger": "v8", "finding": "Holding", "evidence": "1.4"}],
    "checks": [{"name": "Sample", "status": "Waiting", "message": "3 of 9 users"}],
    "decision": {"verdict": "Continue", "reason": "Collecting", "message": "3 of 9 users", "evidence": []},
    "history": [{"time": "2027-01-15T08:00:00Z", "phase": "Running", "reason": "TrafficShifted", "message": "open"}],
}


def changed(*path, to):
    """The status with another value somewhere."""
    status = deepcopy(STATUS)
    place = status
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return status


NEWS = [
    pytest.param(changed("phase", to="Promoting"), id="a phase"),
    pytest.param(changed("observedGeneration", to=2), id="the generation it is about"),
    pytest.param(changed("startTime", to="2027-01-15T08:00:01Z"), id="the start"),
    pytest.param(changed("assignment", "modulus", to=103), id="the assignment"),
    pytest.param(changed("conditions", 0, "status", to="False"), id="a condition"),
    pytest.param(changed("conditions", 0, "reason", to="MetricsStale"), id="the reason of a condition"),
    pytest.param(changed("objectives", 0, "finding", to="Better"), id="a finding on an objective"),
    pytest.param(changed("objectives", 0, "look", to="2/7"), id="a look that was spent"),
    pytest.param(changed("guardrails", 0, "finding", to="Breached"), id="a breach"),
    pytest.param(changed("checks", 0, "status", to="Passed"), id="a check"),
    pytest.param(changed("decision", "verdict", to="Promote"), id="a verdict"),
    pytest.param(changed("decision", "reason", to="MetricsStale"), id="the reason of a verdict"),
    pytest.param(changed("history", to=[*STATUS["history"], STATUS["history"][0]]), id="a line of history"),
]
NUMBERS = [
    pytest.param(changed("variants", 0, "users", to=4), id="users"),
    pytest.param(changed("objectives", 0, "effect", to="+2.0%"), id="an effect"),
    pytest.param(changed("guardrails", 0, "evidence", to="1.5"), id="evidence"),
    pytest.param(changed("conditions", 0, "message", to="4 of 9 users"), id="a sentence with a number"),
    pytest.param(changed("decision", "message", to="4 of 9 users"), id="the sentence of a decision"),
]


@pytest.mark.parametrize("wanted", NEWS)
def test_news_are_written_at_once(wanted):
    assert is_worth_writing(wanted, STATUS, age=0, refresh_seconds=60)


@pytest.mark.parametrize("wanted", NUMBERS)
@pytest.mark.parametrize(("age", "written"), [pytest.param(59.9, False, id="young"), pytest.param(60, True, id="old")])
def test_numbers_wait_until_what_stands_there_is_old(wanted, age, written):
    assert is_worth_writing(wanted, STATUS, age=age, refresh_seconds=60) is written


def test_a_first_status_is_written():
    assert is_worth_writing({}, None, age=0, refresh_seconds=60)


def test_nothing_new_is_never_written():
    assert not is_worth_writing(deepcopy(STATUS), STATUS, age=1e9, refresh_seconds=60)


BREACH = Entry(START + 0.7, Phase.TAKING_BACK, "GuardrailBreached", "errors of v8 are too many")


def test_an_event_says_what_happened_to_whom_and_when():
    event = event_of(experiment(), BREACH)
    assert event["involvedObject"]["uid"] == "5f0c7ba2-uid"
    assert (event["type"], event["reason"], event["message"]) == ("Warning", BREACH.reason, BREACH.message)
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2027-01-15T08:00:00Z"
    assert event_of(experiment(), replace(BREACH, reason="ChallengerWorse"))["type"] == "Normal"


def test_a_message_is_cut_to_what_an_event_may_hold():
    assert len(event_of(experiment(), replace(BREACH, message="long" * 1000))["message"]) == 1024


@pytest.mark.parametrize(
    "seconds", [pytest.param(0.7, id="the same"), pytest.param(0, id="the one read back from status")]
)
def test_the_same_entry_is_the_same_event(seconds):
    assert event_of(experiment(), replace(BREACH, time=START + seconds)) == event_of(experiment(), BREACH)


OTHERS = [
    pytest.param(experiment(), replace(BREACH, time=START + 1), id="of another second"),
    pytest.param(experiment(), replace(BREACH, reason="ChallengerWorse"), id="for another reason"),
    pytest.param(experiment(), replace(BREACH, phase=Phase.CONCLUDED), id="into another phase"),
    pytest.param(replace(experiment(), uid="another"), BREACH, id="of another experiment of that name"),
    pytest.param(replace(experiment(), generation=2), BREACH, id="of another spec"),
]


@pytest.mark.parametrize(("subject", "entry"), OTHERS)
def test_another_entry_is_another_event(subject, entry):
    names = {event_of(*said)["metadata"]["name"] for said in ((experiment(), BREACH), (subject, entry))}
    assert len(names) == 2
