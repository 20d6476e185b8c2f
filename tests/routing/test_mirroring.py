"""A route that mirrors: the champion alone, a copy to the comparator, no hash; read again, refused by a sentence."""

import pytest

from given.deciding import experiment
from given.mirroring import shadow
from model_experiment.assignment import Assignment, Share
from model_experiment.decision.route import Obstacle, Open, Parked
from model_experiment.errors import ClusterError
from model_experiment.objects import BACKEND_TRAFFIC_POLICY
from model_experiment.routing import user_http_route, user_virtual_service
from model_experiment.routing.capabilities import ENVOY_GATEWAY
from model_experiment.routing.mesh_state import Proxy, mesh_says
from model_experiment.routing.mirroring import Comparator, find_missing, mirror_of
from model_experiment.routing.own_http_route import render_spec
from model_experiment.routing.own_virtual_service import parked_alone, render_delegate
from model_experiment.routing.policies import Policies, copies, find_uncarried
from model_experiment.routing.seen_http_route import gateway_says, seen
from model_experiment.routing.seen_virtual_service import route_of
from routing.manifests import GATEWAY, V7, V8, condition, parent, policy, user_route
from routing.virtual_services import champion, destination
from routing.virtual_services import user_virtual_service as users_virtual_service

COMPARATOR = Comparator("operator", "comparator", 9203)
ALL = Assignment(101, (Share("v7", 101),))
MIRROR = {
    "type": "RequestMirror",
    "requestMirror": {
        "backendRef": {"group": "", "kind": "Service", "namespace": "operator", "name": "comparator", "port": 9203},
        "percent": 10,
    },
}
MIRRORED = {
    "destination": {"host": "comparator.operator.svc.cluster.local", "port": {"number": 9203}},
    "percentage": {"value": 10},
}
MARKS = [
    {
        "type": "RequestHeaderModifier",
        "requestHeaderModifier": {
            "set": [{"name": "x-experiment", "value": "shop/ranker"}, {"name": "x-variant", "value": "v7"}]
        },
    },
    {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [{"name": "x-variant", "value": "v7"}]}},
]
ROOT = {"path": {"type": "PathPrefix", "value": "/"}}
ASKED = {"type": "RegularExpression", "name": "x-user-id", "value": ".+"}
BY = [
    pytest.param({}, id="by hash, which nobody needs"),
    pytest.param({"by": "HexadecimalSuffix"}, id="by position, which nobody needs"),
]


def shadowing(*, by=None, **changes):
    assignment = {"assignment": by} if by else {}
    return experiment(**shadow(percent=10), **assignment, **changes)


def render(step=None, *, by=None, **rule):
    subject, route = shadowing(by=by), user_route(**rule)
    mirror = mirror_of(subject, COMPARATOR)
    return render_spec(subject, route, route["spec"]["rules"][0], step or Open(ALL), mirror=mirror)


def delegate(step=None, *, by=None, **rule):
    subject = shadowing(by=by)
    return render_delegate(subject, champion(**rule), step or Open(ALL), mirror=mirror_of(subject, COMPARATOR))


@pytest.mark.parametrize("by", BY)
def test_an_http_route_sends_everybody_to_the_champion_and_a_copy_to_the_comparator(by):
    assert render(by=by) == {
        "parentRefs": [GATEWAY],
        "rules": [
            {
                "matches": [{**ROOT, "headers": [ASKED]}],
                "filters": [*MARKS, MIRROR],
                "backendRefs": [{"group": "", "kind": "Service", **V7, "weight": 101}],
            }
        ],
    }


def test_a_mirror_of_the_users_own_stays_beside_ours():
    own = {"type": "RequestMirror", "requestMirror": {"backendRef": V8}}
    (rule,) = render(filters=[own], timeouts={"request": "3s"})["rules"]
    assert rule["filters"] == [own, *MARKS, MIRROR]
    assert rule["timeouts"] == {"request": "3s"}


@pytest.mark.parametrize("by", BY)
def test_a_virtual_service_sends_everybody_to_the_champion_and_a_copy_to_the_comparator(by):
    marks = {
        "request": {"set": {"x-experiment": "shop/ranker", "x-variant": "v7"}},
        "response": {"set": {"x-variant": "v7"}},
    }
    (rule,) = delegate(by=by)["http"]
    assert rule == {
        "name": "virtualservice/shop/ranker-mexp",
        "match": [{"headers": {"x-user-id": {"regex": ".+"}}}],
        "route": [{**destination(), "headers": marks, "weight": 101}],
        "mirrors": [MIRRORED],
    }


def test_mirrors_of_the_users_virtual_service_stay_beside_ours():
    audit = {"destination": {"host": "audit"}}
    (rule,) = delegate(mirror={"host": "old-audit"}, mirrorPercentage={"value": 5}, mirrors=[audit])["http"]
    assert (rule["mirror"], rule["mirrorPercentage"]) == ({"host": "old-audit"}, {"value": 5})
    assert rule["mirrors"] == [audit, MIRRORED]


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("step", [Open(ALL), Parked(ALL)])
def test_what_was_written_is_read_again(step, by):
    subject = shadowing(by=by)
    own = {"metadata": {"namespace": "shop", "generation": 1}, "spec": render(step, by=by)}
    assert seen(own, None, subject).route == step
    assert route_of({"spec": delegate(step, by=by)}, subject) == step


def test_a_take_back_needs_no_comparator():
    parked = parked_alone(shadowing(), Parked(ALL), {"spec": delegate()})
    assert route_of({"spec": parked}, shadowing()) == Parked(ALL)


def test_a_challenger_that_somebody_adds_is_seen():
    own = {"metadata": {"namespace": "shop", "generation": 1}, "spec": render()}
    own["spec"]["rules"][0]["backendRefs"].append({**V8, "weight": 5})
    assert seen(own, None, shadowing()).route == Open(Assignment(106, (Share("v7", 101), Share("v8", 5))))


def test_without_a_comparator_the_sentence_says_what_to_install():
    missing = find_missing(shadowing(), None)
    assert missing == Obstacle(
        "ComparatorMissing",
        "strategy Shadow needs a comparator to mirror requests to, found none in the operator's settings; install it"
        " with comparator.enabled=true in the operator's chart, or name one with --comparator=namespace/service:port",
    )
    assert find_missing(shadowing(), COMPARATOR) is None
    assert find_missing(experiment(), None) is None
    assert mirror_of(experiment(), COMPARATOR) is None
    with pytest.raises(ClusterError, match="needs a comparator"):
        mirror_of(shadowing(), None)


def own_route(*conditions, generation=1):
    status = {"parents": [parent(condition(generation=generation), *conditions)]}
    return {"metadata": {"namespace": "shop", "generation": generation}, "spec": render(), "status": status}


def test_no_policy_is_needed_and_a_forbidden_reference_says_what_must_be_granted():
    assert gateway_says(own_route(), None, needs_policy=False) == (True, None)
    denied = condition("ResolvedRefs", status="False", reason="RefNotPermitted", message="not permitted")
    assert gateway_says(own_route(denied), None, needs_policy=False) == (
        True,
        Obstacle(
            "ComparatorNotPermitted",
            "a ReferenceGrant in the comparator's namespace must let HTTPRoutes of this namespace refer to its Service"
            " (comparator.routesFrom in the operator's chart), found RefNotPermitted: not permitted",
        ),
    )


def test_policies_of_the_user_are_carried_as_they_are_and_none_is_added():
    route = user_route()
    target = [{"kind": "HTTPRoute", "name": "ranker"}]
    breaker, balancer = {"circuitBreaker": {"maxConnections": 5}}, {"loadBalancer": {"type": "LeastRequest"}}

    def carried(*attached):
        all_of_them = [(BACKEND_TRAFFIC_POLICY, each) for each in attached]
        policies = Policies(shadowing(), route, route["spec"]["rules"][0], None, all_of_them)
        assert find_uncarried(policies) is None
        return copies(policies)

    own = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "ranker-mexp"}
    users = policy(kind="BackendTrafficPolicy", targetRefs=target, **breaker, **balancer)
    assert carried() == {}
    assert carried(users) == {BACKEND_TRAFFIC_POLICY: {**breaker, **balancer, "targetRefs": [own]}}


ABLE = "strategy Shadow needs a gateway that really mirrors requests and matches headers by regular expressions"
GATEWAYS = [
    pytest.param(ENVOY_GATEWAY, True, None, id="Envoy Gateway"),
    pytest.param(ENVOY_GATEWAY, False, None, id="an older one, which cannot hash"),
    pytest.param("gateway.nginx.org/nginx-gateway-controller", True, None, id="one whose log is not read"),
    pytest.param(
        "linkerd.io/policy-controller",
        True,
        f"{ABLE}, found Linkerd, which is not known to do both",
        id="one that takes a mirror and sends nothing",
    ),
    pytest.param(
        "example.org/gateway",
        True,
        f"{ABLE}, found example.org/gateway, which is not known to do both",
        id="a stranger",
    ),
]


@pytest.mark.parametrize(("controller", "is_new", "message"), GATEWAYS)
def test_a_gateway_that_only_says_that_it_mirrors_is_refused(controller, is_new, message):
    route = user_route(parents=[parent(condition(), controller=controller)])
    found = user_http_route.find_obstacle(shadowing(), route, policies=[], is_new_envoy_gateway=is_new)
    assert found == (Obstacle("GatewayNotSupported", message) if message else None)


def test_a_virtual_service_in_the_mesh_can_mirror_though_it_cannot_hash():
    users = users_virtual_service(gateways=["mesh"])
    on_istio = {"routing": {"virtualService": {"name": "ranker"}}}
    assert user_virtual_service.find_obstacle(shadowing(**on_istio), users, gateways=[]) is None
    refused = user_virtual_service.find_obstacle(experiment(**on_istio), users, gateways=[])
    assert refused.reason == "GatewayNotSupported"


def envoy_route(*mirrors):
    action = {"cluster": "outbound|8000||ranker-v7.shop.svc.cluster.local"}
    asked = {"name": "x-user-id", "stringMatch": {"safeRegex": {"regex": ".+"}}}
    policies = [{"cluster": f"outbound|9203||{host}"} for host in mirrors]
    return {
        "name": "virtualservice/shop/ranker-mexp",
        "match": {"prefix": "/", "headers": [asked]},
        "route": {**action, "requestMirrorPolicies": policies},
    }


MIRRORS = [
    pytest.param(["comparator.operator.svc.cluster.local"], None, id="the comparator"),
    pytest.param(["audit.shop.svc.cluster.local", "comparator.operator.svc.cluster.local"], None, id="and the user's"),
    pytest.param([], "[]", id="nobody"),
    pytest.param(["ranker-v8.shop.svc.cluster.local"], "['ranker-v8.shop.svc.cluster.local']", id="somebody else"),
]


@pytest.mark.parametrize(("mirrors", "found"), MIRRORS)
def test_what_istiod_made_must_mirror_to_the_comparator(mirrors, found):
    proxy = Proxy("edge", {}, (envoy_route(*mirrors),), confirmed=True, acknowledged=True)
    settled, problem = mesh_says(shadowing(), {"spec": delegate()}, [proxy], is_late=True)
    message = f"edge must serve the experiment's route as written, found: it mirrors to {found}"
    assert settled
    assert problem == (found and Obstacle("RouteNotEffective", message))
