"""A spec is what people write: good ones come through with their defaults, bad ones earn a sentence at a path."""

from datetime import timedelta

import pytest
import yaml

from api.bad_objects import BAD_NAMES, BAD_SPECS, BEYOND_THE_SERVER, Bad
from api.bad_shadows import BAD_SHADOWS
from api.objects import MINIMAL, changed, good_files
from model_experiment.api.parsing import parse_name, parse_spec
from model_experiment.api.shadow import Shadow
from model_experiment.api.spec import ModelExperimentSpec
from model_experiment.api.values import Duration, Percentage, Probability
from model_experiment.api.words import Better, Design, OnSuccess, Strategy
from model_experiment.errors import SpecError


@pytest.mark.parametrize("file", good_files(), ids=lambda file: file.stem)
def test_a_good_object_is_taken(file):
    thing = yaml.safe_load(file.read_text())

    parse_name(thing["metadata"]["name"])
    parse_spec(thing["spec"])


@pytest.mark.parametrize("bad", [*BAD_SPECS, *BAD_SHADOWS, *BEYOND_THE_SERVER])
def test_a_bad_spec_earns_a_sentence_at_its_path(bad: Bad):
    with pytest.raises(SpecError) as refusal:
        parse_spec(changed(bad.changes)["spec"])

    assert any(line.startswith(f"{bad.where}: ") and bad.says in line for line in str(refusal.value).split("\n")), str(
        refusal.value
    )


@pytest.mark.parametrize("bad", BAD_NAMES)
def test_a_bad_name_earns_a_sentence(bad: Bad):
    with pytest.raises(SpecError) as refusal:
        parse_name(changed(bad.changes)["metadata"]["name"])

    assert str(refusal.value) == f"metadata.name: {bad.says}"


def test_every_fault_has_its_own_line():
    raw = changed({"spec.champion.name": "V7", "spec.strategy": "Canary", "spec.analysis": {"looks": 0}})["spec"]

    with pytest.raises(SpecError) as refusal:
        parse_spec(raw)

    assert str(refusal.value).split("\n") == [
        'spec.strategy: must be ABTest or Shadow, found "Canary"',
        'spec.champion.name: must be a DNS label: lower-case letters, digits and "-" inside, found "V7"',
        "spec.analysis.looks: must be a whole number from 1 to 28, found 0",
    ]


def test_the_defaults_are_those_of_the_documentation():
    spec = parse_spec(MINIMAL["spec"])

    assert spec.strategy is Strategy.AB_TEST
    assert [challenger.percent for challenger in spec.challengers] == [50]
    assert (spec.champion.backend_ref.group, spec.champion.backend_ref.kind) == ("", "Service")
    assert spec.assignment.header == "x-user-id"
    assert spec.primary.better is Better.HIGHER
    assert spec.guardrails == ()
    assert spec.analysis.design is Design.GROUP_SEQUENTIAL
    assert (spec.analysis.alpha, spec.analysis.guardrail_alpha, spec.analysis.power) == ("0.05", "0.01", "0.8")
    assert (spec.analysis.looks, spec.analysis.minimum_duration, spec.analysis.maximum_duration) == (14, "7d", "28d")
    assert spec.on_success is OnSuccess.PROMOTE


def test_a_shadow_experiment_compares_by_the_defaults_where_it_says_nothing():
    spec = parse_spec(yaml.safe_load((good_files()[0].parent / "shadow.yaml").read_text())["spec"])

    assert (spec.is_shadow, spec.shadow_part, spec.shadow) == (True, None, Shadow())
    assert spec.objectives == ()


def test_texts_carry_their_numbers():
    analysis = parse_spec(changed({"spec.analysis": {"alpha": 0.025, "minimumDuration": "1w12h"}})["spec"]).analysis

    assert (analysis.alpha, analysis.alpha.value) == (Probability("0.025"), 0.025)
    assert analysis.minimum_duration.timedelta == timedelta(days=7.5)
    assert Duration("250ms").seconds == 0.25
    assert Percentage("0.1%").ratio == 0.001


def test_a_number_without_quotation_marks_becomes_its_decimal_text():
    spec = parse_spec(changed({"spec.objectives[0].baseline": 0.00001})["spec"])

    assert spec.primary.baseline == "0.00001"


def test_a_spec_reads_back_as_it_was_written():
    spec = parse_spec(yaml.safe_load((good_files()[0].parent / "everything_spelled_out.yaml").read_text())["spec"])

    again = parse_spec(spec.model_dump(mode="json", by_alias=True, exclude_none=True))

    assert again == spec
    assert isinstance(again.analysis.alpha, Probability)


def test_a_spec_cannot_be_changed():
    spec = parse_spec(MINIMAL["spec"])

    with pytest.raises(ValueError, match="frozen"):
        spec.champion.name = "v9"


def test_a_spec_is_taken_by_its_own_names_in_code_alone():
    spec = parse_spec(MINIMAL["spec"])

    rebuilt = ModelExperimentSpec(
        champion=spec.champion, challengers=spec.challengers, routing=spec.routing, objectives=spec.objectives
    )

    assert rebuilt == spec
