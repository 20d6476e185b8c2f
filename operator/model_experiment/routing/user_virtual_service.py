"""The user's own VirtualService: which rules are the experiment's, and what stands in its way. Pure.

For: refusing, with a name, whatever a delegate could not repeat faithfully, and saying which lines are missing. The
trap: a delegate that is not there is dropped by Istio with its rule, and the request falls through. So a plain champion
rule must stand right after the rule that delegates, or a parked experiment would be a 404 for everybody.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from model_experiment.api.routes import VirtualServiceRef
from model_experiment.api.variants import Challenger, Champion
from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Obstacle
from model_experiment.objects import Manifest
from model_experiment.routing.capabilities import ISTIO_MESH, can_assign, why_not
from model_experiment.routing.claims import older_claim
from model_experiment.routing.own_virtual_service import CARRIED, serving_entries

_MESH = "mesh"
_WHERE_TO = frozenset(("name", "match", "route"))
_DELEGATING = frozenset(("name", "match", "delegate"))
_ENTRY = frozenset(("destination", "weight", "headers"))


@dataclass(frozen=True, slots=True)
class Rules:
    """The rule that delegates to the experiment, and the plain rule after it, whose place the experiment takes."""

    root: Manifest
    champion: Manifest


def reference_of(experiment: Experiment) -> VirtualServiceRef:
    """What the experiment names as the user's VirtualService."""
    return experiment.spec.routing.virtual_service


def find_obstacle(
    experiment: Experiment,
    user_route: Manifest | None,
    *,
    gateways: Sequence[Manifest],
    filters: Sequence[Manifest] = (),
    others: Sequence[Manifest] = (),
) -> Obstacle | None:
    """The first thing that forbids a delegate, in the order in which a person would mend them."""
    name = reference_of(experiment).name
    if user_route is None:
        found = f"VirtualService {name} must exist in namespace {experiment.namespace}, found none"
        return Obstacle("RouteNotFound", found)
    return (
        older_claim(experiment, others)
        or wrong_gateway(experiment, user_route, gateways)
        or _wrong_rules(experiment, user_route)
        or _patched(experiment, user_route, filters)
    )


def find_rules(experiment: Experiment, user_route: Manifest) -> Rules | None:
    """The two rules of the experiment, where both stand as they must."""
    champion = _after_the_root(experiment, user_route)
    return None if champion is None else Rules(_roots(experiment, user_route)[0], champion)


def adopted(experiment: Experiment, user_route: Manifest | None) -> str:
    """The challenger that the user's own champion rule now serves alone."""
    if user_route is None:
        return ""
    rule = _after_the_root(experiment, user_route) or _plain_rule(experiment, user_route)
    challengers = experiment.spec.challengers if rule else ()
    return next((each.name for each in challengers if rule and _serves(rule, each, experiment.namespace)), "")


def gateway_names(user_route: Manifest) -> list[tuple[str, str]]:
    """Namespace and name of each Gateway that the VirtualService is bound to; the mesh itself is none."""
    namespace = user_route["metadata"]["namespace"]
    bound = [name for name in user_route["spec"].get("gateways", []) if name != _MESH]
    return [(place or namespace, name) for place, _, name in (each.rpartition("/") for each in bound)]


def _rules(user_route: Manifest) -> list[Manifest]:
    rules: list[Manifest] = user_route["spec"].get("http", [])
    return rules


def _roots(experiment: Experiment, user_route: Manifest) -> list[Manifest]:
    return [rule for rule in _rules(user_route) if _delegates(rule, experiment)]


def _delegates(rule: Manifest, experiment: Experiment) -> bool:
    delegate = rule.get("delegate", {})
    place = delegate.get("namespace", experiment.namespace)
    return (place, delegate.get("name")) == (experiment.namespace, experiment.route_name)


def _after_the_root(experiment: Experiment, user_route: Manifest) -> Manifest | None:
    """The plain rule right after the one that delegates, with the same matches."""
    rules = _rules(user_route)
    for root, champion in pairwise(rules):
        if _delegates(root, experiment):
            same = root.get("match", []) == champion.get("match", [])
            wanted = reference_of(experiment).rule in (None, champion.get("name"))
            return champion if same and wanted and "route" in champion else None
    return None


def _plain_rule(experiment: Experiment, user_route: Manifest) -> Manifest | None:
    """The champion's rule of a VirtualService that does not delegate yet: the named one, or the only one."""
    plain = [rule for rule in _rules(user_route) if "route" in rule]
    wanted = reference_of(experiment).rule
    if wanted is None:
        return plain[0] if len(plain) == 1 else None
    return next((rule for rule in plain if rule.get("name") == wanted), None)


def wrong_gateway(experiment: Experiment, user_route: Manifest, gateways: Sequence[Manifest]) -> Obstacle | None:
    """Gateways that do not split by a hash of the user, or cannot be found."""
    name, bound = user_route["metadata"]["name"], gateway_names(user_route)
    if not bound or _MESH in user_route["spec"].get("gateways", []):
        if experiment.spec.is_shadow or can_assign(ISTIO_MESH, experiment.spec.assignment.by):
            return None
        return Obstacle(
            "GatewayNotSupported",
            f"VirtualService {name} must be bound to Gateways alone (spec.gateways), because only there users are"
            f" split by a hash; {why_not(ISTIO_MESH)}",
        )
    known = {(each["metadata"]["namespace"], each["metadata"]["name"]) for each in gateways}
    if missing := [f"{namespace}/{gateway}" for namespace, gateway in bound if (namespace, gateway) not in known]:
        return Obstacle("GatewayNotFound", f"the Gateway {missing[0]} of VirtualService {name} must exist, found none")
    places = {(each["metadata"]["namespace"], json.dumps(each["spec"].get("selector", {}))) for each in gateways}
    if len(places) != 1 or not gateways[0]["spec"].get("selector"):
        found = f"found {len(places)} of them" if len(places) > 1 else "found no selector"
        return Obstacle(
            "GatewayNotSupported",
            f"the Gateways of VirtualService {name} must select the same proxies in one namespace, {found}",
        )
    return None


def _wrong_rules(experiment: Experiment, user_route: Manifest) -> Obstacle | None:
    rules = find_rules(experiment, user_route)
    if rules is None:
        return _missing_rules(experiment, user_route)
    name, champion = user_route["metadata"]["name"], experiment.spec.champion
    if not _serves(rules.champion, champion, experiment.namespace):
        found = ", ".join(entry["destination"]["host"] for entry in rules.champion["route"]) or "none"
        return Obstacle(
            "ChampionNotServed",
            f"the rule of VirtualService {name} after its delegate must send everything to the champion's Service"
            f" {champion.backend_ref.name}, found {found}",
        )
    unrepeatable = _unrepeatable(rules, experiment)
    if unrepeatable:
        return Obstacle("RuleNotSupported", f"the rules of VirtualService {name} must not {unrepeatable}")
    return None


def _missing_rules(experiment: Experiment, user_route: Manifest) -> Obstacle:
    """Which lines the VirtualService lacks."""
    reference, roots = reference_of(experiment), _roots(experiment, user_route)
    if roots:
        destination = {"host": experiment.spec.champion.backend_ref.name}
        named = {"name": reference.rule} if reference.rule else {}
        lines = _lines({**named, **_match(roots[0]), "route": [{"destination": destination}]})
        return Obstacle(
            "ChampionRuleMissing",
            f"VirtualService {reference.name} must have a plain rule right after the one that delegates to"
            f" {experiment.route_name}, with the same matches, or nobody is served while the experiment is parked;"
            f" add under spec.http:\n{lines}",
        )
    plain = _plain_rule(experiment, user_route)
    if plain is None:
        return _missing_plain_rule(reference, user_route)
    delegate = {"name": experiment.route_name, "namespace": experiment.namespace}
    return Obstacle(
        "DelegateMissing",
        f"VirtualService {reference.name} must delegate to the experiment right before its rule for the champion;"
        f" add under spec.http, before {plain.get('name', 'it')}:\n{_lines({**_match(plain), 'delegate': delegate})}",
    )


def _missing_plain_rule(reference: VirtualServiceRef, user_route: Manifest) -> Obstacle:
    names = [rule.get("name", "(unnamed)") for rule in _rules(user_route) if "route" in rule]
    found = f"found {len(names)}: {', '.join(names) or 'none'}"
    if reference.rule is None and names:
        return Obstacle(
            "RuleNotNamed",
            "spec.routing.virtualService.rule must name the champion's rule where VirtualService"
            f" {reference.name} has more than one, {found}",
        )
    wanted = f"named {reference.rule}" if reference.rule else "that routes to the champion"
    return Obstacle("RuleNotFound", f"VirtualService {reference.name} must have a rule {wanted}, {found}")


def _match(rule: Manifest) -> Manifest:
    return {"match": rule["match"]} if "match" in rule else {}


def _lines(rule: Manifest) -> str:
    """A rule as lines of YAML that can be pasted; what is inside a field is written as JSON, which is YAML too."""
    lines = [f"{key}: {json.dumps(value)}" for key, value in rule.items()]
    return "- " + "\n  ".join(lines)


def _serves(rule: Manifest, variant: Champion | Challenger, namespace: str) -> bool:
    """Whether the rule sends everything to a variant; a destination without a port means the Service's only one."""
    serving = serving_entries(rule)
    if len(serving) != 1:
        return False
    destination, backend = serving[0]["destination"], variant.backend_ref
    port = destination.get("port", {}).get("number", backend.port)
    service = (backend.group, backend.kind) == ("", "Service")
    return service and port == backend.port and is_host_of(destination["host"], backend.name, namespace)


def is_host_of(host: str, service: str, namespace: str) -> bool:
    """Whether a destination is a Service of that namespace: by its short name, or by any longer one."""
    return host == service or f"{host}.".startswith(f"{service}.{namespace}.")


def _unrepeatable(rules: Rules, experiment: Experiment) -> str:
    """What the rules say that a delegate cannot repeat; empty where it can."""
    asked, matches = experiment.spec.assignment.headers, rules.root.get("match", [])
    entries = rules.champion["route"]
    named = {name.lower() for match in matches for key in ("headers", "withoutHeaders") for name in match.get(key, {})}
    taken = sorted(named.intersection(asked))
    operations = [each.get("headers", {}).get("request", {}).values() for each in (rules.champion, *entries)]
    changed = sorted({name.lower() for each in operations for names in each for name in names}.intersection(asked))
    targets = sorted(named & {target.name for target in experiment.spec.targeting.headers})
    unknown = sorted(rules.champion.keys() - CARRIED - _WHERE_TO)
    kinds = {each.backend_ref.kind for each in experiment.spec.challengers} - {"Service"}
    faults = {
        f"match the assignment header {', '.join(taken)} itself": bool(taken),
        f"match the header {', '.join(targets)}, which spec.targeting names too": bool(targets),
        f"set, add or remove the assignment header {', '.join(changed)}: access logs would no longer tell the user": (
            bool(changed)
        ),
        "name their matches: the name of the route would differ from match to match": _any_has("name", matches),
        "match sourceNamespace, which a gateway never fulfils": _any_has("sourceNamespace", matches),
        "say more than name, match and delegate where they delegate; the champion's rule is repeated instead": bool(
            rules.root.keys() - _DELEGATING
        ),
        f"use {', '.join(unknown)}, which the experiment cannot repeat": bool(unknown),
        "send to a subset: the challenger must be a Service of its own": _any_has(
            "subset", [entry["destination"] for entry in entries]
        ),
        "say more of a destination than weight and headers": any(entry.keys() - _ENTRY for entry in entries),
        f"be split with a {', '.join(sorted(kinds))}: Istio routes to Services": bool(kinds),
    }
    return next((fault for fault, holds in faults.items() if holds), "")


def _any_has(key: str, manifests: Sequence[Manifest]) -> bool:
    return any(key in each for each in manifests)


def _patched(experiment: Experiment, user_route: Manifest, filters: Sequence[Manifest]) -> Obstacle | None:
    """An EnvoyFilter for the champion's Envoy route by name does not reach the experiment's."""
    rules = find_rules(experiment, user_route)
    name = rules.champion.get("name") if rules else None
    attached = sorted(
        f"{each['metadata']['namespace']}/{each['metadata']['name']}"
        for each in filters
        for patch in each["spec"].get("configPatches", [])
        if name and _route_name(patch) == name
    )
    if not attached:
        return None
    return Obstacle(
        "PolicyNotCarried",
        f"no EnvoyFilter may change the route {name} by its name, because the experiment's route would bypass it;"
        f" found {', '.join(attached)}",
    )


def _route_name(patch: Manifest) -> str:
    virtual_host = patch.get("match", {}).get("routeConfiguration", {}).get("vhost", {})
    name: str = virtual_host.get("route", {}).get("name", "")
    return name
