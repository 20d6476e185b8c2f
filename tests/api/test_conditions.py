"""Conditions change their time only when they flip."""

from datetime import UTC, datetime, timedelta

import pytest

from model_experiment.api.conditions import (
    WAITING,
    Condition,
    ConditionStatus,
    ConditionType,
    find_condition,
    set_condition,
)

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


def ready(conditions, status, *, reason="Running", message="", now=NOON):
    return set_condition(
        conditions, ConditionType.READY, status, reason=reason, message=message, observed_generation=2, now=now
    )


def test_a_new_condition_stands_at_the_end_with_the_time_of_now():
    first = ready((), ConditionStatus.TRUE)
    both = set_condition(
        first, ConditionType.STALLED, ConditionStatus.FALSE, reason="None", message="", observed_generation=2, now=LATER
    )

    assert [condition.type for condition in both] == ["Ready", "Stalled"]
    assert [condition.last_transition_time for condition in both] == [NOON, LATER]


def test_a_flip_takes_the_time_of_now():
    before = ready((), ConditionStatus.TRUE)

    (after,) = ready(before, ConditionStatus.FALSE, now=LATER)

    assert after.last_transition_time == LATER


def test_another_reason_and_message_keep_the_time():
    before = ready((), ConditionStatus.TRUE)

    (after,) = ready(before, ConditionStatus.TRUE, reason="Ramping", message="Day 3 of 14.", now=LATER)

    assert (after.reason, after.message, after.last_transition_time) == ("Ramping", "Day 3 of 14.", NOON)


def test_the_condition_of_an_unseen_object_flips_when_it_is_first_set():
    (after,) = ready((WAITING,), ConditionStatus.TRUE, now=LATER)

    assert (after.last_transition_time, after.observed_generation) == (LATER, 2)


def test_the_others_stay_as_and_where_they_are():
    ready_first = ready((), ConditionStatus.TRUE)
    both = set_condition(
        ready_first, ConditionType.SUCCEEDED, ConditionStatus.UNKNOWN,
        reason="Undecided", message="", observed_generation=2, now=NOON,
    )  # fmt: skip

    after = ready(both, ConditionStatus.FALSE, now=LATER)

    assert after[1] is both[1]
    assert after[0].type is ConditionType.READY


def test_setting_twice_is_setting_once():
    once = ready((), ConditionStatus.TRUE)

    assert ready(once, ConditionStatus.TRUE, now=LATER) == once


def test_a_condition_that_was_never_set_is_not_found():
    assert find_condition((WAITING,), ConditionType.DEGRADED) is None
    assert find_condition((WAITING,), ConditionType.READY) is WAITING


@pytest.mark.parametrize("time", ["2026-11-01T12:00:00.987654Z", "2026-11-01T13:00:00+01:00"])
def test_times_are_kept_in_whole_seconds_and_utc(time):
    condition = Condition(type="Ready", status="True", reason="Running", message="", last_transition_time=time)

    assert condition.last_transition_time == NOON
    assert condition.model_dump(mode="json", by_alias=True)["lastTransitionTime"] == "2026-11-01T12:00:00Z"
