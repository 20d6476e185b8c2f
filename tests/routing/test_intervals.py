"""Where the gateway cannot hash: a rule for each share, made from the user's rule, and read back."""

import pytest

from given.deciding import experiment
from model_experiment.api.words import By
from model_experiment.assignment import Assignment, Share, assign
from model_experiment.decision.positions import POSITIONS
from model_experiment.decision.route import Obstacle, Open, Parked
from model_experiment.decision.splits import promotion_of
from model_experiment.objects import BACKEND_TRAFFIC_POLICY
from model_experiment.routing import policies, user_virtual_service
from model_experiment.routing.mesh_state import Proxy, mesh_says
from model_experiment.routing.own_http_route import parked_as_it_stands, render_spec
from model_experiment.routing.own_virtual_service import parked_alone, render_delegate
from model_experiment.routing.seen_http_route import seen
from model_experiment.routing.seen_virtual_service import route_of
from model_experiment.routing.user_http_route import find_obstacle
from routing.manifests import GATEWAY, V7, V8, condition, parent, policy, user_route
from routing.virtual_services import champion, delegating, destination
from routing.virtual_services import user_virtual_service as on_virtual_service

BY_HEADER = {"by": "PositionHeader", "positionHeader": "x-position"}
WAYS = [BY_HEADER, {"by": "HexadecimalSuffix"}, {"by": "DecimalSuffix"}]
ON_ISTIO = {"virtualService": {"name": "ranker"}}
SPLIT = Assignment(100, (Share("v8", 10), Share("v7", 90)))
ROOT = {"path": {"type": "PathPrefix", "value": "/"}}


def by(way, **changes):
    return experiment(assignment=way, **changes)


def own_route(step, subject, route=None):
    route = route or user_route()
    return render_spec(subject, route, route["spec"]["rules"][0], step)


def expression(name, value):
    return {"type": "RegularExpression", "name": name, "value": value}


def sets(kind, **headers):
    names = [{"name": name.replace("_", "-"), "value": value} for name, value in headers.items()]
    return {"type": kind, kind[0].lower() + kind[1:]: {"set": names}}


def rule(reference, variant, position):
    return {
        "filters": [
            sets("RequestHeaderModifier", x_experiment="shop/ranker", x_variant=variant),
            sets("ResponseHeaderModifier", x_variant=variant),
        ],
        "matches": [{**ROOT, "headers": [expression("x-position", position), expression("x-user-id", ".+")]}],
        "backendRefs": [{"group": "", "kind": "Service", **reference}],
    }


def test_each_share_has_a_rule_of_its_own_and_no_weight():
    assert own_route(Open(SPLIT), by(BY_HEADER)) == {
        "parentRefs": [GATEWAY],
        "rules": [rule(V8, "v8", "^(0?[0-9])$"), rule(V7, "v7", "^([1-9][0-9])$")],
    }


def test_each_rule_carries_what_the_users_rule_does_but_its_name():
    filters = [sets("RequestHeaderModifier", x_a="1"), {"type": "URLRewrite", "urlRewrite": {"hostname": "a"}}]
    of_backend = [sets("RequestHeaderModifier", x_b="2")]
    users = user_route(
        name="main", timeouts={"request": "3s"}, filters=filters, backendRefs=[{**V7, "filters": of_backend}]
    )
    first, second = own_route(Open(SPLIT), by(BY_HEADER), users)["rules"]
    for made, variant in ((first, "v8"), (second, "v7")):
        assert "name" not in made
        assert made["timeouts"] == {"request": "3s"}
        assert made["filters"] == [
            filters[1],
            sets("RequestHeaderModifier", x_a="1", x_experiment="shop/ranker", x_variant=variant),
            sets("ResponseHeaderModifier", x_variant=variant),
        ]
        assert made["backendRefs"][0]["filters"] == of_backend


def test_the_delegate_has_a_rule_for_each_share_and_one_name_for_all():
    first, second = render_delegate(by(BY_HEADER, routing=ON_ISTIO), champion(timeout="3s"), Open(SPLIT))["http"]
    for made, variant, position in ((first, "v8", "^(0?[0-9])$"), (second, "v7", "^([1-9][0-9])$")):
        assert made == {
            "name": "virtualservice/shop/ranker-mexp",
            "timeout": "3s",
            "match": [{"headers": {"x-user-id": {"regex": ".+"}, "x-position": {"regex": position}}}],
            "route": [
                {
                    **destination(f"ranker-{variant}"),
                    "headers": {
                        "request": {"set": {"x-experiment": "shop/ranker", "x-variant": variant}},
                        "response": {"set": {"x-variant": variant}},
                    },
                }
            ],
        }


FOUR = [{"name": f"v{n}", "backendRef": {"name": f"ranker-v{n}", "port": 8000}, "percent": 10} for n in (8, 9, 10, 11)]


def splits(way):
    modulus = POSITIONS[By(way["by"])]
    four = {each["name"]: each["percent"] for each in FOUR}
    full = assign(modulus=modulus, champion="v7", challengers=four, holdout=50)
    return [
        full,
        assign(modulus=modulus, champion="v7", challengers=four, reached=1, holdout=50),
        promotion_of(full, "v9"),
    ]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way["by"])
@pytest.mark.parametrize("route", [Open, Parked])
def test_what_was_written_is_read_back(way, route):
    changes = {"challengers": FOUR, "targeting": {"holdoutPercent": 50}}
    for split in splits(way):
        step = route(split)
        subject = by(way, **changes)
        manifest = {"metadata": {"namespace": "shop", "generation": 1}, "spec": own_route(step, subject)}
        assert seen(manifest, None, subject).route == step
        on_istio = by(way, routing=ON_ISTIO, **changes)
        assert route_of({"spec": render_delegate(on_istio, champion(), step)}, on_istio) == step


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way["by"])
def test_a_take_back_parks_every_rule_as_it_stands_and_may_be_repeated(way):
    subject = by(way)
    parked = parked_as_it_stands(own_route(Open(SPLIT), subject), "x-user-id")
    assert parked == own_route(Parked(SPLIT), subject) == parked_as_it_stands(parked, "x-user-id")


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way["by"])
def test_a_route_with_one_open_rule_is_open(way):
    subject = by(way)
    opened, parked = (own_route(step, subject)["rules"] for step in (Open(SPLIT), Parked(SPLIT)))
    manifest = {"metadata": {"namespace": "shop", "generation": 1}, "spec": {"rules": [parked[0], opened[1]]}}
    assert isinstance(seen(manifest, None, subject).route, Open)


EDITS = [
    pytest.param(lambda rules: rules.reverse(), id="the rules change places"),
    pytest.param(lambda rules: rules.pop(), id="a rule is gone"),
    pytest.param(lambda rules: rules[0].update(matches=[]), id="a rule asks for nothing"),
    pytest.param(lambda rules: rules[0].update(backendRefs=[]), id="a rule has no backend"),
    pytest.param(lambda rules: rules[0]["backendRefs"].append({**V7}), id="a rule has two"),
    pytest.param(lambda rules: rules[0]["backendRefs"][0].update(name="other"), id="a stranger's backend"),
]


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_route_is_not_the_one_that_is_wanted(edit):
    subject = by({"by": "DecimalSuffix"})
    spec = own_route(Open(SPLIT), subject)
    edit(spec["rules"])
    assert (
        seen({"metadata": {"namespace": "shop", "generation": 1}, "spec": spec}, None, subject).route.assignment
        != SPLIT
    )


def test_an_edited_delegate_can_still_be_taken_back():
    subject = by({"by": "DecimalSuffix"}, routing=ON_ISTIO)
    spec = render_delegate(subject, champion(), Open(SPLIT))
    for made in spec["http"]:
        made["match"] = [{"headers": {"x-user-id": {"regex": "^.*([0-9][0-9])$"}}}]
        made["route"][0]["destination"]["host"] = "stranger"
    found = route_of({"spec": spec}, subject)
    parked = {"spec": parked_alone(subject, Parked(found.assignment), {"spec": spec})}
    assert isinstance(route_of(parked, subject), Parked)


def test_no_policy_is_needed_and_a_load_balancer_of_the_users_is_carried():
    assert policies.copies(of_user({})) == {}
    balanced = {"targetRefs": [TARGET], "loadBalancer": {"type": "RoundRobin"}}
    carried = policies.copies(of_user(balanced))[BACKEND_TRAFFIC_POLICY]
    assert carried["loadBalancer"] == {"type": "RoundRobin"}
    assert policies.find_uncarried(of_user(balanced)) is None


TARGET = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "ranker"}


def of_user(spec):
    route = user_route()
    found = [(BACKEND_TRAFFIC_POLICY, policy(kind="BackendTrafficPolicy", **spec))] if spec else []
    return policies.Policies(by({"by": "DecimalSuffix"}), route, route["spec"]["rules"][0], None, found)


def test_a_route_without_a_policy_is_settled_by_its_gateway_alone():
    subject = by(BY_HEADER)
    manifest = {
        "metadata": {"namespace": "shop", "generation": 1},
        "spec": own_route(Open(SPLIT), subject),
        "status": {"parents": [parent(condition())]},
    }
    read = seen(manifest, None, subject)
    assert (read.settled, read.problem) == (True, None)


MATCHES = [{"path": {"type": "Exact", "value": f"/{number}"}} for number in range(64)]
REFUSED = [
    pytest.param(
        {"challengers": FOUR, "targeting": {"holdoutPercent": 50}},
        MATCHES[:17],
        "have more than 16 matches, because a route has 128 at most and the experiment repeats them in 8 rules,"
        " found 17",
        id="too many matches to repeat for each share",
    ),
    pytest.param(
        {},
        [{"headers": [{"name": "X-Position", "value": "1"}]}],
        "match the assignment header x-position itself",
        id="the position header",
    ),
]


@pytest.mark.parametrize(("changes", "matches", "fault"), REFUSED)
def test_what_cannot_be_repeated_is_said(changes, matches, fault):
    found = find_obstacle(by(BY_HEADER, **changes), user_route(matches=matches), policies=[])
    assert found == Obstacle("RuleNotSupported", f"the rule of HTTPRoute ranker must not {fault}")


def test_as_many_matches_as_fit_are_fine():
    assert find_obstacle(by(BY_HEADER), user_route(matches=MATCHES), policies=[]) is None


def test_in_istios_mesh_positions_need_no_gateway():
    route = on_virtual_service(delegating(), champion(), gateways=["mesh"])
    subject = by(BY_HEADER, routing=ON_ISTIO)
    assert user_virtual_service.find_obstacle(subject, route, gateways=[]) is None


def envoy_routes(spec):
    """The Envoy routes that istiod makes of a delegate with a rule for each share."""
    return tuple(
        {
            "name": f"experiment-{made['name']}",
            "match": {"prefix": "/", "headers": [_asked(name, value) for name, value in headers.items()]},
            "route": {"cluster": f"outbound|8000||{made['route'][0]['destination']['host']}.shop.svc.cluster.local"},
        }
        for made in spec["http"]
        for headers in [made["match"][0]["headers"]]
    )


def _asked(name, value):
    return {"name": name, "stringMatch": {"safeRegex": {"regex": value["regex"]}}}


LATE = "edge.gateways must serve the experiment's route as written, found: "
ROUTES = [
    pytest.param(lambda routes: routes, "", id="as written"),
    pytest.param(lambda routes: routes * 2, "", id="for each match of the root"),
    pytest.param(lambda routes: routes[:1], f"{LATE}it lacks 1 of 2 rules", id="a rule is missing"),
    pytest.param(
        lambda routes: ({**routes[0], "route": {"cluster": "outbound|8000||other.shop.svc"}}, routes[1]),
        f"{LATE}it splits [('other.shop.svc', 0)]",
        id="another destination",
    ),
]


@pytest.mark.parametrize(("change", "problem"), ROUTES)
def test_what_a_proxy_has_is_compared_rule_by_rule(change, problem):
    subject = by(BY_HEADER, routing=ON_ISTIO)
    spec = render_delegate(subject, champion(), Open(SPLIT))
    proxy = Proxy("edge.gateways", {"istio": "edge"}, change(envoy_routes(spec)), confirmed=True, acknowledged=True)
    expected = Obstacle("RouteNotEffective", problem) if problem else None
    assert mesh_says(subject, {"spec": spec}, [proxy], is_late=True) == (True, expected)
