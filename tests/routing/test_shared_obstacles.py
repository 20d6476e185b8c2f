"""What a shared route must say, and the lines that are asked for where it does not."""

from copy import deepcopy

import pytest

from given.deciding import experiment
from given.experiments import experiment_manifest, hashing_policy, shared_route_manifest
from model_experiment.controller.cache import Cache
from model_experiment.objects import (
    BACKEND_TRAFFIC_POLICY,
    ENVOY_FILTER,
    ISTIO_GATEWAY,
    MODEL_EXPERIMENT,
)
from model_experiment.routing.shared_http_route import SharedHTTPRoute
from model_experiment.routing.shared_virtual_service import SharedVirtualService
from routing.manifests import condition, parent, policy
from routing.virtual_services import gateway, hashing_filter, shared_virtual_service

ON_GATEWAY = {"httpRoute": {"name": "ranker"}, "ownership": "Shared"}
ON_ISTIO = {"virtualService": {"name": "ranker"}, "ownership": "Shared"}
THIRD = {"name": "v9", "backendRef": {"name": "ranker-v9", "port": 8000}, "percent": 20}
SECOND = {"name": "v8", "backendRef": {"name": "ranker-v8", "port": 8000}, "percent": 20}


def view(**objects):
    cache = Cache(())
    for kind, manifests in objects.items():
        cache.prime(KINDS[kind], [stored(each) for each in manifests])
    return cache


KINDS = {
    "policies": BACKEND_TRAFFIC_POLICY,
    "filters": ENVOY_FILTER,
    "gateways": ISTIO_GATEWAY,
    "experiments": MODEL_EXPERIMENT,
}


def stored(manifest):
    metadata = {"uid": manifest["metadata"]["name"], "resourceVersion": "1", "creationTimestamp": ""}
    return {**manifest, "metadata": {**metadata, **manifest["metadata"]}}


def changed(manifest, *path, to):
    """The same with another value at one place; None takes it away."""
    copy = deepcopy(manifest)
    *parents, last = path
    part = copy
    for each in parents:
        part = part[each]
    if to is None:
        del part[last]
    else:
        part[last] = to
    return copy


HTTP = {**shared_route_manifest("shop", {"name": "edge"}), "status": {"parents": [parent(condition())]}}
RULE = ("spec", "rules", 0)
REFS = (*RULE, "backendRefs")
FILTERS = [
    {
        "type": "RequestHeaderModifier",
        "requestHeaderModifier": {"set": [{"name": "X-Variant", "value": "v7"}]},
    }
]


def on_gateway(route, *, is_marked=False, **options):
    objects = {"policies": [hashing_policy("shop")], **options.pop("objects", {})}
    subject = experiment(routing=options.pop("routing", ON_GATEWAY), **options)
    dialect = SharedHTTPRoute(view(**objects), clock=float, settle_seconds=2, warm_seconds=2)
    return dialect.find_obstacle(subject, route, is_marked=is_marked)


def test_a_route_that_says_all_is_in_nobodys_way_and_neither_are_other_rules_and_headers():
    assert on_gateway(HTTP) is None
    busy = changed(HTTP, *REFS, 0, "filters", 0, "requestHeaderModifier", "add", to=[{"name": "x-a", "value": "1"}])
    assert on_gateway(changed(busy, "spec", "rules", 1, "sessionPersistence", to={})) is None


GATEWAY = [
    pytest.param(None, {}, "RouteNotFound", "HTTPRoute ranker must exist in namespace shop, found none", id="no route"),
    pytest.param(
        HTTP,
        {"objects": {"experiments": [experiment_manifest("shop", "older")]}},
        "Conflicted",
        "found ModelExperiment older",
        id="another experiment was first, on a route of its own",
    ),
    pytest.param(
        changed(HTTP, "status", "parents", to=[]), {}, "RouteNotAccepted", "found no gateway yet", id="no gateway"
    ),
    pytest.param(
        changed(HTTP, *RULE, "name", to="other"),
        {"routing": {**ON_GATEWAY, "httpRoute": {"name": "ranker", "rule": "main"}}},
        "RuleNotFound",
        "the first rule of HTTPRoute ranker must be main, because access logs name a shared rule by its place, found"
        " other",
        id="another rule is first",
    ),
    pytest.param(
        changed(HTTP, "spec", "rules", to=HTTP["spec"]["rules"][::-1]),
        {},
        "RuleNotFound",
        "the first rule of HTTPRoute ranker must be the shared one, because access logs name a shared rule by its"
        " place, found it as rule 2",
        id="another rule was put before it",
    ),
    pytest.param(
        changed(HTTP, "spec", "rules", to=[]),
        {},
        "BackendsNotShared",
        "the first rule of HTTPRoute ranker must list ranker-v8, ranker-v7, in this order, found none; write as its"
        ' backendRefs:\n- {"group": "", "kind": "Service", "name": "ranker-v8", "port": 8000, "weight": 0, "filters":'
        ' [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x-experiment", "value":'
        ' "shop/ranker"}, {"name": "x-variant", "value": "v8"}]}}, {"type": "ResponseHeaderModifier",',
        id="no rule",
    ),
    pytest.param(
        changed(HTTP, *REFS, to=HTTP["spec"]["rules"][0]["backendRefs"][::-1]),
        {},
        "BackendsNotShared",
        "in this order, found ranker-v7, ranker-v8;",
        id="the champion first",
    ),
    pytest.param(
        HTTP,
        {"challengers": [SECOND, THIRD]},
        "BackendsNotShared",
        "must list ranker-v8, ranker-v7, ranker-v9, in this order, found ranker-v8, ranker-v7;",
        id="a second challenger is not listed",
    ),
    pytest.param(
        changed(HTTP, *REFS, 1, "filters", to=[]),
        {},
        "VariantNotMarked",
        "each backend of the first rule of HTTPRoute ranker must set the headers that say which variant answers, found"
        " ranker-v7 without them; write as its backendRefs:\n",
        id="a backend without header filters",
    ),
    pytest.param(
        changed(HTTP, *REFS, 0, "filters", 1, "responseHeaderModifier", "set", 0, "value", to="v7"),
        {},
        "VariantNotMarked",
        "found ranker-v8 without them",
        id="a challenger that calls itself champion",
    ),
    pytest.param(
        changed(HTTP, *RULE, "matches", 0, "headers", to=None),
        {},
        "HeaderNotDemanded",
        "each match of the first rule of HTTPRoute ranker must demand the assignment header x-user-id, and another rule"
        ' serve whoever does not carry it; write as its matches:\n- {"path": {"type": "PathPrefix", "value": "/"},'
        ' "headers": [{"type": "RegularExpression", "name": "x-user-id", "value": ".+"}]}',
        id="a match without the header",
    ),
    pytest.param(
        changed(HTTP, *RULE, "matches", to=None),
        {},
        "HeaderNotDemanded",
        'write as its matches:\n- {"path": {"type": "PathPrefix", "value": "/"}, "headers": [',
        id="no match at all",
    ),
    pytest.param(
        changed(HTTP, *RULE, "sessionPersistence", to={}),
        {},
        "RuleNotSupported",
        "the first rule of HTTPRoute ranker must not keep sessions: a pinned session would outlive a take-back",
        id="sessions",
    ),
    pytest.param(
        changed(HTTP, *RULE, "filters", to=FILTERS),
        {},
        "RuleNotSupported",
        "the first rule of HTTPRoute ranker must not set x-variant for all of its backends",
        id="the rule's own filter would win over those of its backends",
    ),
    pytest.param(
        changed(HTTP, *REFS, 0, "weight", to=10),
        {},
        "ChampionNotServed",
        "the rule of HTTPRoute ranker must send everything to the champion's backend ranker-v7 before the experiment,"
        " and have weight 0 for the others, found ranker-v8 at 10, ranker-v7 at 100",
        id="the challenger has traffic before the experiment",
    ),
    pytest.param(
        HTTP,
        {"objects": {"policies": []}},
        "HashMissing",
        "HTTPRoute ranker must have one BackendTrafficPolicy that hashes x-user-id, or users would be split at random,"
        ' found none; write under its spec:\ntargetRefs: [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute",'
        ' "name": "ranker"}]\nloadBalancer: {"type": "ConsistentHash", "consistentHash": {"type": "Header", "header":'
        ' {"name": "x-user-id"}}}',
        id="no policy hashes",
    ),
    pytest.param(
        HTTP,
        {"objects": {"policies": [hashing_policy("shop", header="x-session")]}},
        "HashMissing",
        "found by-user;",
        id="a policy hashes another header",
    ),
    pytest.param(
        HTTP,
        {
            "objects": {
                "policies": [
                    hashing_policy("shop"),
                    {
                        **hashing_policy("shop"),
                        **policy(
                            kind="BackendTrafficPolicy",
                            name="retries",
                            targetRefs=hashing_policy("shop")["spec"]["targetRefs"],
                        ),
                    },
                ]
            }
        },
        "HashMissing",
        "found by-user, retries;",
        id="two policies, of which one is in force",
    ),
]


@pytest.mark.parametrize(("route", "changes", "reason", "message"), GATEWAY)
def test_what_a_shared_http_route_lacks_is_named(route, changes, reason, message):
    obstacle = on_gateway(route, **changes)
    assert obstacle.reason == reason
    assert message in obstacle.message


def test_weights_are_asked_for_before_the_experiment_alone():
    assert on_gateway(changed(HTTP, *REFS, 0, "weight", to=10), is_marked=True) is None


ISTIO = shared_virtual_service()
HTTP0 = ("spec", "http", 0)
NAME = "virtualservice/shop/ranker-mexp"


def on_istio(route, *, is_marked=False, **options):
    objects = {"gateways": [gateway()], "filters": [hashing_filter("shop")], **options.pop("objects", {})}
    dialect = SharedVirtualService(view(**objects), clock=float, settle_seconds=10)
    return dialect.find_obstacle(experiment(routing=ON_ISTIO, **options), route, is_marked=is_marked)


def test_a_virtual_service_that_says_all_is_in_nobodys_way():
    assert on_istio(ISTIO) is None
    fqdn = changed(ISTIO, *HTTP0, "route", 0, "destination", to={"host": "ranker-v8.shop.svc.cluster.local"})
    assert on_istio(changed(fqdn, *HTTP0, "timeout", to="3s")) is None


VIRTUAL_SERVICES = [
    pytest.param(
        None, {}, "RouteNotFound", "VirtualService ranker must exist in namespace shop, found none", id="no route"
    ),
    pytest.param(
        ISTIO,
        {"objects": {"gateways": []}},
        "GatewayNotFound",
        "the Gateway gateways/edge of VirtualService ranker must exist, found none",
        id="no Gateway",
    ),
    pytest.param(
        changed(ISTIO, *HTTP0, "name", to="main"),
        {},
        "RuleNotFound",
        f"VirtualService ranker must have a rule named {NAME}, because access logs name the experiment by it, before"
        " the rule for those who do not carry x-user-id, found main, champion; write under spec.http, and add to its"
        f' match what you match today:\n- {{"name": "{NAME}", "match": [{{"headers": {{"x-user-id": {{"regex": ".+"}}'
        '}}], "route": [{"destination": {"host": "ranker-v8", "port": {"number": 8000}}, "weight": 0, "headers":',
        id="another name",
    ),
    pytest.param(
        changed(ISTIO, *HTTP0, "route", 0, to=None),
        {},
        "BackendsNotShared",
        f"the rule {NAME} of VirtualService ranker must list ranker-v8, ranker-v7, in this order, found ranker-v7;"
        ' write as its route:\n- {"destination": {"host": "ranker-v8", "port": {"number": 8000}}, "weight": 0,',
        id="a single entry",
    ),
    pytest.param(
        changed(ISTIO, *HTTP0, "route", 0, "destination", "subset", to="new"),
        {},
        "BackendsNotShared",
        "found ranker-v8, ranker-v7;",
        id="a subset is no Service",
    ),
    pytest.param(
        changed(ISTIO, *HTTP0, "route", 0, "headers", "response", to=None),
        {},
        "VariantNotMarked",
        f"each destination of the rule {NAME} of VirtualService ranker must set the headers that say which variant"
        " answers, found ranker-v8 without them; write as its route:\n",
        id="a destination without headers",
    ),
    pytest.param(
        changed(ISTIO, *HTTP0, "match", 0, "headers", to=None),
        {},
        "HeaderNotDemanded",
        f"each match of the rule {NAME} of VirtualService ranker must demand the assignment header x-user-id, and"
        ' another rule serve whoever does not carry it; write as its match:\n- {"uri": {"prefix": "/"}, "headers":'
        ' {"x-user-id": {"regex": ".+"}}}',
        id="a match without the header",
    ),
    pytest.param(
        changed(ISTIO, *HTTP0, "match", 0, "name", to="first"),
        {},
        "RuleNotSupported",
        "the shared rule of VirtualService ranker must not name its matches: the name of the route would differ from"
        " match to match",
        id="a match with a name",
    ),
    pytest.param(
        changed(ISTIO, *HTTP0, "headers", to={"response": {"set": {"X-Variant": "v7"}}}),
        {},
        "RuleNotSupported",
        "the shared rule of VirtualService ranker must not set x-variant for all of its destinations",
        id="the rule's own headers would win over those of its destinations",
    ),
    pytest.param(
        changed(ISTIO, *HTTP0, "route", 0, "weight", to=10),
        {},
        "ChampionNotServed",
        f"the rule {NAME} of VirtualService ranker must send everything to the champion's Service ranker-v7 before the"
        " experiment, and have weight 0 for the others, found ranker-v8 at 10, ranker-v7 at 100",
        id="the challenger has traffic before the experiment",
    ),
    pytest.param(
        ISTIO,
        {"objects": {"filters": []}},
        "HashMissing",
        f"an EnvoyFilter in namespace gateways must hash x-user-id for the route {NAME}, or users would be split at"
        ' random, found none; write under its spec:\nworkloadSelector: {"labels": {"istio": "edge"}}\nconfigPatches: [',
        id="no filter hashes",
    ),
    pytest.param(
        ISTIO, {"objects": {"filters": [hashing_filter("shop", "shop")]}}, "HashMissing", "found none", id="elsewhere"
    ),
    pytest.param(
        ISTIO,
        {"objects": {"filters": [hashing_filter("shop", istio="other")]}},
        "HashMissing",
        "found none",
        id="for other proxies",
    ),
    pytest.param(
        ISTIO, {"objects": {"filters": [hashing_filter("mall")]}}, "HashMissing", "found none", id="for another route"
    ),
]


@pytest.mark.parametrize(("route", "changes", "reason", "message"), VIRTUAL_SERVICES)
def test_what_a_shared_virtual_service_lacks_is_named(route, changes, reason, message):
    obstacle = on_istio(route, **changes)
    assert obstacle.reason == reason
    assert message in obstacle.message


def test_a_rule_that_has_lost_its_name_is_still_found_by_the_challenger_it_lists():
    renamed = changed(ISTIO, *HTTP0, "name", to="other")
    dialect = SharedVirtualService(view(), clock=float, settle_seconds=10)
    rule = dialect.rule(experiment(routing=ON_ISTIO), renamed)
    assert [entry.path for entry in rule.entries] == ["/spec/http/0/route/0", "/spec/http/0/route/1"]
    assert rule.name == ("/spec/http/0/name", "other")
