"""The CRD is made from the models, whole and bounded; the files in the repository are what is made."""

import json
import subprocess
import sys
from pathlib import Path

import yaml

from api.objects import MINIMAL
from model_experiment.api.crd import custom_resource_definition
from model_experiment.api.parsing import parse_spec
from model_experiment.api.shadow import Shadow

ROOT = Path(__file__).parents[2]
CRD = ROOT / "crds" / "modelexperiments.yaml"
COPY = ROOT / "charts" / "model-experiment-operator" / "files" / "modelexperiments.yaml"


def nodes(schema, path=""):
    """Each node of a schema with its path."""
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from nodes(field, f"{path}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")


def schema():
    (edition,) = custom_resource_definition()["spec"]["versions"]
    return edition["schema"]["openAPIV3Schema"]


def test_the_files_are_what_the_generator_makes():
    check = subprocess.run(
        [sys.executable, ROOT / "dev" / "generate.py", "--check"], capture_output=True, text=True, check=False
    )

    assert check.returncode == 0, check.stdout
    assert yaml.safe_load(CRD.read_text()) == custom_resource_definition()


def test_the_chart_has_the_same_file():
    assert COPY.read_bytes() == CRD.read_bytes()


def test_the_crd_stays_small():
    assert len(CRD.read_bytes()) < 100_000
    assert len(json.dumps(custom_resource_definition())) < 60_000  # as the annotation of kubectl apply keeps it


def test_every_field_explains_itself():
    own = ("", ".apiVersion", ".kind", ".metadata", ".metadata.name")

    silent = [path for path, node in nodes(schema()) if "description" not in node and not path.endswith("[]")]

    assert [path for path in silent if path not in own] == []


def test_every_default_is_that_of_the_models():
    spec = parse_spec(MINIMAL["spec"]).model_dump(mode="json", by_alias=True, exclude_none=True)
    spec["shadow"] = Shadow().model_dump(mode="json", by_alias=True, exclude_none=True)  # where it is given at all
    spec["objectives"] = []  # an experiment that splits users must give some
    declared = {path: node["default"] for path, node in nodes(schema()["properties"]["spec"]) if "default" in node}

    assert {path: value for path, value in declared.items() if "[]" not in path} == {
        path: at(spec, path) for path in declared if "[]" not in path
    }
    assert declared[".challengers[].percent"] == spec["challengers"][0]["percent"]


def at(value, path):
    for step in path.strip(".").split("."):
        value = value[step]
    return value


def test_the_columns_are_what_kubectl_get_shows():
    (edition,) = custom_resource_definition()["spec"]["versions"]
    columns = edition["additionalPrinterColumns"]

    assert [column["name"] for column in columns] == ["Strategy", "Phase", "Share", "Verdict", "Ready", "Reason", "Age"]
    assert [column["name"] for column in columns if column.get("priority")] == ["Reason"]


def test_every_rule_has_a_sentence_in_the_common_form():
    rules = [rule for _, node in nodes(schema()) for rule in node.get("x-kubernetes-validations", ())]

    assert rules
    assert all("must " in rule["message"] for rule in rules)
    assert all(", found " in rule.get("messageExpression", ", found ") for rule in rules)
