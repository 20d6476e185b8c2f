"""A checkpoint brings back ledger and evidence as they were, or nothing at all."""

import base64
import gzip
import json

import pytest

from given.counting import counts_of
from given.deciding import START, experiment, plan_of
from metrics.builders import ERRORS, MEASURES, reading, snapshot, tables
from model_experiment.controller.checkpoint import from_checkpoint, to_checkpoint
from model_experiment.decision.evidence import Evidence, with_comparison, with_harm
from model_experiment.metrics.ledger import Ledger
from model_experiment.metrics.ledger_storage import to_json

LEDGER = Ledger().with_snapshot(snapshot(reading(counters=tables(3.0, measures=(*MEASURES, ERRORS)))))


def evidence_after(*counted):
    """What was learnt from these counts, a minute apart."""
    evidence = Evidence()
    for minute, totals in enumerate(counted):
        counts = counts_of(START + 60 * minute, **totals)
        plan = plan_of(experiment())
        evidence = with_comparison(plan, with_harm(plan, evidence, counts), counts, since=START - 60)
    return evidence


EVIDENCE = [
    pytest.param(Evidence(), id="nothing yet"),
    pytest.param(evidence_after({"users": (900, 910), "errors": (3, 4)}), id="a first look"),
    pytest.param(
        evidence_after(
            {"users": (300, 310), "purchases": (60, 70), "errors": (3, 4)},
            {"users": (900, 910), "purchases": (180, 230), "errors": (9, 900)},
        ),
        id="looks, and a breach",
    ),
]


@pytest.mark.parametrize("evidence", EVIDENCE)
def test_evidence_comes_back_as_it_was(evidence):
    ledger, kept = from_checkpoint(to_checkpoint(LEDGER, evidence))
    assert to_json(ledger) == to_json(LEDGER)
    assert (kept.harm, kept.split, kept.looks) == (dict(evidence.harm), evidence.split, evidence.looks)
    assert kept.counts.time == LEDGER.time
    assert {key: list(table) for key, table in kept.counts.tables.items()} == {
        key: list(table) for key, table in LEDGER.totals().tables.items()
    }


def test_the_cases_above_have_looks_and_a_breach():
    evidence = EVIDENCE[-1].values[0]
    assert evidence.looks_at("v8")
    assert evidence.harm["v8", "errors"].breached


def test_an_empty_ledger_has_no_counts():
    _, evidence = from_checkpoint(to_checkpoint(Ledger(), Evidence()))
    assert evidence.counts is None


def test_the_same_memory_gives_the_same_text():
    assert to_checkpoint(LEDGER, Evidence()) == to_checkpoint(LEDGER, Evidence())


def packed(text):
    return base64.b64encode(gzip.compress(text.encode())).decode()


def without_phi(evidence):
    """A checkpoint of the edition in which a guardrail did not keep its phi."""
    stored = json.loads(gzip.decompress(base64.b64decode(to_checkpoint(LEDGER, evidence))))
    for _, _, harm in stored["harm"]:
        del harm["process"]["phi"]
    return packed(json.dumps(stored))


GOOD = to_checkpoint(LEDGER, Evidence())
BAD = [
    pytest.param("", id="nothing"),
    pytest.param("not base64!", id="another alphabet"),
    pytest.param(base64.b64encode(b"plain").decode(), id="not compressed"),
    pytest.param(GOOD[: len(GOOD) // 8 * 4], id="cut off"),
    pytest.param(packed("{"), id="no JSON"),
    pytest.param(packed("[]"), id="JSON of another shape"),
    pytest.param(packed("{}"), id="an empty object"),
    pytest.param(packed('{"ledger": "{}", "split": 0, "harm": {}, "looks": []}'), id="another ledger"),
    pytest.param(without_phi(EVIDENCE[-1].values[0]), id="evidence of another edition"),
]


@pytest.mark.parametrize("text", BAD)
def test_any_other_text_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - the sentence is of many libraries; that it is one error counts
        from_checkpoint(text)


def test_the_refusal_shows_the_text():
    with pytest.raises(ValueError, match=r"a checkpoint must be what was written, found 'H4sI.*': 'ledger'"):
        from_checkpoint(packed("{}"))
