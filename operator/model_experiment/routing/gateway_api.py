"""Gateway API on Envoy Gateway: the experiment's own HTTPRoute beside the user's, more specific by one header.

The own route repeats the user's rule (parents, hostnames, matches, filters, timeouts, retries), demands the assignment
header in addition, and splits by weights whose sum is the experiment's modulus. A BackendTrafficPolicy of its own makes
Envoy hash that header.

The traps: Envoy Gateway ignores weights for a hashed route unless every backend has filters of its own; a weight of 0
removes a cluster (see ``decision.route``); and a policy that is attached to the user's route *by name* does not reach a
second route, so an experiment beside it would bypass, for example, authentication. Such a policy is an obstacle.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from model_experiment.api.spec import BackendRef, Challenger, Champion
from model_experiment.assignment import Assignment, Share
from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Absent, Open, Parked, Route, RouteReading, Seen
from model_experiment.errors import ClusterError
from model_experiment.objects import BACKEND_TRAFFIC_POLICY, HTTP_ROUTE, MODEL_EXPERIMENT, Manifest, Objects
from model_experiment.routing.obstacles import adopted, find_obstacle, find_rule
from model_experiment.routing.ownership import is_ours, owned
from model_experiment.routing.port import View

ANY_VALUE = ".+"
NO_VALUE = r"\b\B"  # a boundary that is none: matches nothing, in every mode of the regular expressions of Envoy
TAKEN_BACK = "modelexperiment.io/taken-back"


class GatewayApiRouter:
    """Routes of Envoy Gateway, read from a view and written with guards."""

    def __init__(self, objects: Objects, view: View) -> None:
        self._objects = objects
        self._view = view

    def read(self, experiment: Experiment) -> RouteReading:
        """What stands now and what is in the way."""
        user_route = self._view.get(HTTP_ROUTE, experiment.namespace, experiment.spec.routing.http_route.name)
        own = self._view.get(HTTP_ROUTE, experiment.namespace, experiment.route_name)
        policy = self._view.get(BACKEND_TRAFFIC_POLICY, experiment.namespace, experiment.route_name)
        policies = [policy for kind in self._view.policy_kinds() for policy in self._view.all(kind)]
        return RouteReading(
            own=seen(own, policy, experiment) if own else None,
            obstacle=find_obstacle(experiment, user_route, policies=policies, others=self._view.all(MODEL_EXPERIMENT)),
            adopted=adopted(experiment, user_route),
        )

    async def apply(self, experiment: Experiment, step: Route, *, taken_back: str = "") -> bool:
        """Makes one step true; see the port."""
        own = self._view.get(HTTP_ROUTE, experiment.namespace, experiment.route_name)
        match step:
            case Absent():
                return await self._release(experiment, own)
            case Parked() | Open():
                return await self._stand(experiment, own, step, taken_back=taken_back)

    async def _release(self, experiment: Experiment, own: Manifest | None) -> bool:
        policy = self._view.get(BACKEND_TRAFFIC_POLICY, experiment.namespace, experiment.route_name)
        for kind, manifest in ((HTTP_ROUTE, own), (BACKEND_TRAFFIC_POLICY, policy)):
            if manifest is not None and is_ours(manifest, experiment):
                await self._objects.delete(
                    kind, experiment.namespace, experiment.route_name, uid=manifest["metadata"]["uid"]
                )
                self._view.forget(kind, manifest)
        return own is not None

    async def _stand(
        self, experiment: Experiment, own: Manifest | None, step: Parked | Open, *, taken_back: str
    ) -> bool:
        user_route = self._view.get(HTTP_ROUTE, experiment.namespace, experiment.spec.routing.http_route.name)
        obstacle = self.read(experiment).obstacle if own else None
        spec = (
            parked_as_it_stands(own["spec"], experiment.spec.assignment.header)
            if own and isinstance(step, Parked) and (obstacle or is_open(own, experiment))
            else rendered(experiment, user_route, step)
        )
        await self._stand_policy(experiment)
        if own is None:
            await self._create_route(experiment, spec)
            return True
        if not is_ours(own, experiment):
            raise ClusterError(
                f"HTTPRoute {experiment.route_name} must belong to ModelExperiment {experiment.name},"
                " found one that somebody else made"
            )
        if contains(own["spec"], spec) and taken_back == written_reason(own):
            return False
        await self._patch_route(experiment, own, spec, taken_back=taken_back)
        return True

    async def _create_route(self, experiment: Experiment, spec: Manifest) -> None:
        manifest = {
            "apiVersion": HTTP_ROUTE.api_version,
            "kind": HTTP_ROUTE.name,
            "metadata": owned(experiment),
            "spec": spec,
        }
        self._view.remember(HTTP_ROUTE, await self._objects.create(HTTP_ROUTE, manifest))

    async def _patch_route(self, experiment: Experiment, own: Manifest, spec: Manifest, *, taken_back: str) -> None:
        """One guarded write, then a read from the API server itself: what counts is what stands there.

        The guard is the generation, not the resourceVersion: the gateway's status writes must not starve a take-back.
        """
        annotations = {**own["metadata"].get("annotations", {}), TAKEN_BACK: taken_back}
        operations = [
            {"op": "test", "path": "/metadata/uid", "value": own["metadata"]["uid"]},
            {"op": "test", "path": "/metadata/generation", "value": own["metadata"]["generation"]},
            {"op": "add", "path": "/metadata/annotations", "value": annotations},
            {"op": "replace", "path": "/spec", "value": spec},
        ]
        name = experiment.route_name
        await self._objects.patch(HTTP_ROUTE, experiment.namespace, name, operations=operations)
        stands = await self._objects.get(HTTP_ROUTE, experiment.namespace, name)
        if stands is None or not contains(stands["spec"], spec):
            raise ClusterError(
                f"HTTPRoute {name} must stand as it was written, found another one when it was read back"
            )
        self._view.remember(HTTP_ROUTE, stands)

    async def _stand_policy(self, experiment: Experiment) -> None:
        spec = policy_spec(experiment)
        found = self._view.get(BACKEND_TRAFFIC_POLICY, experiment.namespace, experiment.route_name)
        if found is None:
            manifest = {
                "apiVersion": BACKEND_TRAFFIC_POLICY.api_version,
                "kind": BACKEND_TRAFFIC_POLICY.name,
                "metadata": owned(experiment),
                "spec": spec,
            }
            written = await self._objects.create(BACKEND_TRAFFIC_POLICY, manifest)
            self._view.remember(BACKEND_TRAFFIC_POLICY, written)
        elif not contains(found["spec"], spec):
            operations = [
                {"op": "test", "path": "/metadata/generation", "value": found["metadata"]["generation"]},
                {"op": "replace", "path": "/spec", "value": spec},
            ]
            changed = await self._objects.patch(
                BACKEND_TRAFFIC_POLICY, experiment.namespace, experiment.route_name, operations=operations
            )
            if changed:
                self._view.remember(BACKEND_TRAFFIC_POLICY, changed)


def rendered(experiment: Experiment, user_route: Manifest | None, step: Parked | Open) -> Manifest:
    """The spec of the own route, made anew from the user's route.

    Raises:
        ClusterError: where there is nothing to repeat; an obstacle is found before that, so it is a race.
    """
    rule = find_rule(experiment, user_route) if user_route else None
    if user_route is None or rule is None:
        raise ClusterError(f"HTTPRoute {experiment.spec.routing.http_route.name} must have its rule, found none")
    return render_spec(experiment, user_route, rule, step)


def render_spec(experiment: Experiment, user_route: Manifest, rule: Manifest, step: Parked | Open) -> Manifest:
    """The user's rule, for those who carry the header, split by the step's weights."""
    header = experiment.spec.assignment.header
    value = ANY_VALUE if isinstance(step, Open) else NO_VALUE
    matches = rule.get("matches") or [{"path": {"type": "PathPrefix", "value": "/"}}]
    carried = {key: deepcopy(rule[key]) for key in ("name", "filters", "timeouts", "retry") if key in rule}
    backend_filters = rule["backendRefs"][0].get("filters", [])
    return {
        **{key: deepcopy(user_route["spec"][key]) for key in ("parentRefs", "hostnames") if key in user_route["spec"]},
        "rules": [
            {
                **carried,
                "matches": [with_header(match, header, value) for match in matches],
                "backendRefs": [backend(experiment, share, backend_filters) for share in step.assignment.shares],
            }
        ],
    }


def with_header(match: Mapping[str, Any], header: str, value: str) -> Manifest:
    """A match that demands the assignment header in addition to everything it demanded before."""
    extra = {"type": "RegularExpression", "name": header, "value": value}
    return {**deepcopy(dict(match)), "headers": [*deepcopy(match.get("headers", [])), extra]}


def parked_as_it_stands(spec: Manifest, header: str) -> Manifest:
    """The same route, accepting nobody; nothing in the user's route can hinder this."""
    parked = deepcopy(spec)
    for rule in parked["rules"]:
        for match in rule["matches"]:
            for entry in match["headers"]:
                if entry["name"] == header:
                    entry["value"] = NO_VALUE
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
    champion, challenger = experiment.spec.champion, experiment.spec.challenger
    return challenger if challenger.name == name else champion


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


def written_reason(own: Manifest) -> str:
    """Why the route was taken back, as written together with the take-back."""
    reason: str = own["metadata"].get("annotations", {}).get(TAKEN_BACK, "")
    return reason


def is_open(own: Manifest, experiment: Experiment) -> bool:
    """Whether the route accepts anybody."""
    header = experiment.spec.assignment.header
    matches = own["spec"]["rules"][0].get("matches", [])
    demanded = [[entry for entry in match.get("headers", []) if entry["name"] == header] for match in matches]
    return not all(any(entry["value"] == NO_VALUE for entry in entries) for entries in demanded)


def seen(own: Manifest, policy: Manifest | None, experiment: Experiment) -> Seen:
    """The own route as the decision needs it."""
    references = own["spec"]["rules"][0].get("backendRefs", [])
    shares = tuple(Share(variant_of(reference, experiment), reference.get("weight", 1)) for reference in references)
    assignment = Assignment(sum(share.weight for share in shares), shares)
    settled, problem = gateway_says(own, policy)
    return Seen(
        route=Open(assignment) if is_open(own, experiment) else Parked(assignment),
        settled=settled,
        problem=problem,
        taken_back=written_reason(own),
    )


def variant_of(reference: Manifest, experiment: Experiment) -> str:
    """The variant whose backend this is; a stranger's name in an edited route is shown as it is."""
    champion, challenger = experiment.spec.champion, experiment.spec.challenger
    names = {champion.backend_ref.name: champion.name, challenger.backend_ref.name: challenger.name}
    name: str = reference["name"]
    return names.get(name, f"unknown:{name}")


def gateway_says(own: Manifest, policy: Manifest | None) -> tuple[bool, str]:
    """Whether every parent has processed the current generation of route and policy, and what is wrong if anything."""
    routes = [(own, parent.get("conditions", [])) for parent in own.get("status", {}).get("parents", [])]
    status = (policy or {}).get("status", {})
    policies = [(policy or {}, ancestor.get("conditions", [])) for ancestor in status.get("ancestors", [])]
    if not routes or not policies:
        return False, ""
    reported = [
        (condition, manifest["metadata"]["generation"])
        for manifest, conditions in (*routes, *policies)
        for condition in conditions
        if condition["type"] in ("Accepted", "ResolvedRefs")
    ]
    settled = bool(reported) and all(
        condition.get("observedGeneration") == generation for condition, generation in reported
    )
    wrong = [condition for condition, _ in reported if condition["status"] != "True"]
    return settled, "; ".join(f"{condition['reason']}: {condition['message']}" for condition in wrong)


def contains(found: Any, wanted: Any) -> bool:
    """Whether everything that we wrote still stands; fields that the API server added by default are not ours."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            key in found and contains(found[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(found) == len(wanted)
            and all(contains(here, there) for here, there in zip(found, wanted, strict=True))
        )
    return bool(found == wanted)
