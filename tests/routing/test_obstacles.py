"""Everything that forbids an own route is named, in a sentence that a person can act on."""

from dataclasses import replace

import pytest

from given.deciding import experiment
from given.experiments import experiment_manifest
from model_experiment.decision.route import Obstacle
from model_experiment.routing.user_http_route import adopted, find_obstacle, find_rule
from routing.manifests import GATEWAY, V7, V8, condition, parent, user_route

NAMED = {"httpRoute": {"name": "ranker", "rule": "main"}}


def found(route, *, policies=(), others=(), **changes):
    return find_obstacle(experiment(**changes), route, policies=policies, others=others)


UNHINDERED = [
    pytest.param(user_route(), id="an accepted route to the champion alone"),
    pytest.param(
        user_route(
            parents=[parent(condition(status="False"), ref={**GATEWAY, "sectionName": "htps"}), parent(condition())]
        ),
        id="a refusal of a parent that the route names no more",
    ),
    pytest.param(
        user_route(
            parents=[
                parent(condition(), controller="istio.io/gateway-controller", ref={"name": "before"}),
                parent(condition()),
            ]
        ),
        id="a gateway that the route has left",
    ),
    pytest.param(
        user_route(backendRefs=[{**V7, "namespace": "shop"}]), id="a backend that names the route's namespace"
    ),
    pytest.param(
        user_route(filters=[{"type": "ResponseHeaderModifier", "responseHeaderModifier": {"remove": ["x-user-id"]}}]),
        id="an answer without a header of the assignment",
    ),
]


@pytest.mark.parametrize("route", UNHINDERED)
def test_nothing_stands_in_the_way_of(route):
    assert found(route) is None


OBSTACLES = [
    pytest.param(
        None, {}, "RouteNotFound", "HTTPRoute ranker must exist in namespace shop, found none", id="there is no route"
    ),
    pytest.param(
        user_route(parents=[]),
        {},
        "RouteNotAccepted",
        "HTTPRoute ranker must be accepted by a gateway, found no gateway yet",
        id="no gateway has seen the route",
    ),
    pytest.param(
        user_route(parents=[parent(condition(), controller="istio.io/gateway-controller"), parent(condition())]),
        {},
        "GatewayNotSupported",
        "assignment.by Hash needs a gateway that splits by a hash of the user, found Istio's HTTPRoute, where"
        " spec.assignment.by can be PositionHeader, HexadecimalSuffix, DecimalSuffix",
        id="one of two gateways cannot hash",
    ),
    pytest.param(
        user_route(parents=[parent(condition()), parent(condition(status="False", message="no such listener"))]),
        {},
        "RouteNotAccepted",
        "HTTPRoute ranker must be accepted by its gateway, found: no such listener",
        id="one of two parents refuses the route",
    ),
    pytest.param(
        user_route(rules=[{"name": "main", "backendRefs": [V7]}, {"backendRefs": [V7]}]),
        {},
        "RuleNotNamed",
        "spec.routing.httpRoute.rule must name a rule where HTTPRoute ranker has more than one,"
        " found 2: main, (unnamed)",
        id="two rules and none is named",
    ),
    pytest.param(
        user_route(rules=[{"name": "other", "backendRefs": [V7]}]),
        {"routing": NAMED},
        "RuleNotFound",
        "HTTPRoute ranker must have a rule named main, found 1: other",
        id="the named rule is not there",
    ),
    pytest.param(
        user_route(backendRefs=[V7, V8]),
        {},
        "ChampionNotServed",
        "the rule of HTTPRoute ranker must send everything to the champion's backend ranker-v7,"
        " found ranker-v7, ranker-v8",
        id="the user splits already",
    ),
    pytest.param(
        user_route(backendRefs=[{**V7, "port": 9000}]),
        {},
        "ChampionNotServed",
        "the rule of HTTPRoute ranker must send everything to the champion's backend ranker-v7, found ranker-v7",
        id="another port is another backend",
    ),
    pytest.param(
        user_route(backendRefs=[]),
        {},
        "ChampionNotServed",
        "the rule of HTTPRoute ranker must send everything to the champion's backend ranker-v7, found none",
        id="the rule has no backend",
    ),
    pytest.param(
        user_route(sessionPersistence={"sessionName": "sticky"}),
        {},
        "RuleNotSupported",
        "the rule of HTTPRoute ranker must not keep sessions: a pinned session would outlive a take-back",
        id="sessions are pinned",
    ),
    pytest.param(
        user_route(matches=[{"headers": [{"name": "X-User-Id", "value": "anna"}]}]),
        {},
        "RuleNotSupported",
        "the rule of HTTPRoute ranker must not match the assignment header x-user-id itself",
        id="the rule reads the assignment header, in any case",
    ),
    pytest.param(
        user_route(filters=[{"type": "RequestRedirect", "requestRedirect": {}}]),
        {},
        "RuleNotSupported",
        "the rule of HTTPRoute ranker must not redirect: a redirect reaches no model",
        id="the rule redirects",
    ),
    pytest.param(
        user_route(filters=[{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["X-User-Id"]}}]),
        {},
        "RuleNotSupported",
        "the rule of HTTPRoute ranker must not set, add or remove the assignment header x-user-id: access logs would no"
        " longer tell the user",
        id="the rule removes the assignment header",
    ),
    pytest.param(
        user_route(
            backendRefs=[
                {
                    **V7,
                    "filters": [
                        {
                            "type": "RequestHeaderModifier",
                            "requestHeaderModifier": {"set": [{"name": "x-user-id", "value": "anybody"}]},
                        }
                    ],
                }
            ]
        ),
        {},
        "RuleNotSupported",
        "the rule of HTTPRoute ranker must not set, add or remove the assignment header x-user-id: access logs would no"
        " longer tell the user",
        id="the backend gets another user",
    ),
    pytest.param(
        user_route(backendRefs=[{**V7, "namespace": "models"}]),
        {},
        "RuleNotSupported",
        "the rule of HTTPRoute ranker must not refer to a backend in another namespace (ranker-v7)",
        id="the backend is in another namespace",
    ),
]


@pytest.mark.parametrize(("route", "changes", "reason", "message"), OBSTACLES)
def test_an_obstacle_is_named(route, changes, reason, message):
    assert found(route, **changes) == Obstacle(reason, message)


def rival(name="a-first", *, created="2026-01-01T00:00:00Z", phase="Starting", namespace="shop", **changes):
    manifest = experiment_manifest(namespace, name, **changes)
    manifest["metadata"] |= {"creationTimestamp": created, "uid": f"uid of {name}"}
    return {**manifest, "status": {"phase": phase}}


def started(manifest):
    return {**manifest, "status": {"phase": "Running", "startTime": "2026-03-04T00:00:00Z"}}


CLAIMS = [
    pytest.param(rival(), True, id="an older one on the same route"),
    pytest.param(rival(created="2026-02-02T00:00:00Z"), True, id="one of the same second, first by name"),
    pytest.param(rival("z-last", created="2026-02-02T00:00:00Z"), False, id="one of the same second, later by name"),
    pytest.param(rival(created="2026-03-03T00:00:00Z"), False, id="a younger one"),
    pytest.param(started(rival(created="2026-03-03T00:00:00Z")), True, id="a younger one that has started"),
    pytest.param(rival(phase="Concluded"), False, id="one that is over"),
    pytest.param(rival(namespace="other"), False, id="one in another namespace"),
    pytest.param(rival(routing={"httpRoute": {"name": "search"}}), False, id="one on another route"),
    pytest.param(rival(routing=NAMED), True, id="one that names a rule where this one means the only rule"),
]


@pytest.mark.parametrize(("other", "conflicts"), CLAIMS)
def test_the_older_experiment_on_a_rule_goes_first(other, conflicts):
    subject = replace(experiment(), created="2026-02-02T00:00:00Z")
    obstacle = find_obstacle(subject, user_route(), policies=[], others=[other])
    assert (obstacle.reason if obstacle else None) == ("Conflicted" if conflicts else None)


def test_an_experiment_that_has_started_is_not_displaced_by_an_older_one():
    subject = replace(experiment(), created="2026-02-02T00:00:00Z")
    itself = started(rival("ranker", created=subject.created))
    itself["metadata"]["uid"] = subject.uid
    assert find_obstacle(subject, user_route(), policies=[], others=[rival(), itself]) is None


MAIN, SIDE = {"name": "main", "backendRefs": [V7]}, {"name": "side", "backendRefs": [V8]}
RULES = [
    pytest.param([MAIN], {}, MAIN, id="the only rule needs no name"),
    pytest.param([SIDE, MAIN], {"routing": NAMED}, MAIN, id="the named rule of several"),
    pytest.param([SIDE, MAIN], {}, None, id="none of several without a name"),
    pytest.param([SIDE], {"routing": NAMED}, None, id="none where the name is another's"),
    pytest.param([], {}, None, id="none of none"),
]


@pytest.mark.parametrize(("rules", "changes", "rule"), RULES)
def test_a_rule_is_chosen(rules, changes, rule):
    assert find_rule(experiment(**changes), user_route(rules=rules)) == rule


ADOPTIONS = [
    pytest.param(user_route(backendRefs=[V8]), "v8", id="the challenger serves everybody"),
    pytest.param(user_route(backendRefs=[{**V7, "weight": 0}, V8]), "v8", id="the champion stands by at 0"),
    pytest.param(user_route(backendRefs=[V7, V8]), "", id="both serve"),
    pytest.param(user_route(), "", id="the champion serves"),
    pytest.param(None, "", id="there is no route"),
]


@pytest.mark.parametrize(("route", "challenger"), ADOPTIONS)
def test_a_promotion_is_adopted_once_the_users_route_serves_the_challenger_alone(route, challenger):
    assert adopted(experiment(), route) == challenger
