"""The policies on the user's route, and the copies of them that the own route carries. Pure.

For: an own route that refuses whatever the user's route refuses. A policy that is attached to the user's route does
not reach a second route, so each one that concerns the experiment's rule is repeated for the own route, or else the
experiment is refused with the policy's name.

Source: Envoy Gateway 1.9, internal/gatewayapi: a policy on a rule displaces one on its route; of several on one target
the oldest stands and the others are refused. One policy of a kind is therefore repeated as it is; several are refused.

The traps: a namespace-wide selector may reach the own route by itself, and a second policy would only conflict with it;
and what a policy counts or remembers for itself (a rate, a login) is not shared with its copy.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Obstacle
from model_experiment.objects import (
    BACKEND_TRAFFIC_POLICY,
    ENVOY_EXTENSION_POLICY,
    HTTP_ROUTE,
    SECURITY_POLICY,
    Kind,
    Manifest,
)
from model_experiment.routing.mirroring import is_hashed
from model_experiment.routing.own_http_route import policy_spec
from model_experiment.routing.own_objects import contains
from model_experiment.routing.ownership import is_ours, owned

CARRIED = (SECURITY_POLICY, ENVOY_EXTENSION_POLICY, BACKEND_TRAFFIC_POLICY)
_TARGETS = frozenset({"targetRef", "targetRefs", "targetSelectors"})
_OF_ONE_POLICY: Mapping[Kind, Mapping[str, str]] = {
    SECURITY_POLICY: {"oidc": "a login is known to one policy only"},
    ENVOY_EXTENSION_POLICY: {},
    BACKEND_TRAFFIC_POLICY: {
        "rateLimit": "two routes would let twice as much pass",
        "bandwidthLimit": "two routes would let twice as much pass",
    },
}


@dataclass(frozen=True, slots=True)
class Policies:
    """Everything that attaches to routes, seen from one experiment whose ``rule`` is the only one that it repeats.

    ``own`` is the experiment's route as it stands; before it stands, it is taken to have the labels that it will have.
    """

    experiment: Experiment
    user_route: Manifest
    rule: Manifest
    own: Manifest | None
    all: Sequence[tuple[Kind, Manifest]]


def find_uncarried(policies: Policies) -> Obstacle | None:
    """The policies that an own route could not carry, each with the reason."""
    name = policies.user_route["metadata"]["name"]
    found = sorted(
        f"{_called(policies, kind, policy)} ({why})"
        for kind, policy in _of_others(policies)
        if (why := _why_not(policies, kind, policy))
    )
    if not found:
        return None
    return Obstacle(
        "PolicyNotCarried",
        f"HTTPRoute {name} must have no policy that the experiment's route cannot carry, or requests would bypass it;"
        f" found {', '.join(found)}. Attach it to the Gateway instead",
    )


def copies(policies: Policies) -> dict[Kind, Manifest]:
    """The specs that the own route's policies must have, by kind, where nothing is uncarried."""
    ours = policy_spec(policies.experiment)
    originals = {
        kind: policy["spec"]
        for kind, policy in _of_others(policies)
        if kind in CARRIED and _concerns(policies, kind, policy) and not _reaches_own(policies, policy)
    }
    carried = {
        kind: {
            **{field: deepcopy(value) for field, value in spec.items() if field not in _TARGETS},
            "targetRefs": ours["targetRefs"],
        }
        for kind, spec in originals.items()
    }
    if not is_hashed(policies.experiment):
        return carried
    hashing = {"loadBalancer": ours["loadBalancer"], **carried.get(BACKEND_TRAFFIC_POLICY, ours)}
    return {**carried, BACKEND_TRAFFIC_POLICY: hashing}


def attached(policies: Policies, kind: Kind) -> list[Manifest]:
    """The policies of a kind that concern the experiment's rule, the operator's own left out."""
    return [policy for each, policy in _of_others(policies) if each == kind and _concerns(policies, kind, policy)]


def waits_for(own: Manifest, wanted: Mapping[Kind, Manifest], found: Mapping[Kind, Manifest]) -> str:
    """What must happen to the copies before the own route may be open; empty where each stands and is accepted.

    Whether the gateway accepts the policy that hashes is asked together with the route itself.
    """
    name = own["metadata"]["name"]
    for kind in CARRIED:
        spec, copy = wanted.get(kind), found.get(kind)
        if spec is None:
            if copy is not None:
                return f"{kind.name} {name} must go, because its original is gone"
        elif copy is None:
            return f"{kind.name} {name} must stand, found none"
        elif not _repeats(copy["spec"], spec):
            return f"{kind.name} {name} must say what its original says"
        elif kind != BACKEND_TRAFFIC_POLICY and (missing := _acceptance(copy, own)):
            return f"{kind.name} {name} must be accepted by the gateway, found {missing}"
    return ""


def _repeats(found: Manifest, wanted: Manifest) -> bool:
    """Whether a copy says what it must, and nothing else; the API server completes only the load balancer."""
    rest = [{field: value for field, value in spec.items() if field != "loadBalancer"} for spec in (found, wanted)]
    return rest[0] == rest[1] and contains(found.get("loadBalancer", {}), wanted.get("loadBalancer", {}))


def _acceptance(copy: Manifest, own: Manifest) -> str:
    """What the gateway says about a copy, unless it is that every parent of the route has accepted it as it is now."""
    said = [
        condition
        for ancestor in copy.get("status", {}).get("ancestors", [])
        for condition in ancestor.get("conditions", [])
        if condition["type"] == "Accepted" and condition.get("observedGeneration") == copy["metadata"]["generation"]
    ]
    wrong = [f"{condition['reason']}: {condition['message']}" for condition in said if condition["status"] != "True"]
    if wrong:
        return wrong[0]
    return "" if len(said) >= max(1, len(own["spec"].get("parentRefs", []))) else "no word about it yet"


def _of_others(policies: Policies) -> list[tuple[Kind, Manifest]]:
    return [(kind, policy) for kind, policy in policies.all if not is_ours(policy, policies.experiment)]


def _why_not(policies: Policies, kind: Kind, policy: Manifest) -> str:
    """Why a policy keeps the own route from standing; empty where it does not concern it or can be carried."""
    if not _concerns(policies, kind, policy):
        return "it is attached to the experiment's own route" if _reaches_own(policies, policy) else ""
    if kind not in CARRIED:
        return "its kind is not known"
    if policy["metadata"]["namespace"] != policies.experiment.namespace:
        return "it stands in another namespace"
    if _selects_namespaces(policy):
        return "it selects namespaces"
    if sum(other == kind and _concerns(policies, kind, each) for other, each in _of_others(policies)) > 1:
        return "it is one of several of its kind, of which one is in force"
    return _why_not_its_spec(policies, kind, policy)


def _why_not_its_spec(policies: Policies, kind: Kind, policy: Manifest) -> str:
    spec, header = policy["spec"], policies.experiment.spec.assignment.header
    if single := [f"{field}: {why}" for field, why in _OF_ONE_POLICY[kind].items() if field in spec]:
        return single[0]
    if kind != BACKEND_TRAFFIC_POLICY or not is_hashed(policies.experiment):
        return ""
    if _reaches_own(policies, policy):
        return f"it selects the experiment's route too, which must hash {header}"
    ours = policy_spec(policies.experiment)["loadBalancer"]
    return "" if contains(spec.get("loadBalancer", ours), ours) else f"loadBalancer: it must hash {header} or be absent"


def _called(policies: Policies, kind: Kind, policy: Manifest) -> str:
    namespace, name = policy["metadata"]["namespace"], policy["metadata"]["name"]
    return f"{kind.name} {name}" if namespace == policies.experiment.namespace else f"{kind.name} {namespace}/{name}"


def _concerns(policies: Policies, kind: Kind, policy: Manifest) -> bool:
    """Whether a policy reaches the experiment's rule; a section of an unknown kind may mean anything."""
    sections = _sections(policy, policies.user_route["metadata"])
    return bool(sections) and (kind not in CARRIED or None in sections or policies.rule.get("name") in sections)


def _reaches_own(policies: Policies, policy: Manifest) -> bool:
    own = policies.own["metadata"] if policies.own else owned(policies.experiment)
    return bool(_sections(policy, own))


def _sections(policy: Manifest, route: Manifest) -> set[str | None]:
    """The rules that a policy names of the route with this metadata; None stands for the whole route."""
    spec, namespace = policy.get("spec", {}), policy["metadata"]["namespace"]
    references = [*spec.get("targetRefs", []), *([spec["targetRef"]] if "targetRef" in spec else [])]
    named = {each.get("sectionName") for each in references if _refers(each, namespace, route)}
    selected = any(_selects(selector, namespace, route) for selector in spec.get("targetSelectors", []))
    return named | ({None} if selected else set())


def _refers(reference: Manifest, namespace: str, route: Manifest) -> bool:
    found = (reference.get("kind"), reference.get("name"), reference.get("namespace", namespace))
    return found == (HTTP_ROUTE.name, route["name"], route["namespace"])


def _selects(selector: Manifest, namespace: str, route: Manifest) -> bool:
    """Whether a selector may reach the route; where it looks into other namespaces, a grant may let it."""
    labels, wanted = route.get("labels", {}), selector.get("matchLabels", {})
    return (
        selector.get("kind") == HTTP_ROUTE.name
        and (namespace == route["namespace"] or "namespaces" in selector)
        and all(labels.get(key) == value for key, value in wanted.items())
        and all(_fits(labels, expression) for expression in selector.get("matchExpressions", []))
    )


def _fits(labels: Mapping[str, str], expression: Mapping[str, Any]) -> bool:
    """Whether labels fulfil an expression of a label selector; one that is not known is taken to be fulfilled."""
    value, values = labels.get(expression["key"]), expression.get("values", [])
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            return True


def _selects_namespaces(policy: Manifest) -> bool:
    """Whether it depends on the labels of a namespace, which nobody reads, that a policy reaches its own namespace."""
    selectors = policy["spec"].get("targetSelectors", [])
    return any(selector.get("namespaces", {}).get("from") == "Selector" for selector in selectors)
