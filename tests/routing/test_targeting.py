"""Who may enter: the headers that both variants ask for alike, and the users who are held out."""

import pytest

from given.deciding import experiment
from model_experiment.assignment import HOLDOUT, Assignment, Share, assign
from model_experiment.decision.route import Obstacle, Open, Parked
from model_experiment.decision.splits import promotion_of
from model_experiment.routing import user_virtual_service as on_virtual_service
from model_experiment.routing.mesh_state import Proxy, mesh_says
from model_experiment.routing.own_http_route import parked_as_it_stands, render_spec
from model_experiment.routing.own_virtual_service import parked_alone, render_delegate
from model_experiment.routing.seen_http_route import seen
from model_experiment.routing.seen_virtual_service import route_of
from model_experiment.routing.user_http_route import find_obstacle
from routing.manifests import V7, condition, parent, user_route
from routing.virtual_services import champion, delegating, destination, gateway, user_virtual_service

ON_ISTIO = {"virtualService": {"name": "ranker"}}
TARGETS = [{"name": "x-region", "value": "eu"}, {"name": "x-plan", "pattern": "pro|team"}]
TARGETED = {"headers": TARGETS, "holdoutPercent": 20}
SPLIT = Assignment(100, (Share("v8", 40), Share("v7", 40), Share(HOLDOUT, 20)))
ASKED = [
    {"type": "Exact", "name": "x-region", "value": "eu"},
    {"type": "RegularExpression", "name": "x-plan", "value": "pro|team"},
    {"type": "RegularExpression", "name": "x-user-id", "value": ".+"},
]


def own_route(step, route=None):
    route = route or user_route()
    return render_spec(experiment(targeting=TARGETED), route, route["spec"]["rules"][0], step)


def delegate(step):
    return render_delegate(experiment(targeting=TARGETED, routing=ON_ISTIO), champion(), step)


def test_every_match_of_the_own_route_asks_for_the_headers_in_addition():
    beta = {"headers": [{"name": "x-beta", "value": "1"}]}
    (rule,) = own_route(Open(SPLIT), user_route(matches=[beta, {"method": "GET"}]))["rules"]
    assert rule["matches"] == [{"headers": [*beta["headers"], *ASKED]}, {"method": "GET", "headers": ASKED}]


def test_a_parked_route_still_asks_for_them():
    assert parked_as_it_stands(own_route(Open(SPLIT)), "x-user-id") == own_route(Parked(SPLIT))


def test_the_delegate_asks_for_the_headers_in_addition():
    (rule,) = delegate(Open(SPLIT))["http"]
    assert rule["match"] == [
        {"headers": {"x-user-id": {"regex": ".+"}, "x-region": {"exact": "eu"}, "x-plan": {"regex": "pro|team"}}}
    ]


def test_the_held_out_reach_the_champions_backend_and_nobody_says_so():
    (rule,) = own_route(Open(SPLIT))["rules"]
    *_, held_out = rule["backendRefs"]
    assert held_out == {
        "group": "",
        "kind": "Service",
        **V7,
        "weight": 20,
        "filters": [
            {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x-experiment", "x-variant"]}},
            {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"remove": ["x-variant"]}},
        ],
    }
    (rule,) = delegate(Open(SPLIT))["http"]
    assert rule["route"][-1] == {
        **destination("ranker-v7"),
        "weight": 20,
        "headers": {
            "request": {"remove": ["x-experiment", "x-variant"]},
            "response": {"remove": ["x-variant"]},
        },
    }


SEVERAL = assign(modulus=100_003, champion="v7", challengers={"v8": 10}, holdout=99)
STEPS = [Open(SPLIT), Parked(SPLIT), Open(SEVERAL), Open(promotion_of(SPLIT, "v8"))]


@pytest.mark.parametrize("step", STEPS)
def test_what_was_written_is_read_back_with_those_who_are_held_out(step):
    manifest = {"metadata": {"namespace": "shop", "generation": 1}, "spec": own_route(step)}
    assert seen(manifest, None, experiment(targeting=TARGETED)).route == step
    on_istio = experiment(targeting=TARGETED, routing=ON_ISTIO)
    assert route_of({"spec": delegate(step)}, on_istio) == step


def test_a_take_back_on_istio_keeps_the_share_of_the_held_out():
    on_istio = experiment(targeting=TARGETED, routing=ON_ISTIO)
    parked = {"spec": parked_alone(on_istio, Parked(SPLIT), {"spec": {}})}
    assert route_of(parked, on_istio) == Parked(SPLIT)


def matching(*names):
    return user_route(matches=[{"headers": [{"name": name, "value": "1"} for name in names]}])


MANY = [f"x-{number}" for number in range(14)]
REFUSED = [
    pytest.param(
        matching("X-Region"),
        "the rule of HTTPRoute ranker must not match the header x-region, which spec.targeting names too",
        id="the user's rule asks for one of them already, in any case",
    ),
    pytest.param(
        matching(*MANY),
        "the rule of HTTPRoute ranker must not match more than 13 headers, because a match has 16 at most and the"
        " experiment adds 3, found 14",
        id="no room for them in a match",
    ),
]


@pytest.mark.parametrize(("route", "message"), REFUSED)
def test_what_the_users_rule_cannot_be_asked_in_addition_is_said(route, message):
    found = find_obstacle(experiment(targeting=TARGETED), route, policies=[])
    assert found == Obstacle("RuleNotSupported", message)


def test_as_many_headers_as_a_match_may_have_are_fine():
    route = matching(*MANY[:13])
    route["status"] = {"parents": [parent(condition())]}
    assert find_obstacle(experiment(targeting=TARGETED), route, policies=[]) is None


@pytest.mark.parametrize("key", ["headers", "withoutHeaders"])
def test_on_istio_too_a_header_that_the_user_matches_is_named(key):
    match = [{key: {"X-Region": {"exact": "eu"}}}]
    route = user_virtual_service(delegating(match=match), champion(match=match))
    on_istio = experiment(targeting=TARGETED, routing=ON_ISTIO)
    found = on_virtual_service.find_obstacle(on_istio, route, gateways=[gateway()])
    sentence = "the rules of VirtualService ranker must not match the header x-region, which spec.targeting names too"
    assert found == Obstacle("RuleNotSupported", sentence)


def envoy_route(**stringmatches):
    """The Envoy route that istiod makes of the delegate, asking for these headers."""
    asked = [{"name": name.replace("_", "-"), "stringMatch": match} for name, match in stringmatches.items()]
    host = "outbound|8000||ranker-{}.shop.svc.cluster.local"
    clusters = [{"name": host.format(name), "weight": weight} for name, weight in (("v8", 40), ("v7", 40), ("v7", 20))]
    action = {
        "weightedClusters": {"clusters": clusters, "useHashPolicy": True},
        "hashPolicy": [{"header": {"headerName": "x-user-id"}}],
    }
    return {
        "name": "experiment-virtualservice/shop/ranker-mexp",
        "match": {"prefix": "/", "headers": asked},
        "route": action,
    }


USER, PLAN = {"safeRegex": {"regex": ".+"}}, {"safeRegex": {"regex": "pro|team"}}
TAKEN = [
    pytest.param({"x_user_id": USER, "x_region": {"exact": "eu"}, "x_plan": PLAN}, True, id="as written"),
    pytest.param({"x_user_id": USER, "x_plan": PLAN}, False, id="a header is not asked for yet"),
    pytest.param({"x_user_id": USER, "x_region": {"exact": "us"}, "x_plan": PLAN}, False, id="another value"),
    pytest.param({"x_user_id": USER, "x_region": {"exact": "eu"}, "x_plan": USER}, False, id="another expression"),
]


@pytest.mark.parametrize(("asked", "settled"), TAKEN)
def test_a_proxy_has_taken_a_delegate_only_if_it_asks_for_every_header(asked, settled):
    on_istio = experiment(targeting=TARGETED, routing=ON_ISTIO)
    proxy = Proxy("edge.gateways", {"istio": "edge"}, (envoy_route(**asked),), confirmed=True, acknowledged=True)
    manifest = {"spec": delegate(Open(SPLIT))}
    assert mesh_says(on_istio, manifest, [proxy], is_late=False) == (settled, None)
