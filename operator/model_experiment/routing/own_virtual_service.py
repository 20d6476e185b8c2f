"""The specs of the experiment's own delegate VirtualService and EnvoyFilter, made from the user's rule. Pure.

For: repeating the user's champion rule faithfully, for those who carry the assignment header. The traps: Istio names
the Envoy route "<root rule>-<delegate rule>", and a hash policy for any other name is ignored without a word; and it is
refused, with the whole route table of the port, where the route has fewer than two entries.
"""

from collections.abc import Collection, Mapping
from copy import deepcopy
from typing import Any

from model_experiment.assignment import HOLDOUT, Share
from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Open, Parked
from model_experiment.objects import Manifest
from model_experiment.routing.asking import asked_of, asked_of_all, is_closed
from model_experiment.routing.mirroring import Mirror, is_weighed, mirror_entry
from model_experiment.routing.own_http_route import variant_named

CARRIED = frozenset(
    [
        *("rewrite", "timeout", "retries", "fault", "corsPolicy", "headers"),
        *("mirror", "mirrors", "mirrorPercent", "mirrorPercentage"),
    ]
)
"""What a champion rule may say besides its name, its matches and where it goes; all of it is repeated."""

_REQUEST_MARKS = ("x-experiment", "x-variant")
_RESPONSE_MARKS = ("x-variant",)


def rule_name(namespace: str, name: str) -> str:
    """The name of the delegate's rule, which ends the name of its Envoy routes: the access log carries it."""
    return f"virtualservice/{namespace}/{name}"


def envoy_route_name(root: Manifest, experiment: Experiment) -> str:
    """How Istio names the Envoy route of a rule of the user's that delegates to ours."""
    ours = rule_name(experiment.namespace, experiment.route_name)
    return f"{root['name']}-{ours}" if root.get("name") else ours


def render_delegate(
    experiment: Experiment, champion: Manifest, step: Parked | Open, *, mirror: Mirror | None = None
) -> Manifest:
    """The user's champion rule, for those who carry the header, split by the step's weights or mirrored."""
    carried = {key: deepcopy(champion[key]) for key in sorted(CARRIED & champion.keys())}
    if "headers" in carried:
        carried["headers"] = _unmarked(carried["headers"])
    if mirror is not None:
        carried["mirrors"] = [*carried.get("mirrors", []), mirror_entry(mirror)]
    (serving,) = serving_entries(champion)
    rules = _rules(experiment, step, cases=cases(champion), headers=serving.get("headers", {}))
    return {"http": [{**deepcopy(carried), **rule} for rule in rules]}


def parked_alone(experiment: Experiment, step: Parked, own: Manifest) -> Manifest:
    """A delegate that accepts nobody, whoever edited it; nothing in the user's route can hinder this.

    It is written whole, not changed where it stands: a weight that Envoy refuses would otherwise keep the old split.
    """
    rules = own["spec"].get("http") or [{}]
    return {"http": _rules(experiment, step, cases=cases(rules[0]), headers={})}


def is_open(own: Manifest, experiment: Experiment) -> bool:
    """Whether the delegate accepts anybody: whether some match does not demand the impossible value."""
    header = experiment.spec.assignment.header
    matches = [match for rule in own["spec"].get("http", []) for match in rule.get("match") or [{}]]
    return not all(is_closed(match.get("headers", {}).get(header, {}).get("regex", "")) for match in matches)


def serving_entries(rule: Manifest) -> list[Manifest]:
    """The destinations of a rule that get requests; an entry without a weight gets them only where it is alone."""
    entries: list[Manifest] = rule.get("route", [])
    return entries if len(entries) == 1 else [entry for entry in entries if entry.get("weight", 0) > 0]


def cases(rule: Manifest) -> tuple[bool, ...]:
    """How a rule's matches treat letters of paths: Istio drops a delegate that differs from all of them."""
    return tuple(sorted({bool(match.get("ignoreUriCase", False)) for match in rule.get("match") or [{}]}))


def filter_spec(experiment: Experiment, root: Manifest, selector: Mapping[str, str]) -> Manifest:
    """Lets the gateway choose by a hash of the assignment header, on the Envoy route of our delegate alone."""
    by_user = {
        "hash_policy": [{"header": {"header_name": experiment.spec.assignment.header}}],
        "weighted_clusters": {"use_hash_policy": True},
    }
    vhost = {"route": {"name": envoy_route_name(root, experiment)}}
    patch = {
        "applyTo": "HTTP_ROUTE",
        "match": {"context": "GATEWAY", "routeConfiguration": {"vhost": vhost}},
        "patch": {"operation": "MERGE", "value": {"route": by_user}},
    }
    return {"workloadSelector": {"labels": dict(selector)}, "configPatches": [patch]}


def _rules(
    experiment: Experiment, step: Parked | Open, *, cases: Collection[bool], headers: Manifest
) -> list[Manifest]:
    """One rule that is split, or a rule for each share; their name is the same, because it tells whose they are."""
    assignment, is_open = experiment.spec.assignment, isinstance(step, Open)
    if is_weighed(experiment):
        entries = [{**entry_of(experiment, share, headers), "weight": share.weight} for share in step.assignment.shares]
        return [_rule(experiment, asked_of_all(assignment, is_open=is_open), cases, entries)]
    return [
        _rule(
            experiment, asked_of(assignment, positions, is_open=is_open), cases, [entry_of(experiment, share, headers)]
        )
        for share, positions in step.assignment.intervals
    ]


def _rule(
    experiment: Experiment, expressions: Mapping[str, str], cases: Collection[bool], entries: list[Manifest]
) -> Manifest:
    targets = {
        target.name: {"regex": target.pattern} if target.pattern else {"exact": target.value}
        for target in experiment.spec.targeting.headers
    }
    asked = {"headers": {**{header: {"regex": value} for header, value in expressions.items()}, **targets}}
    return {
        "name": rule_name(experiment.namespace, experiment.route_name),
        "match": [{**deepcopy(asked), **({"ignoreUriCase": True} if ignored else {})} for ignored in cases],
        "route": entries,
    }


def entry_of(experiment: Experiment, share: Share, carried: Manifest) -> Manifest:
    """One variant: its Service by its short name, which Istio completes, and who it is.

    Those who are held out reach the champion's Service, and nobody says so.
    """
    reference = variant_named(experiment, share.variant).backend_ref
    port = {} if reference.port is None else {"port": {"number": reference.port}}
    headers = _unmarked(carried)
    marks = {
        "request": {"x-experiment": f"{experiment.namespace}/{experiment.name}", "x-variant": share.variant},
        "response": {"x-variant": share.variant},
    }
    for direction, ours in marks.items():
        said = headers.get(direction, {})
        if share.variant == HOLDOUT:
            headers[direction] = {**said, "remove": [*said.get("remove", []), *ours]}
        else:
            headers[direction] = {**said, "set": {**said.get("set", {}), **ours}}
    return {"destination": {"host": reference.name, **port}, "headers": headers}


def is_marked(entry: Manifest) -> bool:
    """Whether an entry says who answered; that of the held out does not."""
    return "x-variant" in entry.get("headers", {}).get("response", {}).get("set", {})


def _unmarked(headers: Mapping[str, Any]) -> Manifest:
    """The user's header operations without our names: Envoy applies a rule's after an entry's, so they would win."""
    return {
        direction: _without(operations, _REQUEST_MARKS if direction == "request" else _RESPONSE_MARKS)
        for direction, operations in headers.items()
    }


def _without(operations: Mapping[str, Any], names: Collection[str]) -> Manifest:
    kept: Manifest = {}
    for operation, headers in operations.items():
        if isinstance(headers, Mapping):
            kept[operation] = {name: value for name, value in headers.items() if name.lower() not in names}
        else:
            kept[operation] = [name for name in headers if name.lower() not in names]
    return {operation: headers for operation, headers in kept.items() if headers}
