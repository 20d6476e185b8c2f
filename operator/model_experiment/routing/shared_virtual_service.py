"""What a shared VirtualService must say, with the EnvoyFilter that hashes for it, and the lines to add.

The rule has the name that ends the route name of an experiment's delegate too, so that access logs and istiod's own
pages tell it from others. The trap is the EnvoyFilter: it is merged into the route by that name, in silence; without it
users are split at random, and with it a route of a single entry is refused together with the whole table of its port.
A shared rule therefore always keeps an entry for each variant.
"""

import json
from collections.abc import Callable, Sequence

from model_experiment.assignment import SMALLEST_MODULUS
from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Obstacle
from model_experiment.decision.splits import split_of
from model_experiment.objects import ENVOY_FILTER, ISTIO_GATEWAY, MODEL_EXPERIMENT, VIRTUAL_SERVICE, Manifest
from model_experiment.routing.ages import Ages
from model_experiment.routing.asking import ANY_VALUE
from model_experiment.routing.backends import find_unserved, routed, served
from model_experiment.routing.claims import older_claim
from model_experiment.routing.mesh_state import MESH_UNKNOWN, MeshState, mesh_says, selected
from model_experiment.routing.own_objects import contains
from model_experiment.routing.own_virtual_service import entry_of, filter_spec, rule_name
from model_experiment.routing.port import View
from model_experiment.routing.shared_weights import Entry, SharedRule, challengers_have_traffic, shared_among
from model_experiment.routing.user_virtual_service import gateway_names, is_host_of, reference_of, wrong_gateway


class SharedVirtualService:
    """VirtualServices of Istio's own gateway, as a dialect of shared routes.

    ``mesh`` and ``settle_seconds`` are as in :class:`~model_experiment.routing.istio.IstioRouter`.
    """

    kind = VIRTUAL_SERVICE
    rules_field = "http"

    def __init__(
        self, view: View, *, clock: Callable[[], float], settle_seconds: float, mesh: MeshState | None = None
    ) -> None:
        self._view = view
        self._ages = Ages(clock)
        self._settle_seconds = settle_seconds
        self._mesh = mesh

    def user_route(self, experiment: Experiment) -> Manifest | None:
        """See the dialect."""
        return self._view.get(VIRTUAL_SERVICE, experiment.namespace, reference_of(experiment).name)

    def rules(self, experiment: Experiment, user_route: Manifest) -> list[SharedRule]:
        """See the dialect."""
        return [_shared_rule(experiment, rule, place) for place, rule in enumerate(_rules(user_route))]

    def rule(self, experiment: Experiment, user_route: Manifest) -> SharedRule:
        """See the dialect."""
        rules = self.rules(experiment, user_route)
        return shared_among(rules, experiment, user_route, name=_name_for(experiment))

    def find_obstacle(self, experiment: Experiment, user_route: Manifest | None, *, is_marked: bool) -> Obstacle | None:
        """See the dialect."""
        name = reference_of(experiment).name
        if user_route is None:
            found = f"VirtualService {name} must exist in namespace {experiment.namespace}, found none"
            return Obstacle("RouteNotFound", found)
        unserved, experiment = find_unserved(experiment, self._view), served(experiment, self._view)
        return (
            older_claim(experiment, self._view.all(MODEL_EXPERIMENT))
            or unserved
            or wrong_gateway(experiment, user_route, self._gateways(user_route))
            or _wrong_rule(experiment, user_route, self.rule(experiment, user_route).place)
            or (None if is_marked else self._wrong_weights(experiment, user_route))
            or self._not_hashed(experiment, user_route)
        )

    def says(self, experiment: Experiment, user_route: Manifest) -> tuple[bool, Obstacle | None]:
        """See the dialect."""
        metadata = user_route["metadata"]
        is_late = self._ages.of(metadata["uid"], metadata["generation"]) >= self._settle_seconds
        shared, gateways = self.rule(experiment, user_route), self._gateways(user_route)
        if self._mesh is None or shared.place is None or not gateways:
            return is_late, None
        proxies = selected(self._mesh.proxies() or (), gateways[0]["spec"].get("selector", {}))
        if not proxies:
            is_blind = is_late and not challengers_have_traffic(shared.entries, experiment.spec.champion.name)
            return is_blind, MESH_UNKNOWN if is_blind else None
        return mesh_says(experiment, {"spec": {"http": [_rules(user_route)[shared.place]]}}, proxies, is_late=is_late)

    def look(self, experiment: Experiment) -> None:
        """See the dialect."""
        user_route = self.user_route(experiment)
        gateways = self._gateways(user_route) if user_route else []
        if self._mesh is not None and gateways:
            self._mesh.look(gateways[0]["spec"].get("selector", {}))

    def _wrong_weights(self, experiment: Experiment, user_route: Manifest) -> Obstacle | None:
        entries, champion = self.rule(experiment, user_route).entries, experiment.spec.champion
        if {entry.variant for entry in entries if entry.weight} == {champion.name}:
            return None
        found = ", ".join(f"{entry.backend[1]} at {entry.weight or 0}" for entry in entries)
        return Obstacle(
            "ChampionNotServed",
            f"the rule {_name_for(experiment)} of VirtualService {user_route['metadata']['name']} must send everything"
            f" to the champion's Service {champion.backend_ref.name} before the experiment, and have weight 0 for the"
            f" others, found {found}",
        )

    def _not_hashed(self, experiment: Experiment, user_route: Manifest) -> Obstacle | None:
        """The user's own EnvoyFilter must choose by a hash, where the gateway's proxies are."""
        gateway, name = self._gateways(user_route)[0], _name_for(experiment)
        place, selector = gateway["metadata"]["namespace"], gateway["spec"]["selector"]
        wanted = filter_spec(experiment, {}, selector)
        for each in self._view.all(ENVOY_FILTER):
            labels = each["spec"].get("workloadSelector", {}).get("labels", {})
            reaches = each["metadata"]["namespace"] == place and labels.items() <= selector.items()
            if reaches and any(contains(patch, wanted["configPatches"][0]) for patch in each["spec"]["configPatches"]):
                return None
        lines = "\n".join(f"{key}: {json.dumps(value)}" for key, value in wanted.items())
        return Obstacle(
            "HashMissing",
            f"an EnvoyFilter in namespace {place} must hash {experiment.spec.assignment.header} for the route {name},"
            f" or users would be split at random, found none; write under its spec:\n{lines}",
        )

    def _gateways(self, user_route: Manifest) -> list[Manifest]:
        found = (self._view.get(ISTIO_GATEWAY, namespace, name) for namespace, name in gateway_names(user_route))
        return [gateway for gateway in found if gateway is not None]


def _name_for(experiment: Experiment) -> str:
    """The name that the shared rule must have: as that of a delegate, and so that of its Envoy routes."""
    return rule_name(experiment.namespace, experiment.route_name)


def _wrong_rule(experiment: Experiment, user_route: Manifest, place: int | None) -> Obstacle | None:
    rule = {} if place is None else _rules(user_route)[place]
    if rule.get("name") != _name_for(experiment):
        return _missing_rule(experiment, user_route)
    return (
        _wrong_destinations(experiment, user_route, rule)
        or _wrong_match(experiment, user_route, rule)
        or _unfit(user_route, rule)
    )


def _missing_rule(experiment: Experiment, user_route: Manifest) -> Obstacle:
    names = ", ".join(rule.get("name", "(unnamed)") for rule in _rules(user_route)) or "none"
    header = experiment.spec.assignment.header
    rule = {
        "name": _name_for(experiment),
        "match": [{"headers": {header: {"regex": ANY_VALUE}}}],
        "route": _model(experiment),
    }
    return Obstacle(
        "RuleNotFound",
        f"VirtualService {user_route['metadata']['name']} must have a rule named {rule['name']}, because access logs"
        f" name the experiment by it, before the rule for those who do not carry {header}, found {names}; write under"
        f" spec.http, and add to its match what you match today:\n{_lines([rule])}",
    )


def _wrong_destinations(experiment: Experiment, user_route: Manifest, rule: Manifest) -> Obstacle | None:
    """The variants in the order of the assignment, each with the headers that say who it is."""
    wanted, found, name = _model(experiment), rule.get("route", []), user_route["metadata"]["name"]
    lines = f"write as its route:\n{_lines(wanted)}"
    variants = [[_variant_of(each["destination"], experiment) for each in entries] for entries in (found, wanted)]
    if variants[0] != variants[1]:
        order = ", ".join(each["destination"]["host"] for each in wanted)
        hosts = ", ".join(each["destination"]["host"] for each in found) or "none"
        return Obstacle(
            "BackendsNotShared",
            f"the rule {rule['name']} of VirtualService {name} must list {order}, in this order, found {hosts};"
            f" {lines}",
        )
    unmarked = [
        each["destination"]["host"]
        for each, model in zip(found, wanted, strict=True)
        if not contains(each.get("headers", {}), model["headers"])
    ]
    if unmarked:
        return Obstacle(
            "VariantNotMarked",
            f"each destination of the rule {rule['name']} of VirtualService {name} must set the headers that say which"
            f" variant answers, found {unmarked[0]} without them; {lines}",
        )
    return None


def _model(experiment: Experiment) -> list[Manifest]:
    """The destinations as they must be, all of it for the champion."""
    shares = split_of(experiment, SMALLEST_MODULUS).shares
    champion = experiment.spec.champion.name
    entries = [(entry_of(experiment, share, {}), 100 if share.variant == champion else 0) for share in shares]
    return [
        {"destination": each["destination"], "weight": weight, "headers": each["headers"]} for each, weight in entries
    ]


def _wrong_match(experiment: Experiment, user_route: Manifest, rule: Manifest) -> Obstacle | None:
    """Whoever does not carry the header must stay out: without it Envoy would choose at random."""
    header, asked = experiment.spec.assignment.header, {"regex": ANY_VALUE}
    matches: list[Manifest] = rule.get("match") or [{}]
    if all(match.get("headers", {}).get(header) == asked for match in matches):
        return None
    demanding = [{**match, "headers": {**match.get("headers", {}), header: asked}} for match in matches]
    return Obstacle(
        "HeaderNotDemanded",
        f"each match of the rule {rule['name']} of VirtualService {user_route['metadata']['name']} must demand the"
        f" assignment header {header}, and another rule serve whoever does not carry it; write as its"
        f" match:\n{_lines(demanding)}",
    )


def _unfit(user_route: Manifest, rule: Manifest) -> Obstacle | None:
    """What the rule does that a split cannot bear."""
    names = {name.lower() for said in rule.get("headers", {}).values() for name in said.get("set", {})}
    marked = {"x-experiment", "x-variant"} & names
    faults = {
        "name its matches: the name of the route would differ from match to match": any(
            "name" in match for match in rule.get("match", [])
        ),
        f"set {', '.join(sorted(marked))} for all of its destinations": bool(marked),
    }
    fault = next((fault for fault, holds in faults.items() if holds), "")
    name = user_route["metadata"]["name"]
    return Obstacle("RuleNotSupported", f"the shared rule of VirtualService {name} must not {fault}") if fault else None


def _lines(entries: Sequence[Manifest]) -> str:
    """A list as lines of YAML that can be pasted; what is inside an entry is written as JSON, which is YAML too."""
    return "\n".join(f"- {json.dumps(each)}" for each in entries)


def _rules(user_route: Manifest) -> list[Manifest]:
    rules: list[Manifest] = user_route["spec"].get("http", [])
    return rules


def _shared_rule(experiment: Experiment, rule: Manifest, place: int) -> SharedRule:
    path = f"/spec/http/{place}"
    entries = tuple(
        Entry(
            path=(at := f"{path}/route/{number}"),
            variant=_variant_of(entry["destination"], experiment),
            weight=entry.get("weight"),
            backend=(f"{at}/destination/host", entry["destination"]["host"]),
        )
        for number, entry in enumerate(rule.get("route", []))
    )
    return SharedRule(entries, (f"{path}/name", rule["name"]) if "name" in rule else None, place)


def _variant_of(destination: Manifest, experiment: Experiment) -> str:
    """The variant whose Service this is; a destination without a port means the Service's only one."""
    host, port = destination["host"], destination.get("port", {}).get("number")
    return next(
        (
            variant.name
            for variant in experiment.spec.variants
            for service in routed(variant.backend_ref)
            if is_host_of(host, service.name, experiment.namespace)
            and port in (None, service.port)
            and "subset" not in destination
        ),
        "",
    )
