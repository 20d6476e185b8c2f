"""What an HTTPRoute of ours says: who is served, whether the gateway has settled, whether it stands as written. Pure.

The trap: ``Accepted`` belongs to a generation and to a parent. A route whose newest generation one of its gateways has
not processed yet is not settled, however green its conditions are.
"""

from collections.abc import Iterator

from model_experiment.api.variants import BackendRef
from model_experiment.assignment import HOLDOUT, Assignment, Share
from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Obstacle, Open, Parked, Seen, together
from model_experiment.objects import Manifest
from model_experiment.routing.asking import is_closed, shares_of
from model_experiment.routing.backends import routed
from model_experiment.routing.mirroring import is_hashed, is_weighed
from model_experiment.routing.own_http_route import is_marked, value_of
from model_experiment.routing.own_objects import written_reason
from model_experiment.routing.parents import silent_parents, speak_of, words_of_parents


def seen(own: Manifest, policy: Manifest | None, experiment: Experiment) -> Seen:
    """The own route as the decision needs it."""
    shares = tuple(_shares(own, experiment))
    assignment = Assignment(sum(share.weight for share in shares), shares)
    settled, problem = gateway_says(own, policy, needs_policy=is_hashed(experiment))
    return Seen(
        route=Open(assignment) if is_open(own, experiment) else Parked(assignment),
        settled=settled,
        problem=problem,
        taken_back=written_reason(own),
    )


def is_open(own: Manifest, experiment: Experiment) -> bool:
    """Whether the route accepts anybody: whether some match does not demand the impossible value."""
    header = experiment.spec.assignment.header
    matches = [match for rule in own["spec"]["rules"] for match in rule.get("matches", [{}])]
    return not all(is_closed(value_of(match, header)) for match in matches)


def _shares(own: Manifest, experiment: Experiment) -> Iterator[Share]:
    rules = own["spec"]["rules"]
    if is_weighed(experiment):
        for reference in rules[0].get("backendRefs", []):
            yield Share(variant_of(reference, experiment), reference.get("weight", 1))
        return
    yield from shares_of(
        experiment.spec.assignment, ((_variant_of_rule(rule, experiment), _asked(rule)) for rule in rules)
    )


def _variant_of_rule(rule: Manifest, experiment: Experiment) -> str:
    """The variant that a rule serves alone; it is marked as a whole."""
    names = {
        variant_of({**reference, "filters": rule.get("filters", [])}, experiment)
        for reference in rule.get("backendRefs", [])
    }
    return names.pop() if len(names) == 1 else f"unknown:{', '.join(sorted(names)) or 'nobody'}"


def _asked(rule: Manifest) -> dict[str, str]:
    """The values that the first match of a rule asks for; the others ask for the same."""
    first: Manifest = next(iter(rule.get("matches", [])), {})
    return {entry["name"]: entry["value"] for entry in first.get("headers", [])}


def variant_of(reference: Manifest, experiment: Experiment) -> str:
    """The variant whose backend this is; a stranger's name in an edited route is shown as it is."""
    champion, targeting = experiment.spec.champion.backend_ref, experiment.spec.targeting
    if (
        targeting.holdout_percent
        and is_reference_to(reference, champion)
        and not is_marked(reference.get("filters", []))
    ):
        return HOLDOUT
    for variant in experiment.spec.variants:
        if is_reference_to(reference, variant.backend_ref):
            return variant.name
    return f"unknown:{reference['name']}"


def is_reference_to(reference: Manifest, backend: BackendRef) -> bool:
    """Whether a backend reference of a route names this backend; what it leaves out has Gateway API's defaults."""
    found = (reference.get("group", ""), reference.get("kind", "Service"), reference["name"], reference.get("port"))
    return found in [(each.group, each.kind, each.name, each.port) for each in routed(backend)]


def gateway_says(own: Manifest, policy: Manifest | None, *, needs_policy: bool) -> tuple[bool, Obstacle | None]:
    """Whether every parent has processed the current generation of route and policy, and what is wrong if anything.

    A route that is not split by a hash needs no policy.
    """
    sayings = [*words_of_parents(own), *_ancestors(policy)]
    said = [each for saying in sayings for each in saying.get("conditions", []) if each["type"] in _REFUSALS]
    wrong = [_refusal(condition) for condition in said if condition["status"] != "True"]
    missing = [_POLICY_MISSING] if policy is None and needs_policy else []
    return not silent_about(own, policy), together([*wrong, *missing])


def silent_about(own: Manifest, policy: Manifest | None) -> list[str]:
    """Who has not said yet what became of the route, or of its policy, as they stand."""
    parents = silent_parents(own, _REFUSALS)
    if parents or policy is None or speak_of(_ancestors(policy), policy, _REFUSALS):
        return parents
    return [f"the gateway of BackendTrafficPolicy {policy['metadata']['name']}"]


def _ancestors(policy: Manifest | None) -> list[Manifest]:
    said: list[Manifest] = (policy or {}).get("status", {}).get("ancestors", [])
    return said


_POLICY_MISSING = Obstacle("PolicyMissing", "the policy that hashes the assignment header must stand, found none")
_GRANT_WANTED = (
    "a ReferenceGrant in the comparator's namespace must let HTTPRoutes of this namespace refer to its Service"
    " (comparator.routesFrom in the operator's chart)"
)
_REFUSALS = {
    "Accepted": "RouteNotAccepted",
    "ResolvedRefs": "BackendNotResolved",
    "BackendsAvailable": "BackendNotReady",  # Envoy Gateway's own word, where a backend with a weight has no endpoints
}


def _refusal(condition: Manifest) -> Obstacle:
    said = f"{condition['reason']}: {condition['message']}"
    if condition["reason"] == "RefNotPermitted":  # the comparator is the only backend in another namespace
        return Obstacle("ComparatorNotPermitted", f"{_GRANT_WANTED}, found {said}")
    return Obstacle(_REFUSALS[condition["type"]], f"the gateway must take the experiment's route, found {said}")
