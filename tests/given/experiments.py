"""Experiments and the routes they stand on, as manifests; a test names only what matters to it."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from model_experiment.api.parsing import parse_spec
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


def marks(namespace: str, variant: str, experiment: str = "ranker") -> Manifest:
    """The headers that say which variant answers: what a request and what a response has to carry."""
    request = {"x-experiment": f"{namespace}/{experiment}", "x-variant": variant}
    return {"request": request, "response": {"x-variant": variant}}


def shared_route_manifest(
    namespace: str, gateway: Manifest, *, path: str = "/", variants: Any = ("v8", "v7")
) -> Manifest:
    """A route that the user shares with an experiment: everything goes to the champion, v7, until that starts."""

    def entry(variant: str) -> Manifest:
        filters = [
            {"type": f"{kind}HeaderModifier", f"{kind.lower()}HeaderModifier": {"set": _named(headers)}}
            for kind, headers in ((key.capitalize(), value) for key, value in marks(namespace, variant).items())
        ]
        weight = 100 if variant == "v7" else 0
        return {"name": f"ranker-{variant}", "port": 8000, "weight": weight, "filters": filters}

    prefix = {"type": "PathPrefix", "value": path}
    carries = {"type": "RegularExpression", "name": "x-user-id", "value": ".+"}
    route = route_manifest(namespace, gateway, path=path)
    shared = {"matches": [{"path": prefix, "headers": [carries]}], "backendRefs": [entry(each) for each in variants]}
    route["spec"]["rules"].insert(0, shared)
    return route


def _named(headers: Manifest) -> list[Manifest]:
    return [{"name": name, "value": value} for name, value in headers.items()]


def hashing_policy(namespace: str, header: str = "x-user-id") -> Manifest:
    """The user's own policy that lets Envoy Gateway choose by a hash of a header."""
    target = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "ranker"}
    hashed = {"type": "ConsistentHash", "consistentHash": {"type": "Header", "header": {"name": header}}}
    return {
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "BackendTrafficPolicy",
        "metadata": {"namespace": namespace, "name": "by-user"},
        "spec": {"targetRefs": [target], "loadBalancer": hashed},
    }
