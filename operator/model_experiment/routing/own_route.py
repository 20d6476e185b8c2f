"""The specs of the experiment's own HTTPRoute and policy, made from the user's rule. Pure.

For: repeating the user's rule faithfully, for those who carry the assignment header. The traps: Envoy Gateway ignores
weights for a hashed route unless every backend has filters of its own, and a backend may have one filter of a kind.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from model_experiment.api.spec import BackendRef, Challenger, Champion
from model_experiment.assignment import Share
from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Open, Parked
from model_experiment.objects import HTTP_ROUTE, Manifest

ANY_VALUE = ".+"
NO_VALUE = r"\b\B"  # a boundary that is none: matches nothing, in every mode of the regular expressions of Envoy


def render_spec(experiment: Experiment, user_route: Manifest, rule: Manifest, step: Parked | Open) -> Manifest:
    """The user's rule, for those who carry the header, split by the step's weights."""
    header = experiment.spec.assignment.header
    value = ANY_VALUE if isinstance(step, Open) else NO_VALUE
    matches = rule.get("matches") or [{"path": {"type": "PathPrefix", "value": "/"}}]
    carried = {key: deepcopy(rule[key]) for key in ("name", "filters", "timeouts", "retry") if key in rule}
    serving = next(reference for reference in rule["backendRefs"] if reference.get("weight", 1) > 0)
    filters = serving.get("filters", [])
    return {
        **{key: deepcopy(user_route["spec"][key]) for key in ("parentRefs", "hostnames") if key in user_route["spec"]},
        "rules": [
            {
                **carried,
                "matches": [with_header(match, header, value) for match in matches],
                "backendRefs": [backend(experiment, share, filters) for share in step.assignment.shares],
            }
        ],
    }


def with_header(match: Mapping[str, Any], header: str, value: str) -> Manifest:
    """A match that demands the assignment header in addition to everything else that it demands."""
    others = [deepcopy(entry) for entry in match.get("headers", []) if entry["name"].lower() != header]
    extra = {"type": "RegularExpression", "name": header, "value": value}
    return {**deepcopy(dict(match)), "headers": [*others, extra]}


def parked_as_it_stands(spec: Manifest, header: str) -> Manifest:
    """The same route, accepting nobody, whoever edited it; nothing in the user's route can hinder this."""
    parked = deepcopy(spec)
    for rule in parked["rules"]:
        matches = rule.get("matches") or [{"path": {"type": "PathPrefix", "value": "/"}}]
        rule["matches"] = [with_header(match, header, NO_VALUE) for match in matches]
    return parked


def backend(experiment: Experiment, share: Share, carried: list[Manifest]) -> Manifest:
    """One variant: its backend, its weight, and the headers that say who answered."""
    reference = variant_named(experiment, share.variant).backend_ref
    marks = [
        header_filter(
            "RequestHeaderModifier",
            carried,
            {"x-experiment": f"{experiment.namespace}/{experiment.name}", "x-variant": share.variant},
        ),
        header_filter("ResponseHeaderModifier", carried, {"x-variant": share.variant}),
    ]
    kept = [entry for entry in carried if entry["type"] not in {mark["type"] for mark in marks}]
    return {**reference_of(reference), "weight": share.weight, "filters": [*deepcopy(kept), *marks]}


def header_filter(kind: str, carried: list[Manifest], headers: Mapping[str, str]) -> Manifest:
    """A header filter that sets our headers after whatever the user's filter of the same kind did.

    A backend may have one filter of a kind, so the user's is extended instead of doubled.
    """
    key = kind[0].lower() + kind[1:]
    before: Manifest = next((deepcopy(entry[key]) for entry in carried if entry["type"] == kind), {})
    others = [entry for entry in before.get("set", []) if entry["name"].lower() not in headers]
    ours = [{"name": name, "value": value} for name, value in headers.items()]
    return {"type": kind, key: {**before, "set": [*others, *ours]}}


def reference_of(reference: BackendRef) -> Manifest:
    """A backend reference as a route writes it."""
    port = {} if reference.port is None else {"port": reference.port}
    return {"group": reference.group, "kind": reference.kind, "name": reference.name, **port}


def variant_named(experiment: Experiment, name: str) -> Champion | Challenger:
    """The variant of that name."""
    return next(variant for variant in experiment.spec.variants if variant.name == name)


def policy_spec(experiment: Experiment) -> Manifest:
    """Hash the assignment header; everything that a policy on the Gateway says stays in force."""
    return {
        "targetRefs": [{"group": HTTP_ROUTE.group, "kind": HTTP_ROUTE.name, "name": experiment.route_name}],
        "mergeType": "StrategicMerge",
        "loadBalancer": {
            "type": "ConsistentHash",
            "consistentHash": {"type": "Header", "header": {"name": experiment.spec.assignment.header}},
        },
    }
