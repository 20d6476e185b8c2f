"""Which policies concern an experiment, what their copies say, which cannot be carried, and what is waited for."""

import pytest

from given.deciding import experiment
from model_experiment.decision.route import Obstacle
from model_experiment.objects import BACKEND_TRAFFIC_POLICY, ENVOY_EXTENSION_POLICY, SECURITY_POLICY, Kind
from model_experiment.routing.own_http_route import policy_spec
from model_experiment.routing.ownership import owned
from model_experiment.routing.policies import Policies, copies, find_uncarried, waits_for
from routing.manifests import condition, parent, policy, user_route

RANKER = {"kind": "HTTPRoute", "name": "ranker"}
OWN = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "ranker-mexp"}
ODD = Kind("policies.example", "v1", "quotas", "Quota")
HASH = policy_spec(experiment())
JWT = {"jwt": {"providers": [{"name": "ours"}]}}


def named_route(rule="main"):
    route = user_route()
    route["spec"]["rules"][0] |= {"name": rule} if rule else {}
    route["metadata"]["labels"] = {"app": "ranker", "team": "search"}
    return route


def seen(*attached, rule="main", own=None):
    """Policies of these kinds beside the user's route; one policy stands for a SecurityPolicy."""
    route = named_route(rule)
    pairs = [each if isinstance(each, tuple) else (SECURITY_POLICY, each) for each in attached]
    return Policies(experiment(), route, route["spec"]["rules"][0], own, pairs)


def by_label(*, namespace="shop", **selector):
    return policy(namespace=namespace, targetSelectors=[{"kind": "HTTPRoute", **selector}], **JWT)


def expression(operator, *values, key="app"):
    wanted = {"key": key, "operator": operator, **({"values": [*values]} if values else {})}
    return by_label(matchLabels={"team": "search"}, matchExpressions=[wanted])


CONCERNS = [
    pytest.param(policy(targetRefs=[RANKER], **JWT), True, id="by name"),
    pytest.param(policy(targetRef=RANKER, **JWT), True, id="by name, as older policies do"),
    pytest.param(policy(targetRefs=[{**RANKER, "name": "other"}, RANKER], **JWT), True, id="as one of several targets"),
    pytest.param(policy(targetRefs=[{**RANKER, "sectionName": "main"}], **JWT), True, id="to our rule"),
    pytest.param(policy(targetRefs=[{**RANKER, "sectionName": "side"}], **JWT), False, id="to another rule"),
    pytest.param(by_label(matchLabels={"app": "ranker"}), True, id="by label"),
    pytest.param(by_label(matchLabels={"app": "ranker", "team": "ads"}), False, id="by labels of which one differs"),
    pytest.param(expression("In", "ranker", "search"), True, id="by one of several values"),
    pytest.param(expression("In", "search"), False, id="by values that are others"),
    pytest.param(expression("NotIn", "ranker"), False, id="not by what is left out"),
    pytest.param(expression("Exists"), True, id="by a label that is there"),
    pytest.param(expression("DoesNotExist"), False, id="not by a label that must not be there"),
    pytest.param(policy(targetRefs=[{**RANKER, "name": "other"}], **JWT), False, id="to another route"),
    pytest.param(policy(targetRefs=[{"kind": "Gateway", "name": "ranker"}], **JWT), False, id="to the gateway"),
    pytest.param(policy(namespace="edge", targetRefs=[RANKER], **JWT), False, id="to a route of that name elsewhere"),
    pytest.param(by_label(namespace="edge", matchLabels={"app": "ranker"}), False, id="by label, in another namespace"),
    pytest.param(
        policy(targetSelectors=[{"kind": "Gateway", "matchLabels": {"app": "ranker"}}], **JWT), False, id="to gateways"
    ),
    pytest.param(policy(), False, id="to nothing"),
]


@pytest.mark.parametrize(("attached", "concerns"), CONCERNS)
def test_a_policy_is_carried_when_it_concerns_the_rule(attached, concerns):
    carried = {SECURITY_POLICY: {**JWT, "targetRefs": [OWN]}} if concerns else {}
    assert find_uncarried(seen(attached)) is None
    assert copies(seen(attached)) == {**carried, BACKEND_TRAFFIC_POLICY: HASH}


def test_a_section_never_means_a_rule_without_a_name():
    attached = policy(targetRefs=[{**RANKER, "sectionName": "main"}], **JWT)
    assert copies(seen(attached, rule=None)) == {BACKEND_TRAFFIC_POLICY: HASH}


HASHES = HASH["loadBalancer"]
SPECS = [
    pytest.param(SECURITY_POLICY, {"cors": {"maxAge": "1h"}, "mergeType": "JSONMerge"}, {}, id="security, merged"),
    pytest.param(ENVOY_EXTENSION_POLICY, {"lua": [{"type": "Inline", "inline": ""}]}, {}, id="extensions"),
    pytest.param(
        BACKEND_TRAFFIC_POLICY,
        {"retry": {"numRetries": 2}, "timeout": {"http": {"requestTimeout": "1s"}}},
        {"loadBalancer": HASHES},
        id="traffic, with the hash beside it and without a merge that the original does not ask for",
    ),
    pytest.param(
        BACKEND_TRAFFIC_POLICY,
        {"mergeType": "JSONMerge", "circuitBreaker": {"maxConnections": 9}},
        {"loadBalancer": HASHES},
        id="traffic, merged with the Gateway's as the original is",
    ),
    pytest.param(
        BACKEND_TRAFFIC_POLICY,
        {"loadBalancer": {"type": "ConsistentHash", "consistentHash": {**HASHES["consistentHash"], "tableSize": 11}}},
        {},
        id="traffic that hashes the same header already",
    ),
]


@pytest.mark.parametrize(("kind", "spec", "added"), SPECS)
def test_a_copy_says_what_the_original_says_to_the_own_route(kind, spec, added):
    attached = seen((kind, policy(kind=kind.name, targetRef=RANKER, targetSelectors=[], **spec)))
    assert find_uncarried(attached) is None
    assert copies(attached)[kind] == {**spec, **added, "targetRefs": [OWN]}


def test_what_reaches_the_own_route_by_itself_is_not_copied():
    everywhere = by_label()
    assert find_uncarried(seen(everywhere)) is None
    assert copies(seen(everywhere)) == {BACKEND_TRAFFIC_POLICY: HASH}


def test_the_own_route_is_taken_with_the_labels_that_it_has():
    own = {"metadata": owned(experiment()) | {"labels": {"team": "search"}}}
    selected = by_label(matchLabels={"team": "search"})
    assert SECURITY_POLICY in copies(seen(selected))
    assert SECURITY_POLICY not in copies(seen(selected, own=own))


def test_our_own_copies_are_nobodys_policies():
    ours = policy(name="ranker-mexp", targetRefs=[OWN], **JWT)
    ours["metadata"] |= owned(experiment())
    assert find_uncarried(seen(ours)) is None
    assert copies(seen(ours)) == {BACKEND_TRAFFIC_POLICY: HASH}


def traffic(**spec):
    return BACKEND_TRAFFIC_POLICY, policy(kind="BackendTrafficPolicy", name="retries", **{"targetRef": RANKER, **spec})


UNCARRIED = [
    pytest.param(
        [(ODD, policy(kind="Quota", name="daily", targetRef={**RANKER, "sectionName": "side"}))],
        "Quota daily (its kind is not known)",
        id="a kind that is not known, whatever a section means there",
    ),
    pytest.param(
        [policy(targetRef=RANKER, oidc={})],
        "SecurityPolicy members-only (oidc: a login is known to one policy only)",
        id="a login",
    ),
    pytest.param(
        [traffic(rateLimit={})],
        "BackendTrafficPolicy retries (rateLimit: two routes would let twice as much pass)",
        id="a rate limit",
    ),
    pytest.param(
        [traffic(bandwidthLimit={})],
        "BackendTrafficPolicy retries (bandwidthLimit: two routes would let twice as much pass)",
        id="a bandwidth limit",
    ),
    pytest.param(
        [traffic(loadBalancer={"type": "RoundRobin"})],
        "BackendTrafficPolicy retries (loadBalancer: it must hash x-user-id or be absent)",
        id="another load balancer",
    ),
    pytest.param(
        [traffic(targetRef={}, targetSelectors=[{"kind": "HTTPRoute"}])],
        "BackendTrafficPolicy retries (it selects the experiment's route too, which must hash x-user-id)",
        id="traffic rules for every route, which would displace the hash",
    ),
    pytest.param(
        [policy(targetRef=RANKER, **JWT), policy(name="also", targetRefs=[{**RANKER, "sectionName": "main"}], **JWT)],
        "SecurityPolicy also (it is one of several of its kind, of which one is in force),"
        " SecurityPolicy members-only (it is one of several of its kind, of which one is in force)",
        id="two of a kind",
    ),
    pytest.param(
        [by_label(namespace="edge", namespaces={"from": "All"})],
        "SecurityPolicy edge/members-only (it stands in another namespace)",
        id="one that selects routes of all namespaces",
    ),
    pytest.param(
        [policy(namespace="edge", targetRef={**RANKER, "namespace": "shop"})],
        "SecurityPolicy edge/members-only (it stands in another namespace)",
        id="one that names a route of another namespace",
    ),
    pytest.param(
        [by_label(matchLabels={"app": "ranker"}, namespaces={"from": "Selector", "selector": {}})],
        "SecurityPolicy members-only (it selects namespaces)",
        id="one that depends on labels of the namespace",
    ),
    pytest.param(
        [policy(targetRefs=[{**OWN, "sectionName": "main"}])],
        "SecurityPolicy members-only (it is attached to the experiment's own route)",
        id="a stranger's on the own route, which would displace the copy",
    ),
    pytest.param(
        [policy(targetRef=RANKER, oidc={}), (ODD, policy(kind="Quota", name="daily", targetRef=RANKER)), traffic()],
        "Quota daily (its kind is not known), SecurityPolicy members-only (oidc: a login is known to one policy only)",
        id="every one of them, and none that can be carried",
    ),
]


@pytest.mark.parametrize(("attached", "found"), UNCARRIED)
def test_what_cannot_be_carried_is_named_with_the_reason(attached, found):
    assert find_uncarried(seen(*attached)) == Obstacle(
        "PolicyNotCarried",
        "HTTPRoute ranker must have no policy that the experiment's route cannot carry, or requests would bypass it;"
        f" found {found}. Attach it to the Gateway instead",
    )


ROUTE = {"metadata": {"name": "ranker-mexp"}, "spec": {"parentRefs": [{"name": "edge"}]}}
SECURED = {**JWT, "targetRefs": [OWN]}
WANTED = {SECURITY_POLICY: SECURED, BACKEND_TRAFFIC_POLICY: HASH}
STANDING = {BACKEND_TRAFFIC_POLICY: {"spec": HASH}}


def copy_of(spec=SECURED, *conditions, generation=1):
    said = {"ancestors": [parent(each) for each in conditions or (condition(),)]}
    return {"metadata": {"generation": generation}, "spec": spec, "status": said}


REFUSED = condition(status="False", reason="Invalid", message="no such key")
WAITS = [
    pytest.param(WANTED, {SECURITY_POLICY: copy_of(), **STANDING}, "", id="nothing"),
    pytest.param(WANTED, {}, "SecurityPolicy ranker-mexp must stand, found none", id="a copy that is not there"),
    pytest.param(
        WANTED,
        {SECURITY_POLICY: copy_of({**SECURED, "cors": {}}), **STANDING},
        "SecurityPolicy ranker-mexp must say what its original says",
        id="a copy to which somebody added something, or from whose original something was taken",
    ),
    pytest.param(
        {BACKEND_TRAFFIC_POLICY: HASH},
        {SECURITY_POLICY: copy_of(), **STANDING},
        "SecurityPolicy ranker-mexp must go, because its original is gone",
        id="a copy without an original",
    ),
    pytest.param(
        WANTED,
        {SECURITY_POLICY: copy_of(generation=2), **STANDING},
        "SecurityPolicy ranker-mexp must be accepted by the gateway, found no word about it yet",
        id="the gateway's word about this version",
    ),
    pytest.param(
        WANTED,
        {SECURITY_POLICY: copy_of(SECURED, REFUSED), **STANDING},
        "SecurityPolicy ranker-mexp must be accepted by the gateway, found Invalid: no such key",
        id="a copy that the gateway refuses",
    ),
    pytest.param(
        {BACKEND_TRAFFIC_POLICY: HASH},
        {BACKEND_TRAFFIC_POLICY: {"spec": {**HASH, "loadBalancer": {"type": "RoundRobin"}}}},
        "BackendTrafficPolicy ranker-mexp must say what its original says",
        id="the hash",
    ),
    pytest.param(
        {BACKEND_TRAFFIC_POLICY: HASH},
        {BACKEND_TRAFFIC_POLICY: {"spec": {**HASH, "loadBalancer": {**HASHES, "default": 1}}}},
        "",
        id="nothing, where the API server completed the hash",
    ),
]


@pytest.mark.parametrize(("wanted", "found", "missing"), WAITS)
def test_the_own_route_waits_for(wanted, found, missing):
    assert waits_for(ROUTE, wanted, found) == missing


def test_every_parent_of_the_route_must_have_accepted_a_copy():
    two = {**ROUTE, "spec": {"parentRefs": [{"name": "edge"}, {"name": "other"}]}}
    assert waits_for(two, WANTED, {SECURITY_POLICY: copy_of(), **STANDING}).endswith("found no word about it yet")
    assert not waits_for(two, WANTED, {SECURITY_POLICY: copy_of(SECURED, condition(), condition()), **STANDING})
