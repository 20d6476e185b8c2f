"""What a shared HTTPRoute must say, and the lines to add where it does not. Pure, but for the view that it reads.

The rule must be the first of the route: access logs name a rule by its place, and this is how the collector knows the
experiment's from the others. The traps are those of an own route (``own_http_route``), only that
here nobody mends them: without a header filter on each backend Envoy Gateway ignores the weights, and without a
policy that hashes, users are split at random.
"""

import json
from collections.abc import Callable, Sequence

from model_experiment.assignment import SMALLEST_MODULUS
from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Obstacle
from model_experiment.decision.splits import split_of
from model_experiment.objects import BACKEND_TRAFFIC_POLICY, HTTP_ROUTE, MODEL_EXPERIMENT, Manifest
from model_experiment.routing.ages import Ages
from model_experiment.routing.asking import ANY_VALUE
from model_experiment.routing.backends import find_unserved, served
from model_experiment.routing.claims import older_claim
from model_experiment.routing.own_http_route import backend, marked, policy_spec, with_header
from model_experiment.routing.own_objects import contains
from model_experiment.routing.policies import Policies, attached
from model_experiment.routing.port import View
from model_experiment.routing.seen_http_route import gateway_says, is_reference_to
from model_experiment.routing.shared_weights import Entry, SharedRule, is_planned, shared_among
from model_experiment.routing.silence import Silence
from model_experiment.routing.user_http_route import wrong_gateway


class SharedHTTPRoute:
    """HTTPRoutes of Envoy Gateway, as a dialect of shared routes.

    ``settle_seconds`` is how long the proxies may lag behind the word of their gateway, ``warm_seconds`` how long they
    may wait for the endpoints of a backend that comes from weight 0.
    """

    kind = HTTP_ROUTE
    rules_field = "rules"

    def __init__(
        self,
        view: View,
        *,
        clock: Callable[[], float],
        settle_seconds: float,
        warm_seconds: float,
        is_new_envoy_gateway: bool = True,
    ) -> None:
        self._view = view
        self._is_new = is_new_envoy_gateway
        self._ages = Ages(clock)
        self._silence = Silence(clock)
        self._settle_seconds = settle_seconds
        self._warm_seconds = warm_seconds

    def user_route(self, experiment: Experiment) -> Manifest | None:
        """See the dialect."""
        return self._view.get(HTTP_ROUTE, experiment.namespace, experiment.spec.routing.http_route.name)

    def rules(self, experiment: Experiment, user_route: Manifest) -> list[SharedRule]:
        """See the dialect."""
        return [_shared_rule(experiment, rule, place) for place, rule in enumerate(_rules(user_route))]

    def rule(self, experiment: Experiment, user_route: Manifest) -> SharedRule:
        """See the dialect."""
        rules = self.rules(experiment, user_route)
        return shared_among(rules, experiment, user_route, name=experiment.spec.routing.http_route.rule)

    def find_obstacle(self, experiment: Experiment, user_route: Manifest | None, *, is_marked: bool) -> Obstacle | None:
        """See the dialect."""
        reference = experiment.spec.routing.http_route
        if user_route is None:
            found = f"HTTPRoute {reference.name} must exist in namespace {experiment.namespace}, found none"
            return Obstacle("RouteNotFound", found)
        unserved, experiment = find_unserved(experiment, self._view), served(experiment, self._view)
        return (
            older_claim(experiment, self._view.all(MODEL_EXPERIMENT))
            or unserved
            or wrong_gateway(experiment, user_route, is_new_envoy_gateway=self._is_new)
            or _wrong_place(experiment, user_route, self.rule(experiment, user_route))
            or _wrong_backends(experiment, user_route)
            or _wrong_match(experiment, user_route)
            or _unfit(user_route)
            or (None if is_marked else self._wrong_weights(experiment, user_route))
            or self._not_hashed(experiment, user_route)
        )

    def says(self, experiment: Experiment, user_route: Manifest) -> tuple[bool, Obstacle | None]:
        """See the dialect."""
        policies = self._policies(experiment, user_route)[:1]
        policy = policies[0] if policies else None
        settled, problem = gateway_says(user_route, policy, needs_policy=True)
        silence = self._silence.of(user_route, policy)
        if not settled:
            return False, silence
        versions = tuple(each["metadata"]["generation"] for each in (user_route, *policies))
        is_entering = any(entry.weight == 1 for entry in self.rule(experiment, user_route).entries)
        wait = self._warm_seconds if is_entering else self._settle_seconds
        return self._ages.of(user_route["metadata"]["uid"], versions) >= wait, problem

    def look(self, experiment: Experiment) -> None:
        """See the dialect; the gateway tells by itself."""

    def _wrong_weights(self, experiment: Experiment, user_route: Manifest) -> Obstacle | None:
        entries, champion = self.rule(experiment, user_route).entries, experiment.spec.champion
        serving = {entry.variant for entry in entries if entry.weight}
        if serving == {champion.name}:
            return None
        found = ", ".join(f"{entry.backend[1]} at {entry.weight}" for entry in entries)
        return Obstacle(
            "ChampionNotServed",
            f"the rule of HTTPRoute {user_route['metadata']['name']} must send everything to the champion's backend"
            f" {champion.backend_ref.name} before the experiment, and have weight 0 for the others, found {found}",
        )

    def _not_hashed(self, experiment: Experiment, user_route: Manifest) -> Obstacle | None:
        policies, name = self._policies(experiment, user_route), user_route["metadata"]["name"]
        wanted, header = policy_spec(experiment)["loadBalancer"], experiment.spec.assignment.header
        if len(policies) == 1 and contains(policies[0]["spec"].get("loadBalancer"), wanted):
            return None
        names = ", ".join(policy["metadata"]["name"] for policy in policies) or "none"
        return Obstacle(
            "HashMissing",
            f"HTTPRoute {name} must have one BackendTrafficPolicy that hashes {header}, or users would be split at"
            f" random, found {names}; write under its spec:\n"
            f"targetRefs: {json.dumps([{'group': HTTP_ROUTE.group, 'kind': HTTP_ROUTE.name, 'name': name}])}\n"
            f"loadBalancer: {json.dumps(wanted)}",
        )

    def _policies(self, experiment: Experiment, user_route: Manifest) -> Sequence[Manifest]:
        """The policies of the kind that hashes, on the route or on its rule."""
        place = self.rule(experiment, user_route).place
        rule = {} if place is None else _rules(user_route)[place]
        everything = [(BACKEND_TRAFFIC_POLICY, policy) for policy in self._view.all(BACKEND_TRAFFIC_POLICY)]
        return attached(Policies(experiment, user_route, rule, None, everything), BACKEND_TRAFFIC_POLICY)


def _rules(user_route: Manifest) -> list[Manifest]:
    rules: list[Manifest] = user_route["spec"].get("rules", [])
    return rules


def _rule(user_route: Manifest) -> Manifest:
    """The first, which must be the shared one."""
    return next(iter(_rules(user_route)), {})


def _shared_rule(experiment: Experiment, rule: Manifest, place: int) -> SharedRule:
    path = f"/spec/rules/{place}"
    entries = tuple(
        Entry(
            path=(at := f"{path}/backendRefs/{number}"),
            variant=_variant_of(reference, experiment),
            weight=reference.get("weight", 1),
            backend=(f"{at}/name", reference["name"]),
        )
        for number, reference in enumerate(rule.get("backendRefs", []))
    )
    return SharedRule(entries, (f"{path}/name", rule["name"]) if "name" in rule else None, place)


def _variant_of(reference: Manifest, experiment: Experiment) -> str:
    variants = experiment.spec.variants
    return next((each.name for each in variants if is_reference_to(reference, each.backend_ref)), "")


def _wrong_place(experiment: Experiment, user_route: Manifest, shared: SharedRule) -> Obstacle | None:
    """Access logs name a rule by its place, so another one that is first would be counted."""
    name, wanted = user_route["metadata"]["name"], experiment.spec.routing.http_route.rule
    if shared.place and is_planned(shared.entries, split_of(experiment, SMALLEST_MODULUS)):
        found = f"found it as rule {shared.place + 1}"
    elif wanted not in (None, first := _rule(user_route).get("name", "(unnamed)")):
        found = f"found {first}"
    else:
        return None
    return Obstacle(
        "RuleNotFound",
        f"the first rule of HTTPRoute {name} must be {wanted or 'the shared one'}, because access logs name a shared"
        f" rule by its place, {found}",
    )


def _wrong_backends(experiment: Experiment, user_route: Manifest) -> Obstacle | None:
    """The variants in the order of the assignment, each with the headers that say who it is."""
    shares = split_of(experiment, SMALLEST_MODULUS).shares
    rule, name, champion = _rule(user_route), user_route["metadata"]["name"], experiment.spec.champion.name
    wanted = [
        {
            **backend(experiment, share.variant),
            "weight": 100 * (share.variant == champion),
            "filters": marked(experiment, share, []),
        }
        for share in shares
    ]
    references = rule.get("backendRefs", [])
    lines = "write as its backendRefs:\n" + "\n".join(f"- {json.dumps(each)}" for each in wanted)
    if [_variant_of(reference, experiment) for reference in references] != [share.variant for share in shares]:
        order = ", ".join(each["name"] for each in wanted)
        found = ", ".join(each["name"] for each in references) or "none"
        return Obstacle(
            "BackendsNotShared",
            f"the first rule of HTTPRoute {name} must list {order}, in this order, found {found}; {lines}",
        )
    unmarked = [
        each["name"] for each, model in zip(references, wanted, strict=True) if not _has_marks(each, model["filters"])
    ]
    if unmarked:
        return Obstacle(
            "VariantNotMarked",
            f"each backend of the first rule of HTTPRoute {name} must set the headers that say which variant answers,"
            f" found {unmarked[0]} without them; {lines}",
        )
    return None


def _has_marks(reference: Manifest, wanted: Sequence[Manifest]) -> bool:
    """Whether a backend's filters set all headers that they must, and perhaps others."""
    return set(_headers_set(wanted)) <= set(_headers_set(reference.get("filters", [])))


def _headers_set(filters: Sequence[Manifest]) -> list[tuple[str, str, str]]:
    """Each header that filters set: on what, its name and its value."""
    return [
        (key, header["name"].lower(), header["value"])
        for each in filters
        for key in ("requestHeaderModifier", "responseHeaderModifier")
        for header in each.get(key, {}).get("set", [])
    ]


def _wrong_match(experiment: Experiment, user_route: Manifest) -> Obstacle | None:
    """Whoever does not carry the header must stay out: without it Envoy would choose at random."""
    header, name = experiment.spec.assignment.header, user_route["metadata"]["name"]
    matches = _rule(user_route).get("matches") or [{"path": {"type": "PathPrefix", "value": "/"}}]
    asked = {"type": "RegularExpression", "name": header, "value": ANY_VALUE}
    if all(asked in match.get("headers", []) for match in matches):
        return None
    lines = "\n".join(f"- {json.dumps(with_header(match, header, ANY_VALUE))}" for match in matches)
    return Obstacle(
        "HeaderNotDemanded",
        f"each match of the first rule of HTTPRoute {name} must demand the assignment header {header}, and another"
        f" rule serve whoever does not carry it; write as its matches:\n{lines}",
    )


def _unfit(user_route: Manifest) -> Obstacle | None:
    """What the rule does that a split cannot bear."""
    rule, name = _rule(user_route), user_route["metadata"]["name"]
    marked = {"x-experiment", "x-variant"} & {header for _, header, _ in _headers_set(rule.get("filters", []))}
    faults = {
        "keep sessions: a pinned session would outlive a take-back": "sessionPersistence" in rule,
        f"set {', '.join(sorted(marked))} for all of its backends": bool(marked),
    }
    fault = next((fault for fault, holds in faults.items() if holds), "")
    return Obstacle("RuleNotSupported", f"the first rule of HTTPRoute {name} must not {fault}") if fault else None
