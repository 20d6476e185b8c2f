"""Experiments and the routes they stand on, as manifests; a test names only what matters to it."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from model_experiment.api import parse_spec
from model_experiment.decision.observation import Experiment

Manifest = dict[str, Any]

SPEC: Manifest = {
    "champion": {"name": "v7", "backendRef": {"name": "ranker-v7", "port": 8000}},
    "challengers": [{"name": "v8", "backendRef": {"name": "ranker-v8", "port": 8000}, "percent": 50}],
    "routing": {"httpRoute": {"name": "ranker"}},
    "objectives": [
        {
            "name": "purchase",
            "minimumEffect": "20%",
            "baseline": "0.20",
            "source": {"outcome": {"name": "purchase"}},
        }
    ],
    "guardrails": [
        {"name": "errors", "margin": "100%", "source": {"responses": {"class": "ServerError"}}},
        {"name": "slow", "limit": "5%", "source": {"latency": {"above": "250ms"}}},
    ],
    "analysis": {"looks": 7, "minimumDuration": "10s", "maximumDuration": "10m"},
}


def experiment_manifest(namespace: str, name: str = "ranker", **changes: Any) -> Manifest:
    """A ModelExperiment; ``changes`` replace top-level fields of the spec."""
    return {
        "apiVersion": "modelexperiment.io/v1alpha1",
        "kind": "ModelExperiment",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {**deepcopy(SPEC), **changes},
    }


def route_manifest(
    namespace: str, gateway: Manifest, *, path: str = "/", name: str = "ranker", **rule: Any
) -> Manifest:
    """The user's own route: everything below a path goes to the champion."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "parentRefs": [gateway],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": path}}],
                    "backendRefs": [{"name": "ranker-v7", "port": 8000}],
                    **rule,
                }
            ],
        },
    }


def experiment_of(manifest: Manifest) -> Experiment:
    """The experiment that a stored object describes."""
    metadata = manifest["metadata"]
    return Experiment(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 1),
        spec=parse_spec(manifest["spec"]),
    )


def install_definition(plane: Any) -> None:
    """Lets the API server know ModelExperiments; again and again is fine."""
    text = (Path(__file__).parents[2] / "crds" / "modelexperiments.yaml").read_text()
    plane.api.install([yaml.safe_load(text)])
