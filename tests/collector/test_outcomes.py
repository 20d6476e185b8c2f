import json

import pytest

from collector.collecting import RANKER
from model_experiment.collector.catalogue import catalogue_of
from model_experiment.collector.outcomes import Refusal, read_outcomes
from model_experiment.collector.store import Outcome

EXPERIMENTS = catalogue_of([RANKER]).by_label
GOOD = {"experiment": "shop/ranker", "user": "u-1", "name": "purchase"}
USER_MUST = "user must be a string of 1 to 256 characters without NUL, found "
VALUE_MUST = "value must be a number from 0 to 1e+12, found "


def read(body):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_outcomes(raw, EXPERIMENTS, now=5.0)


def without(field):
    return {key: value for key, value in GOOD.items() if key != field}


GOOD_BODIES = [
    pytest.param(GOOD, [("u-1", 1.0)], id="one object, whose value is 1"),
    pytest.param({**GOOD, "value": 2.5}, [("u-1", 2.5)], id="a value"),
    pytest.param({**GOOD, "value": 0}, [("u-1", 0.0)], id="a value of 0"),
    pytest.param([GOOD, {**GOOD, "user": "ü"}], [("u-1", 1.0), ("ü", 1.0)], id="an array"),
    pytest.param([GOOD] * 1000, [("u-1", 1.0)] * 1000, id="an array of 1000"),
    pytest.param({**GOOD, "user": "😀" * 256}, [("😀" * 256, 1.0)], id="256 characters of any length in bytes"),
]


@pytest.mark.parametrize(("body", "expected"), GOOD_BODIES)
def test_good_outcomes_are_read(body, expected):
    assert read(body) == tuple(Outcome(RANKER.uid, user, "purchase", value, 5.0) for user, value in expected)


BAD_BODIES = [
    pytest.param(b"", 400, ["the body must be JSON, found Expecting value: line 1 column 1 (char 0)"], id="nothing"),
    pytest.param(b"[" * 100_000, 400, ["the body must be JSON, found maximum recursion depth exceeded"], id="deep"),
    pytest.param(b"\xff", 400, ["the body must be JSON, found 'utf-8' codec can't decode"], id="no text"),
    pytest.param(b"1" * 5000, 400, ["the body must be JSON, found Exceeds the limit"], id="an endless number"),
    pytest.param([], 400, ["the array must hold 1 to 1000 outcomes, found none"], id="an empty array"),
    pytest.param([GOOD] * 1001, 413, ["the array must hold 1 to 1000 outcomes, found 1001"], id="1001 outcomes"),
    pytest.param("x", 400, ['an outcome must be an object, found "x"'], id="a string"),
    pytest.param([[]], 400, ["outcome 0: an outcome must be an object, found an array"], id="an array in an array"),
    pytest.param(without("experiment"), 400, ["experiment must be a string, found nothing"], id="no experiment"),
    pytest.param({**GOOD, "experiment": {}}, 400, ["experiment must be a string, found an object"], id="an object"),
    pytest.param(without("name"), 400, ["name must be a string, found nothing"], id="no name"),
    pytest.param(without("user"), 400, [f"{USER_MUST}nothing"], id="no user"),
    pytest.param({**GOOD, "user": ""}, 400, [f'{USER_MUST}""'], id="an empty user"),
    pytest.param({**GOOD, "user": 17}, 400, [f"{USER_MUST}17"], id="a user that is a number"),
    pytest.param({**GOOD, "user": "u" * 257}, 400, [f"{USER_MUST}257 characters"], id="a long user"),
    pytest.param({**GOOD, "user": "a\0"}, 400, [f'{USER_MUST}"a\\u0000"'], id="a user with NUL"),
    pytest.param({**GOOD, "user": "\ud800"}, 400, [f'{USER_MUST}"\\ud800"'], id="a user with half a character"),
    pytest.param({**GOOD, "value": -1}, 400, [f"{VALUE_MUST}-1"], id="a negative value"),
    pytest.param({**GOOD, "value": "1"}, 400, [f'{VALUE_MUST}"1"'], id="a value in quotation marks"),
    pytest.param({**GOOD, "value": True}, 400, [f"{VALUE_MUST}true"], id="a value of true"),
    pytest.param({**GOOD, "value": None}, 400, [f"{VALUE_MUST}null"], id="a value of null"),
    pytest.param({**GOOD, "value": float("nan")}, 400, [f"{VALUE_MUST}NaN"], id="not a number"),
    pytest.param({**GOOD, "value": float("inf")}, 400, [f"{VALUE_MUST}Infinity"], id="infinity"),
    pytest.param({**GOOD, "value": 10**400}, 400, [f"{VALUE_MUST}1" + "0" * 79 + "..."], id="a huge integer"),
    pytest.param(
        {**GOOD, "usr": 1},
        400,
        ['a field must be one of experiment, user, name, value, found "usr"'],
        id="an unknown field",
    ),
    pytest.param(
        {"value": -1},
        400,
        [
            "experiment must be a string, found nothing",
            "name must be a string, found nothing",
            f"{USER_MUST}nothing",
            f"{VALUE_MUST}-1",
        ],
        id="every fault has its sentence",
    ),
    pytest.param(
        [GOOD, {**GOOD, "value": -1}, {**GOOD, "experiment": "unknown"}],
        400,
        [f"outcome 1: {VALUE_MUST}-1"],
        id="one bad outcome refuses all of them",
    ),
    pytest.param(
        {**GOOD, "experiment": "ranker"},
        404,
        ['experiment must be one that is counted now, as namespace/name, found "ranker"'],
        id="an unknown experiment",
    ),
    pytest.param(
        [GOOD, {**GOOD, "name": "click"}],
        404,
        ['outcome 1: name must be an outcome that shop/ranker declares (purchase), found "click"'],
        id="an unknown outcome",
    ),
]


@pytest.mark.parametrize(("body", "status", "sentences"), BAD_BODIES)
def test_a_bad_body_is_refused_with_a_sentence_a_fault(body, status, sentences):
    refusal = read(body)
    assert isinstance(refusal, Refusal)
    assert refusal.status == status
    assert len(refusal.faults) == len(sentences)
    assert all(fault.startswith(sentence) for fault, sentence in zip(refusal.faults, sentences, strict=True))


def test_no_more_than_twenty_faults_are_told():
    refusal = read([{**GOOD, "value": -1}] * 100)
    assert len(refusal.faults) == 21
    assert refusal.faults[-1] == "and 80 more faults"
