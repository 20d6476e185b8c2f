"""The specs of the experiment's own HTTPRoute and policy, made from the user's rule. Pure.

For: repeating the user's rule faithfully, for those who carry the assignment header. The traps: Envoy Gateway ignores
weights for a hashed route unless every backend has filters of its own, and a backend may have one filter of a kind.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from model_experiment.api.variants import BackendRef, Challenger, Champion
from model_experiment.assignment import HOLDOUT, Share
from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Open, Parked
from model_experiment.objects import HTTP_ROUTE, Manifest
from model_experiment.routing.asking import asked_of, asked_of_all, closed
from model_experiment.routing.mirroring import Mirror, is_hashed, mirror_filter
from model_experiment.routing.precedence import matches_of

_CARRIED = ("timeouts", "retry")
_MARKS = {"RequestHeaderModifier": ("x-experiment", "x-variant"), "ResponseHeaderModifier": ("x-variant",)}


def render_spec(
    experiment: Experiment, user_route: Manifest, rule: Manifest, step: Parked | Open, *, mirror: Mirror | None = None
) -> Manifest:
    """The user's rule, for those who carry the header: mirrored, split by weights, or else a rule for each share."""
    carried = {
        key: deepcopy(user_route["spec"][key]) for key in ("parentRefs", "hostnames") if key in user_route["spec"]
    }
    return {**carried, "rules": _rules(experiment, rule, step, mirror)}


def _rules(experiment: Experiment, rule: Manifest, step: Parked | Open, mirror: Mirror | None) -> list[Manifest]:
    assignment, is_open = experiment.spec.assignment, isinstance(step, Open)
    everybody = asked_of_all(assignment, is_open=is_open)
    if mirror is not None:
        return [_mirrored_rule(experiment, rule, step.assignment.shares, everybody, mirror)]
    if is_hashed(experiment):
        return [_split_rule(experiment, rule, step.assignment.shares, everybody)]
    return [
        _rule_of_one(experiment, rule, share, asked_of(assignment, positions, is_open=is_open))
        for share, positions in step.assignment.intervals
    ]


def _split_rule(experiment: Experiment, rule: Manifest, shares: Iterable[Share], asked: Mapping[str, str]) -> Manifest:
    filters = _serving(rule).get("filters", [])
    return {
        **{key: deepcopy(rule[key]) for key in ("name", *_CARRIED) if key in rule},
        **({"filters": kept} if (kept := _unmarked(rule.get("filters", []))) else {}),
        "matches": wanted_matches(experiment, rule, asked),
        "backendRefs": [
            {
                **backend(experiment, share.variant),
                "weight": share.weight,
                "filters": marked(experiment, share, filters),
            }
            for share in shares
        ],
    }


def _rule_of_one(experiment: Experiment, rule: Manifest, share: Share, asked: Mapping[str, str]) -> Manifest:
    """A rule that sends everybody whom it matches to one variant; marked as a whole, which any gateway can do.

    It has no name, because the user's cannot stand twice.
    """
    kept = {"filters": filters} if (filters := _unmarked(_serving(rule).get("filters", []))) else {}
    return {
        **{key: deepcopy(rule[key]) for key in _CARRIED if key in rule},
        "filters": marked(experiment, share, rule.get("filters", [])),
        "matches": wanted_matches(experiment, rule, asked),
        "backendRefs": [{**backend(experiment, share.variant), **kept}],
    }


def _mirrored_rule(
    experiment: Experiment, rule: Manifest, shares: Sequence[Share], asked: Mapping[str, str], mirror: Mirror
) -> Manifest:
    """A rule that sends everybody to the champion, and copies to the comparator beside what the user mirrors."""
    (share,) = shares
    alone = _rule_of_one(experiment, rule, share, asked)
    (reference,) = alone["backendRefs"]
    return {
        **alone,
        "filters": [*alone["filters"], mirror_filter(mirror)],
        "backendRefs": [{**reference, "weight": share.weight}],
    }


def _serving(rule: Manifest) -> Manifest:
    serving: Manifest = next(reference for reference in rule["backendRefs"] if reference.get("weight", 1) > 0)
    return serving


def wanted_matches(experiment: Experiment, rule: Manifest, asked: Mapping[str, str]) -> list[Manifest]:
    """The user's matches, and in addition the headers of those who may enter, and of those whom the rule is for."""
    matches = [with_targets(match, experiment) for match in matches_of(rule)]
    for header, value in asked.items():
        matches = [with_header(match, header, value) for match in matches]
    return matches


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
        rule["matches"] = [with_header(match, header, closed(value_of(match, header))) for match in matches_of(rule)]
    return parked


def value_of(match: Manifest, header: str) -> str:
    """What a match asks for in a header; nothing where it does not ask for it."""
    entries = (entry for entry in match.get("headers", []) if entry["name"].lower() == header)
    return next((str(entry["value"]) for entry in entries), "")


def marked(experiment: Experiment, share: Share, carried: list[Manifest]) -> list[Manifest]:
    """Filters, and in addition the headers that say who answers; nobody says so of those who are held out."""
    said = None if share.variant == HOLDOUT else share.variant
    values = {"x-experiment": said and f"{experiment.namespace}/{experiment.name}", "x-variant": said}
    users = _unmarked(carried)
    ours = [_header_filter(kind, users, {name: values[name] for name in names}) for kind, names in _MARKS.items()]
    return [*(entry for entry in users if entry["type"] not in _MARKS), *ours]


def _header_filter(kind: str, users: Iterable[Manifest], headers: Mapping[str, str | None]) -> Manifest:
    """A header filter that sets our headers, or removes them, beside whatever the user's filter of the same kind does.

    A backend may have one filter of a kind, so the user's is extended instead of doubled.
    """
    key = _field_of(kind)
    before: Manifest = next((entry[key] for entry in users if entry["type"] == kind), {})
    ours = [{"name": name, "value": value} for name, value in headers.items() if value is not None]
    absent = [name for name, value in headers.items() if value is None]
    wanted = {**before, "set": [*before.get("set", []), *ours], "remove": [*before.get("remove", []), *absent]}
    return {"type": kind, key: {operation: entries for operation, entries in wanted.items() if entries}}


def _unmarked(filters: Iterable[Manifest]) -> list[Manifest]:
    """The user's filters without our headers: what a rule does, or what a filter adds, would win over what we set."""
    return [kept for entry in filters if (kept := _without_marks(entry))]


def _without_marks(entry: Manifest) -> Manifest | None:
    """One filter; nothing where nothing else is left of it."""
    kind, key = entry["type"], _field_of(entry["type"])
    if kind not in _MARKS:
        return deepcopy(entry)
    operations = {
        operation: [deepcopy(each) for each in entries if header_name(each) not in _MARKS[kind]]
        for operation, entries in entry[key].items()
    }
    left = {operation: entries for operation, entries in operations.items() if entries}
    return {"type": kind, key: left} if left else None


def header_name(entry: Manifest | str) -> str:
    """The header that an entry of a header filter is about, in small letters."""
    return (entry if isinstance(entry, str) else entry["name"]).lower()


def _field_of(kind: str) -> str:
    return kind[0].lower() + kind[1:]


def is_marked(filters: Iterable[Manifest]) -> bool:
    """Whether filters of the own route say who answered; those of the held out do not."""
    modifiers = [entry.get("responseHeaderModifier", {}) for entry in filters]
    return any(header["name"] == "x-variant" for modifier in modifiers for header in modifier.get("set", []))


def backend(experiment: Experiment, variant: str) -> Manifest:
    """The backend of a variant as a route writes it."""
    return reference_of(variant_named(experiment, variant).backend_ref)


def reference_of(reference: BackendRef) -> Manifest:
    """A backend reference as a route writes it."""
    port = {} if reference.port is None else {"port": reference.port}
    return {"group": reference.group, "kind": reference.kind, "name": reference.name, **port}


def variant_named(experiment: Experiment, name: str) -> Champion | Challenger:
    """The variant of that name; the champion for those who are held out, and for a name in an edited route."""
    named = (variant for variant in experiment.spec.variants if variant.name == name)
    return next(named, experiment.spec.champion)


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
