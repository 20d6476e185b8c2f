"""A status is written as plain JSON and read back as it was; it is never refused for its length."""

import json
from datetime import UTC, datetime

from model_experiment.api.conditions import WAITING
from model_experiment.api.status import HistoryEntry, ModelExperimentStatus, Phase, parse_status

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def entry(reason="Opened", message=""):
    return HistoryEntry(time=NOON, phase=Phase.RUNNING, reason=reason, message=message)


def test_an_object_without_a_status_waits_for_the_operator():
    assert parse_status(None) == parse_status({}) == ModelExperimentStatus()
    assert parse_status(None).conditions == (WAITING,)
    assert parse_status(None).observed_generation == -1


def test_a_full_status_comes_back_as_it_was(full_status):
    assert parse_status(json.loads(json.dumps(full_status.to_json()))) == full_status


def test_a_full_status_leaves_no_field_out(full_status):
    assert None not in leaves(full_status.model_dump()["decision"])
    assert set(full_status.to_json()) == {field.alias for field in ModelExperimentStatus.model_fields.values()}


def leaves(value):
    match value:
        case dict():
            return [leaf for inner in value.values() for leaf in leaves(inner)]
        case tuple():
            return [leaf for inner in value for leaf in leaves(inner)]
        case _:
            return [value]


def test_absent_values_are_left_out_and_lists_are_not():
    assert set(ModelExperimentStatus().to_json()) == {
        "observedGeneration", "phase", "conditions", "variants", "objectives", "guardrails", "shadow", "checks",
        "history",
    }  # fmt: skip


def test_a_field_of_a_newer_operator_is_ignored():
    assert parse_status({"phase": "Running", "segments": []}).phase is Phase.RUNNING


def test_a_text_that_is_too_long_is_cut():
    written = entry(reason="R" * 200, message="m" * 5000)

    assert len(written.reason) == 128
    assert written.message == "m" * 4093 + "..."
