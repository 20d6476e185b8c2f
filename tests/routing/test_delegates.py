"""The delegate: made from the user's champion rule, refused where it cannot be, and found again."""

import copy

import pytest
import yaml

from given import deciding
from model_experiment.assignment import Assignment, Share
from model_experiment.decision.route import Obstacle, Open, Parked
from model_experiment.routing.own_virtual_service import (
    CARRIED,
    filter_spec,
    is_open,
    parked_alone,
    render_delegate,
)
from model_experiment.routing.seen_virtual_service import route_of
from model_experiment.routing.user_virtual_service import adopted, find_obstacle, find_rules, gateway_names
from routing.virtual_services import MATCH, champion, delegating, destination, gateway, user_virtual_service

ON_ISTIO = {"virtualService": {"name": "ranker"}}
SPLIT = Assignment(101, (Share("v8", 50), Share("v7", 51)))
NAME = "virtualservice/shop/ranker-mexp"
NOBODY = [{"headers": {"x-user-id": {"regex": r"\b\B"}}}]
ANYBODY = [{"headers": {"x-user-id": {"regex": ".+"}}}]


def experiment(**changes):
    """An experiment on a VirtualService."""
    return deciding.experiment(**{"routing": ON_ISTIO, **changes})


def entry(variant, weight, **headers):
    """A destination of ours, as it must be written."""
    marks = {
        "request": {"set": {"x-experiment": "shop/ranker", "x-variant": variant}},
        "response": {"set": {"x-variant": variant}},
    }
    return {**destination(f"ranker-{variant}"), "weight": weight, "headers": {**marks, **headers}}


ROUTE = [entry("v8", 50), entry("v7", 51)]


def render(step=None, **rule):
    (rendered,) = render_delegate(experiment(), champion(**rule), step or Open(SPLIT))["http"]
    return rendered


def test_everybody_with_the_header_is_split_and_everybody_is_told_by_whom():
    assert render() == {"name": NAME, "match": ANYBODY, "route": ROUTE}


def test_a_parked_delegate_is_the_same_but_asks_for_a_value_that_nobody_can_send():
    assert render(Parked(SPLIT)) == {"name": NAME, "match": NOBODY, "route": ROUTE}


SAID = {
    "rewrite": {"uri": "/v2"},
    "timeout": "3s",
    "retries": {"attempts": 2},
    "fault": {"delay": {"fixedDelay": "1s", "percentage": {"value": 1}}},
    "mirror": {"host": "audit"},
    "mirrors": [{"destination": {"host": "audit"}}],
    "mirrorPercent": 10,
    "mirrorPercentage": {"value": 10},
    "corsPolicy": {"allowOrigins": [{"exact": "*"}]},
    "headers": {"request": {"set": {"x-a": "1"}}},
}


@pytest.mark.parametrize("field", sorted(CARRIED))
def test_what_the_champions_rule_says_is_carried(field):
    rendered = render(**{field: SAID[field]})
    assert rendered == {"name": NAME, "match": ANYBODY, "route": ROUTE, field: SAID[field]}


def test_the_users_header_operations_stay_except_for_our_names():
    users = {
        "request": {"set": {"x-a": "1", "X-Variant": "forged"}, "remove": ["x-b", "x-experiment"]},
        "response": {"add": {"x-variant": "too"}, "remove": ["server"]},
    }
    rendered = render(headers=users, route=[destination(headers=users)])
    kept = {"request": {"set": {"x-a": "1"}, "remove": ["x-b"]}, "response": {"remove": ["server"]}}
    assert rendered["headers"] == kept
    ours = {"x-experiment": "shop/ranker", "x-variant": "v8"}
    assert rendered["route"][0]["headers"] == {
        "request": {"set": {"x-a": "1", **ours}, "remove": ["x-b"]},
        "response": {"remove": ["server"], "set": {"x-variant": "v8"}},
    }


def test_paths_of_any_case_are_asked_for_as_the_user_does_or_istio_would_drop_the_delegate():
    match = [{"uri": {"prefix": "/A"}, "ignoreUriCase": True}, {"uri": {"prefix": "/b"}}]
    assert render(match=match)["match"] == [*ANYBODY, {**ANYBODY[0], "ignoreUriCase": True}]
    assert render(match=match[:1])["match"] == [{**ANYBODY[0], "ignoreUriCase": True}]


def test_rendering_leaves_the_users_rule_as_it_was_and_shares_nothing_with_it():
    rule = champion(headers={"request": {"set": {"x-a": "1"}}}, corsPolicy={"allowMethods": ["GET"]})
    before = copy.deepcopy(rule)
    rendered = render_delegate(experiment(), rule, Open(SPLIT))["http"][0]
    rendered["corsPolicy"]["allowMethods"].clear()
    rendered["headers"]["request"]["set"].clear()
    assert rule == before


EDITS = [
    pytest.param({"http": []}, id="nothing is left"),
    pytest.param({"http": [{"route": [destination(weight=-5), destination()]}]}, id="a weight that Envoy refuses"),
    pytest.param({"http": [{"match": ANYBODY, "route": [destination()]}]}, id="one destination alone"),
]


@pytest.mark.parametrize("spec", EDITS)
def test_a_take_back_writes_a_whole_delegate_whoever_edited_it(spec):
    parked = parked_alone(experiment(), Parked(SPLIT), {"spec": spec})
    assert parked == {"http": [{"name": NAME, "match": NOBODY, "route": ROUTE}]}


def own(step, **changes):
    return {"spec": {"http": [{**render(step), **changes}]}}


OPENED = [
    pytest.param(own(Parked(SPLIT)), False, id="parked"),
    pytest.param(own(Open(SPLIT)), True, id="open"),
    pytest.param(own(Parked(SPLIT), match=[]), True, id="a rule without matches accepts everybody"),
    pytest.param(own(Parked(SPLIT), match=[*NOBODY, *MATCH]), True, id="one match that does not ask"),
    pytest.param({"spec": {"http": [render(Parked(SPLIT)), champion()]}}, True, id="another rule beside it"),
]


@pytest.mark.parametrize(("manifest", "opened"), OPENED)
def test_a_delegate_is_open_where_any_request_can_pass(manifest, opened):
    assert is_open(manifest, experiment()) is opened


READ = [
    pytest.param(own(Open(SPLIT)), Open(SPLIT), id="open"),
    pytest.param(own(Parked(SPLIT)), Parked(SPLIT), id="parked"),
    pytest.param(
        own(Open(SPLIT), route=[entry("v8", -5), entry("v7", 51)]),
        Open(Assignment(51, (Share("v8", 0), Share("v7", 51)))),
        id="a refused weight counts as 0",
    ),
    pytest.param(
        own(Open(SPLIT), route=[destination("evil", weight=100), destination("ranker-v7.shop", weight=1)]),
        Open(Assignment(101, (Share("unknown:evil", 100), Share("v7", 1)))),
        id="a stranger's host is shown as it is",
    ),
    pytest.param(own(Open(SPLIT), route=[]), Open(Assignment(0, ())), id="no destination at all"),
]


@pytest.mark.parametrize(("manifest", "route"), READ)
def test_what_stands_is_read(manifest, route):
    assert route_of(manifest, experiment()) == route


@pytest.mark.parametrize(("name", "route"), [("root", f"root-{NAME}"), (None, NAME)])
def test_the_filter_hashes_the_route_that_istio_names_by_both_rules(name, route):
    root = {key: value for key, value in delegating(name=name).items() if value}
    spec = filter_spec(experiment(assignment={"header": "x-shopper"}), root, {"istio": "edge"})
    (patch,) = spec["configPatches"]
    assert spec["workloadSelector"] == {"labels": {"istio": "edge"}}
    assert patch["match"] == {"context": "GATEWAY", "routeConfiguration": {"vhost": {"route": {"name": route}}}}
    assert patch["patch"]["value"]["route"] == {
        "hash_policy": [{"header": {"header_name": "x-shopper"}}],
        "weighted_clusters": {"use_hash_policy": True},
    }


def found(user_route, *, gateways=None, **changes):
    filters = changes.pop("filters", ())
    known = [gateway()] if gateways is None else gateways
    return find_obstacle(experiment(**changes), user_route, gateways=known, filters=filters)


GOOD = [
    pytest.param(user_virtual_service(), id="the two rules"),
    pytest.param(user_virtual_service(champion(name="other"), delegating(), champion()), id="other rules before them"),
    pytest.param(
        user_virtual_service({"delegate": {"name": "ranker-mexp"}}, {"route": [destination()]}),
        id="no names, no matches and no namespace",
    ),
    *(
        pytest.param(user_virtual_service(delegating(), champion(route=[{"destination": {"host": host}}])), id=host)
        for host in ("ranker-v7", "ranker-v7.shop", "ranker-v7.shop.svc", "ranker-v7.shop.svc.cluster.local")
    ),
    pytest.param(
        user_virtual_service(
            delegating(), champion(route=[destination(weight=100), destination("ranker-v8", weight=0)])
        ),
        id="the champion alone has a weight",
    ),
]


@pytest.mark.parametrize("user_route", GOOD)
def test_a_virtual_service_that_delegates_is_in_nobodys_way(user_route):
    assert found(user_route) is None


def with_rules(**fields):
    """The two rules, of which the champion's has other fields."""
    return user_virtual_service(delegating(), champion(**fields))


def matching(match, **fields):
    """The two rules with other matches."""
    return user_virtual_service(delegating(match=match, **fields), champion(match=match))


RULE = "the rules of VirtualService ranker must not "
OBSTACLES = [
    pytest.param(
        None, {}, "RouteNotFound", "VirtualService ranker must exist in namespace shop, found none", id="there is none"
    ),
    pytest.param(
        user_virtual_service(gateways=[]),
        {},
        "GatewayNotSupported",
        "VirtualService ranker must be bound to Gateways alone (spec.gateways), because only there users are split by"
        " a hash; found Istio's VirtualService in sidecars or waypoints, where spec.assignment.by can be"
        " PositionHeader, HexadecimalSuffix, DecimalSuffix",
        id="sidecars route it",
    ),
    pytest.param(
        user_virtual_service(),
        {"gateways": []},
        "GatewayNotFound",
        "the Gateway gateways/edge of VirtualService ranker must exist, found none",
        id="the gateway is not there",
    ),
    pytest.param(
        user_virtual_service(gateways=["gateways/edge", "gateways/inner"]),
        {"gateways": [gateway(), gateway("inner", istio="inner")]},
        "GatewayNotSupported",
        "the Gateways of VirtualService ranker must select the same proxies in one namespace, found 2 of them",
        id="two gateways of different proxies",
    ),
    pytest.param(
        user_virtual_service(champion(name="one"), champion(name="two")),
        {},
        "RuleNotNamed",
        "spec.routing.virtualService.rule must name the champion's rule where VirtualService ranker has more than one,"
        " found 2: one, two",
        id="two plain rules and none is named",
    ),
    pytest.param(
        user_virtual_service({"redirect": {"uri": "/elsewhere"}}),
        {},
        "RuleNotFound",
        "VirtualService ranker must have a rule that routes to the champion, found 0: none",
        id="no rule routes",
    ),
    pytest.param(
        with_rules(route=[destination(weight=50), destination("ranker-v8", weight=50)]),
        {},
        "ChampionNotServed",
        "the rule of VirtualService ranker after its delegate must send everything to the champion's Service ranker-v7,"
        " found ranker-v7, ranker-v8",
        id="the user splits already",
    ),
    pytest.param(
        with_rules(route=[destination("ranker-v7.elsewhere")]),
        {},
        "ChampionNotServed",
        "the rule of VirtualService ranker after its delegate must send everything to the champion's Service ranker-v7,"
        " found ranker-v7.elsewhere",
        id="a Service of that name elsewhere",
    ),
    pytest.param(
        matching([{"headers": {"X-User-Id": {"exact": "anna"}}}]),
        {},
        "RuleNotSupported",
        f"{RULE}match the assignment header x-user-id itself",
        id="the rule reads the assignment header, in any case",
    ),
    pytest.param(
        matching([{"withoutHeaders": {"x-user-id": {}}}]),
        {},
        "RuleNotSupported",
        f"{RULE}match the assignment header x-user-id itself",
        id="the rule wants nobody who says who they are",
    ),
    pytest.param(
        with_rules(headers={"request": {"remove": ["X-User-Id"]}}),
        {},
        "RuleNotSupported",
        f"{RULE}set, add or remove the assignment header x-user-id: access logs would no longer tell the user",
        id="the rule removes the assignment header",
    ),
    pytest.param(
        with_rules(route=[destination(headers={"request": {"set": {"x-user-id": "anybody"}}})]),
        {},
        "RuleNotSupported",
        f"{RULE}set, add or remove the assignment header x-user-id: access logs would no longer tell the user",
        id="the champion gets another user",
    ),
    pytest.param(
        matching([{"name": "one", "uri": {"prefix": "/"}}]),
        {},
        "RuleNotSupported",
        f"{RULE}name their matches: the name of the route would differ from match to match",
        id="a match has a name",
    ),
    pytest.param(
        matching([{"sourceNamespace": "web"}]),
        {},
        "RuleNotSupported",
        f"{RULE}match sourceNamespace, which a gateway never fulfils",
        id="a match for sidecars",
    ),
    pytest.param(
        matching(MATCH, timeout="3s"),
        {},
        "RuleNotSupported",
        f"{RULE}say more than name, match and delegate where they delegate; the champion's rule is repeated instead",
        id="the delegating rule has a timeout of its own",
    ),
    pytest.param(
        with_rules(brandNew=1),
        {},
        "RuleNotSupported",
        f"{RULE}use brandNew, which the experiment cannot repeat",
        id="a field that nobody knows yet",
    ),
    pytest.param(
        with_rules(route=[{"destination": {"host": "ranker-v7", "subset": "blue"}}]),
        {},
        "RuleNotSupported",
        f"{RULE}send to a subset: the challenger must be a Service of its own",
        id="a subset",
    ),
    pytest.param(
        with_rules(route=[destination(brandNew=1)]),
        {},
        "RuleNotSupported",
        f"{RULE}say more of a destination than weight and headers",
        id="a field of a destination that nobody knows yet",
    ),
]


@pytest.mark.parametrize(("user_route", "changes", "reason", "message"), OBSTACLES)
def test_an_obstacle_is_named(user_route, changes, reason, message):
    assert found(user_route, **changes) == Obstacle(reason, message)


def pasted(obstacle):
    """The lines that the sentence tells the user to add."""
    return yaml.safe_load(obstacle.message.split(":\n", 1)[1])


def test_a_missing_delegate_is_asked_for_with_the_lines_that_mend_it():
    obstacle = found(user_virtual_service(champion()))
    assert obstacle.reason == "DelegateMissing"
    assert found(user_virtual_service(*pasted(obstacle), champion())) is None


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param([delegating()], id="there is none"),
        pytest.param([champion(), delegating()], id="it stands before the delegate"),
        pytest.param([delegating(), champion(name="other", match=[{"uri": {"exact": "/x"}}])], id="other matches"),
    ],
)
def test_a_missing_champion_rule_is_asked_for_with_the_lines_that_mend_it(rules):
    obstacle = found(user_virtual_service(*rules))
    assert obstacle.reason == "ChampionRuleMissing"
    place = rules.index(delegating()) + 1
    assert found(user_virtual_service(*rules[:place], *pasted(obstacle), *rules[place:])) is None


def filter_on(name):
    """An EnvoyFilter of the user's for an Envoy route by its name."""
    match = {"routeConfiguration": {"vhost": {"route": {"name": name}}}}
    patches = [{"applyTo": "HTTP_ROUTE", "match": match}, {"applyTo": "CLUSTER"}]
    return {"metadata": {"namespace": "gateways", "name": "limits"}, "spec": {"configPatches": patches}}


@pytest.mark.parametrize(("name", "matters"), [("champion", True), ("other", False)])
def test_a_filter_on_the_champions_route_by_name_would_be_bypassed(name, matters):
    obstacle = found(user_virtual_service(), filters=[filter_on(name)])
    assert (obstacle and obstacle.reason) == ("PolicyNotCarried" if matters else None)


ADOPTIONS = [
    pytest.param(with_rules(route=[destination("ranker-v8")]), "v8", id="after the delegate"),
    pytest.param(user_virtual_service(champion(route=[destination("ranker-v8")])), "v8", id="the delegate is gone too"),
    pytest.param(user_virtual_service(), "", id="the champion serves"),
    pytest.param(None, "", id="there is no VirtualService"),
]


@pytest.mark.parametrize(("user_route", "challenger"), ADOPTIONS)
def test_a_promotion_is_adopted_once_the_users_rule_serves_the_challenger(user_route, challenger):
    assert adopted(experiment(), user_route) == challenger


def test_gateways_are_found_in_their_namespace_or_in_the_virtual_services_own():
    bound = user_virtual_service(gateways=["gateways/edge", "inner", "mesh"])
    assert gateway_names(bound) == [("gateways", "edge"), ("shop", "inner")]


def test_the_experiments_rules_are_the_pair_around_its_delegate():
    rules = find_rules(experiment(), user_virtual_service(champion(name="x"), delegating(), champion()))
    assert (rules.root, rules.champion) == (delegating(), champion())
