"""The specs of the experiment's own HTTPRoute and policy, made from the user's rule. Pure.

For: repeating the user's rule faithfully, for those who carry the assignment header. The traps: Envoy Gateway ignores
weights for a hashed route unless every backend has filters of its own, and a backend may have one filter of a kind.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from model_experiment.api.spec import BackendRef, Challenger, Champion
from model_experiment.assignment import HOLDOUT, Share
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
                "matches": [with_header(with_targets(match, experiment), header, value) for match in matches],
                "backendRefs": [backend(experiment, share, filters) for share in step.assignment.shares],
            }
        ],
    }


def with_header(match: Mapping[str, Any], header: str, value: str) -> Manifest:
    """A match that demands the assignment header in addition to everything else that it demands."""
    others = [deepcopy(entry) for entry in match.get("headers", []) if entry["name"].lower() != header]
    extra = {"type": "RegularExpression", "name": header, "value": value}
    return {**deepcopy(dict(match)), "headers": [*others, extra]}


def with_targets(match: Mapping[str, Any], experiment: Experiment) -> Manifest:
    """A match that demands the headers of those who may enter as well."""
    targets = [
        {"type": "RegularExpression", "name": target.name, "value": target.pattern}
        if target.pattern
        else {"type": "Exact", "name": target.name, "value": target.value}
        for target in experiment.spec.targeting.headers
    ]
    headers = [*deepcopy(match.get("headers", [])), *targets]
    return {**deepcopy(dict(match)), **({"headers": headers} if headers else {})}


def parked_as_it_stands(spec: Manifest, header: str) -> Manifest:
    """The same route, accepting nobody, whoever edited it; nothing in the user's route can hinder this."""
    parked = deepcopy(spec)
    for rule in parked["rules"]:
        matches = rule.get("matches") or [{"path": {"type": "PathPrefix", "value": "/"}}]
        rule["matches"] = [with_header(match, header, NO_VALUE) for match in matches]
    return parked


def backend(experiment: Experiment, share: Share, carried: list[Manifest]) -> Manifest:
    """One variant: its backend, its weight, and the headers that say who answered; nobody says so of the held out."""
    reference = variant_named(experiment, share.variant).backend_ref
    said = None if share.variant == HOLDOUT else share.variant
    marks = [
        header_filter(
            "RequestHeaderModifier",
            carried,
            {"x-experiment": said and f"{experiment.namespace}/{experiment.name}", "x-variant": said},
        ),
        header_filter("ResponseHeaderModifier", carried, {"x-variant": said}),
    ]
    kept = [entry for entry in carried if entry["type"] not in {mark["type"] for mark in marks}]
    return {**reference_of(reference), "weight": share.weight, "filters": [*deepcopy(kept), *marks]}


def header_filter(kind: str, carried: list[Manifest], headers: Mapping[str, str | None]) -> Manifest:
    """A header filter that sets our headers, or removes them, after whatever the user's filter of the same kind did.

    A backend may have one filter of a kind, so the user's is extended instead of doubled.
    """
    key = kind[0].lower() + kind[1:]
    before: Manifest = next((deepcopy(entry[key]) for entry in carried if entry["type"] == kind), {})
    others = [entry for entry in before.get("set", []) if entry["name"].lower() not in headers]
    ours = [{"name": name, "value": value} for name, value in headers.items() if value is not None]
    absent = [name for name, value in headers.items() if value is None]
    removed = [name for name in before.get("remove", []) if name.lower() not in headers]
    wanted = {"set": [*others, *ours], "remove": [*removed, *absent]}
    rest = {operation: entries for operation, entries in before.items() if operation not in wanted}
    return {"type": kind, key: {**rest, **{operation: entries for operation, entries in wanted.items() if entries}}}


def is_marked(reference: Manifest) -> bool:
    """Whether a backend of the own route says who answered; that of the held out does not."""
    modifiers = [entry.get("responseHeaderModifier", {}) for entry in reference.get("filters", [])]
    return any(header["name"] == "x-variant" for modifier in modifiers for header in modifier.get("set", []))


def reference_of(reference: BackendRef) -> Manifest:
    """A backend reference as a route writes it."""
    port = {} if reference.port is None else {"port": reference.port}
    return {"group": reference.group, "kind": reference.kind, "name": reference.name, **port}


def variant_named(experiment: Experiment, name: str) -> Champion | Challenger:
    """The variant of that name; those who are held out are the champion's to serve."""
    wanted = experiment.spec.champion.name if name == HOLDOUT else name
    return next(variant for variant in experiment.spec.variants if variant.name == wanted)


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
