"""The part ``shadow``: good ones come through with their defaults; bad ones are those of ``bad_shadows``."""

import json

import pytest

from model_experiment.api.parsing import parse_shadow
from model_experiment.api.shadow import WHOLE_ANSWER, Bodies, NumberComparison, Shadow
from model_experiment.api.structural import structural_schema

EVERYTHING = {
    "percent": 50,
    "repeatChampion": 5,
    "replay": [{"method": "POST", "path": "/v2/models/a.b"}, {"method": "PUT", "path": "/"}],
    "timeout": "1s500ms",
    "championTimeout": "2s",
    "outputs": [
        {"name": "id", "path": "/id", "exact": {}},
        {"name": "price", "path": "/price", "number": {"within": "2%"}},
        {"name": "class", "path": "/scores", "label": {}},
        {"name": "classes", "path": "/scores", "topK": {"k": 3}},
        {"name": "tags", "path": "/a~1b/0", "set": {}},
        {"name": "words", "path": "/text", "text": {"similarity": "Overlap", "minimum": "80%"}},
    ],
    "ignore": ["/items/*/time", "/*"],
    "maximumDivergence": "2.5%",
    "maximumNotComparable": "20%",
    "minimumPairs": 100,
    "latencyMargin": "50%",
    "evidence": {"bodies": "Keep", "redact": ["/user"], "keep": 10},
}


@pytest.mark.parametrize("raw", [None, {}, {"outputs": None, "replay": None}])
def test_everything_has_a_default(raw):
    shadow = parse_shadow(raw)

    assert shadow == Shadow()
    assert (shadow.percent, shadow.repeat_champion, shadow.minimum_pairs) == (100, 10, 1000)
    assert (shadow.timeout, shadow.champion_timeout) == ("2s", "5s")
    assert (shadow.maximum_divergence, shadow.maximum_not_comparable) == ("5%", "10%")
    assert (shadow.replay, shadow.outputs, shadow.ignore, shadow.latency_margin) == ((), (), (), None)
    assert (shadow.evidence.bodies, shadow.evidence.redact, shadow.evidence.keep) == (Bodies.OMIT, (), 100)


def test_the_challenger_has_less_time_than_the_champion_by_default():
    assert Shadow().timeout.seconds < Shadow().champion_timeout.seconds


def test_without_outputs_the_whole_answer_is_compared_and_numbers_may_lie_a_tenth_apart():
    assert WHOLE_ANSWER.path == ""
    assert isinstance(WHOLE_ANSWER.comparison, NumberComparison)
    assert WHOLE_ANSWER.comparison.within.value == 0.1


def test_a_shadow_reads_back_as_it_was_written():
    assert parse_shadow(EVERYTHING).model_dump(mode="json", by_alias=True, exclude_none=True) == EVERYTHING


@pytest.mark.parametrize(
    ("text", "relative", "value"), [("0.1", False, 0.1), ("2%", True, 0.02), ("0", False, 0.0), ("10", False, 10.0)]
)
def test_a_tolerance_is_a_distance_or_a_share(text, relative, value):
    (output,) = parse_shadow({"outputs": [{"name": "a", "number": {"within": text}}]}).outputs

    assert (output.comparison.within.is_relative, output.comparison.within.value) == (relative, value)


def test_it_has_a_structural_schema_that_stays_small():
    schema = structural_schema(Shadow, path="spec.shadow")

    assert len(json.dumps(schema)) < 12_000
    assert schema["properties"]["outputs"]["x-kubernetes-list-map-keys"] == ["name"]
    assert schema["properties"]["outputs"]["items"]["properties"]["exact"]["properties"] == {}
