"""The CustomResourceDefinition of ModelExperiments, made from the models.

``dev/generate.py`` writes it to ``crds/`` and into the chart; nobody edits it there. What is not in the
models stands here: names, printer columns, and the rules that look at the whole object.
"""

from typing import Any

from model_experiment.api.rules import validation
from model_experiment.api.spec import GROUP, KIND, PLURAL, VERSION, ModelExperimentSpec
from model_experiment.api.status import ModelExperimentStatus
from model_experiment.api.structural import structural_schema
from model_experiment.api.words import EXPERIMENT_NAME

FROZEN = (
    "spec must not change after the experiment started: that would mix two experiments in one result; "
    "delete it and apply a new one"
)
ROUTING_FROZEN = (
    "spec.routing must not change while the experiment prepares a route: what stands would be left behind; "
    "delete it and apply a new one"
)


def custom_resource_definition() -> dict[str, Any]:
    """The whole definition, as plain JSON."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["mexp"],
                "categories": ["mlops", "experiments"],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": _columns(),
                    "schema": {"openAPIV3Schema": object_schema()},
                }
            ],
        },
    }


def object_schema() -> dict[str, Any]:
    """The structural schema of a whole ModelExperiment."""
    waiting = ModelExperimentStatus().model_dump(
        mode="json", by_alias=True, exclude_none=True, include={"observed_generation", "phase", "conditions"}
    )
    return {
        "description": "A comparison of a champion model with a challenger on live traffic, and its result.",
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            # The length is that of any object's name; a rule may only use what is bounded.
            "metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 253}}},
            "spec": structural_schema(ModelExperimentSpec, path="spec"),
            "status": structural_schema(ModelExperimentStatus, path="status") | {"default": waiting},
        },
        "x-kubernetes-validations": _rules(),
    }


def _rules() -> list[dict[str, str]]:
    return [
        validation(
            holds=f"self.metadata.name.matches('^{EXPERIMENT_NAME.pattern}$')",
            must=EXPERIMENT_NAME.must,
            found='"{self.metadata.name}"',
            at=".metadata.name",
        ),
        {
            "rule": "!has(oldSelf.status) || !has(oldSelf.status.startTime) || self.spec == oldSelf.spec",
            "message": FROZEN,
            "fieldPath": ".spec",
        },
        {
            "rule": "!has(oldSelf.status) || !has(oldSelf.status.assignment)"
            " || self.spec.routing == oldSelf.spec.routing",
            "message": ROUTING_FROZEN,
            "fieldPath": ".spec.routing",
        },
    ]


def _columns() -> list[dict[str, Any]]:
    ready = "conditions[?(@.type=='Ready')]"
    challenger = "variants[?(@.role=='Challenger')]"  # the first of several: a column holds one value
    return [
        {"name": "Strategy", "type": "string", "jsonPath": ".spec.strategy"},
        {"name": "Phase", "type": "string", "jsonPath": ".status.phase"},
        {
            "name": "Share",
            "type": "string",
            "description": "Share of the users who meet the first challenger now.",
            "jsonPath": f".status.{challenger}.share",
        },
        {"name": "Verdict", "type": "string", "jsonPath": ".status.decision.verdict"},
        {"name": "Ready", "type": "string", "jsonPath": f".status.{ready}.status"},
        {"name": "Reason", "type": "string", "jsonPath": f".status.{ready}.reason", "priority": 1},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
