"""What stands in the way of an own route beside the user's route, each as a reason and a sentence.

For: refusing, with a name, whatever the own route could not repeat faithfully. Nothing here is an error: an obstacle
parks the experiment, and it goes on by itself when the obstacle is gone.

The trap is silence: a policy attached to the user's route does not reach a second route, so every policy kind that is
known, or that its CRD labels as one, must be looked at (``policies`` says which of them can be carried).
"""

from collections.abc import Sequence

from model_experiment.api.variants import Challenger, Champion
from model_experiment.api.words import By
from model_experiment.decision.observation import Experiment
from model_experiment.decision.positions import POSITIONS
from model_experiment.decision.route import Obstacle
from model_experiment.decision.splits import split_of
from model_experiment.objects import Kind, Manifest
from model_experiment.routing.asking import ANY_VALUE
from model_experiment.routing.capabilities import (
    Capabilities,
    can_assign,
    can_mirror,
    capabilities_of,
    why_no_mirror,
    why_not,
)
from model_experiment.routing.claims import older_claim
from model_experiment.routing.mirroring import is_weighed
from model_experiment.routing.own_http_route import header_name, wanted_matches
from model_experiment.routing.parents import words_of_parents
from model_experiment.routing.policies import Policies, find_uncarried
from model_experiment.routing.precedence import EVERY_PATH, overtaken
from model_experiment.routing.seen_http_route import is_reference_to

_MOST_HEADERS = 16  # of one match of an HTTPRoute
_MOST_MATCHES = 128  # of all its rules together


def find_obstacle(
    experiment: Experiment,
    user_route: Manifest | None,
    *,
    policies: Sequence[tuple[Kind, Manifest]],
    own: Manifest | None = None,
    others: Sequence[Manifest] = (),
    is_new_envoy_gateway: bool = True,
) -> Obstacle | None:
    """The first thing that forbids an own route beside the user's, in the order in which a person would mend them."""
    name = experiment.spec.routing.http_route.name
    if user_route is None:
        return Obstacle("RouteNotFound", f"HTTPRoute {name} must exist in namespace {experiment.namespace}, found none")
    return (
        older_claim(experiment, others)
        or wrong_gateway(experiment, user_route, is_new_envoy_gateway=is_new_envoy_gateway)
        or _wrong_rule(experiment, user_route)
        or _uncarried(experiment, user_route, own, policies)
    )


def find_rule(experiment: Experiment, user_route: Manifest) -> Manifest | None:
    """The rule that the experiment is about: the named one, or the only one."""
    rules: list[Manifest] = user_route["spec"].get("rules", [])
    wanted = experiment.spec.routing.http_route.rule
    if wanted is None:
        return rules[0] if len(rules) == 1 else None
    return next((rule for rule in rules if rule.get("name") == wanted), None)


def _uncarried(
    experiment: Experiment, user_route: Manifest, own: Manifest | None, policies: Sequence[tuple[Kind, Manifest]]
) -> Obstacle | None:
    rule = find_rule(experiment, user_route)
    return find_uncarried(Policies(experiment, user_route, rule, own, policies)) if rule else None


def adopted(experiment: Experiment, user_route: Manifest | None) -> str:
    """The challenger that the user's own rule now serves alone: a promotion has reached the user's manifests."""
    rule = find_rule(experiment, user_route) if user_route else None
    challengers = experiment.spec.challengers if rule else ()
    return next((each.name for each in challengers if rule and _serves(rule, each)), "")


def wrong_gateway(experiment: Experiment, user_route: Manifest, *, is_new_envoy_gateway: bool) -> Obstacle | None:
    """A provider that cannot assign as asked, or one that has not taken the user's route."""
    incapable = _incapable(experiment, user_route, is_new_envoy_gateway=is_new_envoy_gateway)
    return incapable or _not_accepted(user_route)


def _incapable(experiment: Experiment, user_route: Manifest, *, is_new_envoy_gateway: bool) -> Obstacle | None:
    """A provider that cannot give users to variants in the way that the experiment asks for."""
    controllers = {parent["controllerName"] for parent in words_of_parents(user_route)}
    for controller in sorted(controllers):
        found = capabilities_of(controller, is_new_envoy_gateway=is_new_envoy_gateway)
        if message := _why_incapable(experiment, found):
            return Obstacle("GatewayNotSupported", message)
    return None


def _why_incapable(experiment: Experiment, provider: Capabilities) -> str:
    """What a provider lacks; empty where it can do all that is needed."""
    if experiment.spec.is_shadow:
        return "" if can_mirror(provider) else f"strategy Shadow needs a gateway that {why_no_mirror(provider)}"
    by = experiment.spec.assignment.by
    needed = "splits by a hash of the user" if by is By.HASH else "matches headers by regular expressions"
    return "" if can_assign(provider, by) else f"assignment.by {by} needs a gateway that {needed}, {why_not(provider)}"


def _not_accepted(user_route: Manifest) -> Obstacle | None:
    name = user_route["metadata"]["name"]
    parents = words_of_parents(user_route)
    if not parents:
        return Obstacle("RouteNotAccepted", f"HTTPRoute {name} must be accepted by a gateway, found no gateway yet")
    refused = [
        condition["message"]
        for parent in parents
        for condition in parent.get("conditions", [])
        if condition["type"] == "Accepted" and condition["status"] != "True"
    ]
    if refused:
        return Obstacle("RouteNotAccepted", f"HTTPRoute {name} must be accepted by its gateway, found: {refused[0]}")
    return None


def _wrong_rule(experiment: Experiment, user_route: Manifest) -> Obstacle | None:
    name = user_route["metadata"]["name"]
    rule = find_rule(experiment, user_route)
    if rule is None:
        return _missing_rule(experiment, user_route)
    if not _serves(rule, experiment.spec.champion):
        champion = experiment.spec.champion.backend_ref.name
        found = ", ".join(entry["name"] for entry in rule.get("backendRefs", [])) or "none"
        return Obstacle(
            "ChampionNotServed",
            f"the rule of HTTPRoute {name} must send everything to the champion's backend {champion}, found {found}",
        )
    unrepeatable = _unrepeatable(rule, experiment) or _overtaking(rule, experiment, user_route["spec"]["rules"])
    if unrepeatable:
        return Obstacle("RuleNotSupported", f"the rule of HTTPRoute {name} must not {unrepeatable}")
    return None


def _missing_rule(experiment: Experiment, user_route: Manifest) -> Obstacle:
    reference = experiment.spec.routing.http_route
    names = [rule.get("name", "(unnamed)") for rule in user_route["spec"].get("rules", [])]
    found = f"found {len(names)}: {', '.join(names)}"
    if reference.rule is None:
        return Obstacle(
            "RuleNotNamed",
            f"spec.routing.httpRoute.rule must name a rule where HTTPRoute {reference.name} has more than one, {found}",
        )
    return Obstacle("RuleNotFound", f"HTTPRoute {reference.name} must have a rule named {reference.rule}, {found}")


def _serves(rule: Manifest, variant: Champion | Challenger) -> bool:
    serving = [entry for entry in rule.get("backendRefs", []) if entry.get("weight", 1) > 0]
    return len(serving) == 1 and is_reference_to(serving[0], variant.backend_ref)


def _unrepeatable(rule: Manifest, experiment: Experiment) -> str:
    """What the rule does that a second, split rule cannot repeat; empty where it can."""
    if "sessionPersistence" in rule:
        return "keep sessions: a pinned session would outlive a take-back"
    if unaskable := _unaskable(rule, experiment):
        return unaskable
    redirects = [entry for entry in rule.get("filters", []) if entry["type"] == "RequestRedirect"]
    if redirects:
        return "redirect: a redirect reaches no model"
    if changed := sorted(_changed_headers(rule).intersection(experiment.spec.assignment.headers)):
        return (
            f"set, add or remove the assignment header {', '.join(changed)}: access logs would no longer tell the user"
        )
    elsewhere = ((entry["name"], entry.get("namespace", experiment.namespace)) for entry in rule.get("backendRefs", []))
    strangers = [name for name, namespace in elsewhere if namespace != experiment.namespace]
    return f"refer to a backend in another namespace ({strangers[0]})" if strangers else ""


def _changed_headers(rule: Manifest) -> set[str]:
    """The request headers that are not those of the client any more when a model, or an access log, sees them."""
    filters = [entry for part in (rule, *rule.get("backendRefs", [])) for entry in part.get("filters", [])]
    operations = [entries for entry in filters for entries in entry.get("requestHeaderModifier", {}).values()]
    return {header_name(each) for entries in operations for each in entries}


def _overtaking(rule: Manifest, experiment: Experiment, rules: Sequence[Manifest]) -> str:
    """Another rule that would lose requests to the headers which the experiment asks for in addition."""
    added = dict.fromkeys(experiment.spec.assignment.headers, ANY_VALUE)
    found = overtaken(rules, rules.index(rule), wanted_matches(experiment, rule, added))
    if found is None:
        return ""
    place, match = found
    path = {**EVERY_PATH["path"], **match.get("path", {})}
    names = ", ".join([*added, *(target.name for target in experiment.spec.targeting.headers)])
    return (
        f"overtake rule {rules[place].get('name', f'number {place + 1}')}: both match {path['type']} {path['value']},"
        f" and with {names}, which the experiment asks for in addition, it would be at least as specific"
    )


def _unaskable(rule: Manifest, experiment: Experiment) -> str:
    """What the rule's matches say that leaves no room for the headers that the experiment asks for in addition."""
    asked, targets = experiment.spec.assignment.headers, [each.name for each in experiment.spec.targeting.headers]
    matches = [[entry["name"].lower() for entry in match.get("headers", [])] for match in rule.get("matches", [])]
    named = {name for names in matches for name in names}
    if taken := sorted(named.intersection(asked)):
        return f"match the assignment header {', '.join(taken)} itself"
    if taken := sorted(named.intersection(targets)):
        return f"match the header {', '.join(taken)}, which spec.targeting names too"
    added = len(asked) + len(targets)
    most, found = _MOST_HEADERS - added, max(map(len, matches), default=0)
    if found > most:
        return (
            f"match more than {most} headers, because a match has {_MOST_HEADERS} at most and the experiment adds"
            f" {added}, found {found}"
        )
    rules = 1 if is_weighed(experiment) else len(split_of(experiment, max(POSITIONS.values())).shares)
    if len(matches) > _MOST_MATCHES // rules:
        return (
            f"have more than {_MOST_MATCHES // rules} matches, because a route has {_MOST_MATCHES} at most and the"
            f" experiment repeats them in {rules} rules, found {len(matches)}"
        )
    return ""
