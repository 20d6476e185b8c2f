"""The own route: made from the user's, recognised again, and what the gateway says about it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from given.deciding import experiment
from model_experiment.assignment import Assignment, Share
from model_experiment.decision.route import Obstacle, Open, Parked, Seen
from model_experiment.routing.asking import NO_VALUE
from model_experiment.routing.own_http_route import parked_as_it_stands, policy_spec, render_spec, with_header
from model_experiment.routing.own_objects import TAKEN_BACK, WRITTEN, contains, digest, stands
from model_experiment.routing.seen_http_route import gateway_says, seen
from routing.manifests import GATEWAY, V7, V8, condition, parent, user_route

SPLIT = Assignment(101, (Share("v8", 50), Share("v7", 51)))
ASKED = {"type": "RegularExpression", "name": "x-user-id", "value": ".+"}
NOBODY = {**ASKED, "value": r"\b\B"}
REQUEST, RESPONSE = "RequestHeaderModifier", "ResponseHeaderModifier"


def sets(kind, *, adds=(), **headers):
    """A header filter; x_a="1" sets x-a."""
    names = [{"name": name.replace("_", "-"), "value": value} for name, value in headers.items()]
    return {"type": kind, kind[0].lower() + kind[1:]: {**({"add": [*adds]} if adds else {}), "set": names}}


def marks(variant, kind=REQUEST):
    return sets(kind, **({"x_experiment": "shop/ranker"} if kind == REQUEST else {}), x_variant=variant)


def variant(reference, name, weight, filters=None):
    """A backend of the own route, as it must be written."""
    given = filters or [marks(name), marks(name, RESPONSE)]
    return {"group": "", "kind": "Service", **reference, "weight": weight, "filters": given}


BACKENDS = [variant(V8, "v8", 50), variant(V7, "v7", 51)]
ROOT = {"path": {"type": "PathPrefix", "value": "/"}}


def render(route, step=None, **changes):
    return render_spec(experiment(**changes), route, route["spec"]["rules"][0], step or Open(SPLIT))


def test_everybody_with_the_header_is_split_and_everybody_is_told_by_whom():
    assert render(user_route()) == {
        "parentRefs": [GATEWAY],
        "rules": [{"matches": [{**ROOT, "headers": [ASKED]}], "backendRefs": BACKENDS}],
    }


def test_a_parked_route_is_the_same_but_asks_for_a_value_that_nobody_can_send():
    parked = render(user_route(), Parked(SPLIT))
    assert parked["rules"] == [{"matches": [{**ROOT, "headers": [NOBODY]}], "backendRefs": BACKENDS}]
    assert parked_as_it_stands(render(user_route()), "x-user-id") == parked


API, BETA = {"path": {"type": "Exact", "value": "/api"}}, {"name": "x-beta", "value": "1"}
RULES = [
    pytest.param({"matches": []}, {"matches": [{**ROOT, "headers": [ASKED]}]}, id="no match means every path"),
    pytest.param(
        {"matches": [{**API, "method": "GET", "headers": [BETA]}, ROOT]},
        {"matches": [{**API, "method": "GET", "headers": [BETA, ASKED]}, {**ROOT, "headers": [ASKED]}]},
        id="every match asks for the header in addition",
    ),
    pytest.param({"name": "main"}, {"name": "main"}, id="the name of the rule"),
    pytest.param(
        {"timeouts": {"request": "3s"}, "retry": {"attempts": 2, "codes": [503]}},
        {"timeouts": {"request": "3s"}, "retry": {"attempts": 2, "codes": [503]}},
        id="timeouts and retries",
    ),
    pytest.param({"filters": [sets(REQUEST, x_a="1")]}, {"filters": [sets(REQUEST, x_a="1")]}, id="filters"),
]


@pytest.mark.parametrize(("users", "carried"), RULES)
def test_what_the_users_rule_says_is_carried(users, carried):
    route = user_route()
    route["spec"]["rules"][0] |= users
    (rule,) = render(route)["rules"]
    plain = {"matches": [{**ROOT, "headers": [ASKED]}], "backendRefs": BACKENDS}
    assert rule == {**plain, **carried}


MIRROR = {"type": "RequestMirror", "requestMirror": {"backendRef": V8}}
FILTERS = [
    pytest.param(
        [sets(REQUEST, x_a="1")],
        [sets(REQUEST, x_a="1", x_experiment="shop/ranker", x_variant="v8"), marks("v8", RESPONSE)],
        id="one of the same kind is extended",
    ),
    pytest.param(
        [sets(RESPONSE, adds=[{"name": "x-b", "value": "2"}])],
        [marks("v8"), sets(RESPONSE, adds=[{"name": "x-b", "value": "2"}], x_variant="v8")],
        id="what it adds stays beside what we set",
    ),
    pytest.param(
        [sets(REQUEST, X_Variant="champion")],
        [marks("v8"), marks("v8", RESPONSE)],
        id="our own headers win, in any case of letters",
    ),
    pytest.param(
        [sets(REQUEST, adds=[{"name": "X-Variant", "value": "v7"}])],
        [marks("v8"), marks("v8", RESPONSE)],
        id="and over what is added: the gateway sets no header that a filter adds",
    ),
    pytest.param([MIRROR], [MIRROR, marks("v8"), marks("v8", RESPONSE)], id="another kind is kept"),
]


@pytest.mark.parametrize(("users", "ours"), FILTERS)
def test_filters_of_the_users_backend_are_merged_with_ours(users, ours):
    (rule,) = render(user_route(backendRefs=[{**V7, "filters": users}]))["rules"]
    assert rule["backendRefs"][0]["filters"] == ours


OURS = [
    sets(REQUEST, adds=[{"name": "X-Variant", "value": "v7"}], x_a="1", X_Experiment="mine"),
    {
        "type": RESPONSE,
        "responseHeaderModifier": {"set": [{"name": "x-variant", "value": "v7"}], "remove": ["X-Variant"]},
    },
    MIRROR,
]
WITHOUT_OURS = [sets(REQUEST, x_a="1"), MIRROR]


def test_the_users_rule_does_not_say_who_answers_because_envoy_applies_it_after_the_backend():
    (rule,) = render(user_route(filters=OURS))["rules"]
    assert rule["filters"] == WITHOUT_OURS


def test_where_each_variant_has_a_rule_of_its_own_its_backend_does_not_say_who_answers():
    by = {"unit": "User", "header": "x-user-id", "by": "DecimalSuffix"}
    step = Open(Assignment(100, (Share("v8", 50), Share("v7", 50))))
    for rule in render(user_route(backendRefs=[{**V7, "filters": OURS}]), step, assignment=by)["rules"]:
        assert rule["backendRefs"][0]["filters"] == WITHOUT_OURS


def test_hostnames_are_carried():
    assert render(user_route(spec={"hostnames": ["shop.example"]}))["hostnames"] == ["shop.example"]


def test_a_backend_of_another_kind_needs_no_port():
    reference = {"group": "serving.example", "kind": "Model", "name": "ranker-v8"}
    (rule,) = render(user_route(), challengers=[{"name": "v8", "backendRef": reference}])["rules"]
    assert rule["backendRefs"][0] == {**reference, "weight": 50, "filters": [marks("v8"), marks("v8", RESPONSE)]}


def test_rendering_leaves_the_users_route_as_it_was():
    route = user_route(filters=[MIRROR], backendRefs=[{**V7, "filters": [sets(REQUEST, x_a="1")]}])
    rendered = render(route)
    rendered["rules"][0]["filters"].clear()
    rendered["rules"][0]["backendRefs"][0]["filters"][0]["requestHeaderModifier"]["set"].clear()
    assert route == user_route(filters=[MIRROR], backendRefs=[{**V7, "filters": [sets(REQUEST, x_a="1")]}])


def test_a_match_asks_for_the_header_in_addition_and_is_not_changed_itself():
    match = {"headers": [BETA]}
    assert with_header(match, "x-user-id", ".+") == {"headers": [BETA, ASKED]}
    assert match == {"headers": [BETA]}


def test_the_policy_hashes_the_header_of_the_own_route_alone():
    assert policy_spec(experiment(assignment={"header": "x-shopper"})) == {
        "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "ranker-mexp"}],
        "mergeType": "StrategicMerge",
        "loadBalancer": {
            "type": "ConsistentHash",
            "consistentHash": {"type": "Header", "header": {"name": "x-shopper"}},
        },
    }


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=1), inner, max_size=3),
    max_leaves=8,
)


def with_defaults(document):
    """What an API server makes of a document: every object has one more field."""
    match document:
        case dict():
            return {**{key: with_defaults(value) for key, value in document.items()}, "default": 1}
        case list():
            return [with_defaults(value) for value in document]
        case _:
            return document


@given(DOCUMENTS)
def test_what_was_written_is_found_again_beneath_defaults(document):
    assert contains(document, document)
    assert contains(with_defaults(document), document)


@given(DOCUMENTS, DOCUMENTS)
def test_two_documents_that_hold_each_other_are_equal(one, other):
    assert (contains(one, other) and contains(other, one)) == (one == other)


DIFFERENT = [
    pytest.param({"a": 2}, {"a": 1}, id="another value"),
    pytest.param({}, {"a": None}, id="a field that is gone"),
    pytest.param([1], [1, 2], id="a shorter list"),
    pytest.param([1, 2, 3], [1, 2], id="a longer list"),
    pytest.param([2, 1], [1, 2], id="another order"),
    pytest.param([1], {"a": 1}, id="another shape"),
]


@pytest.mark.parametrize(("found", "wanted"), DIFFERENT)
def test_what_differs_is_not_found(found, wanted):
    assert not contains(found, wanted)


def own_route(step=None, *, spec=None, parents=None, annotations=None, generation=1):
    return {
        "metadata": {
            "namespace": "shop",
            "generation": generation,
            **({"annotations": annotations} if annotations else {}),
        },
        "spec": spec or render(user_route(), step),
        "status": {"parents": [parent(condition(), condition("ResolvedRefs"))] if parents is None else parents},
    }


def own_policy(*conditions, generation=1):
    said = conditions or (condition(),)
    return {"metadata": {"name": "ranker-mexp", "generation": generation}, "status": {"ancestors": [parent(*said)]}}


def edited(route, **fields):
    """The own route after somebody changed fields of its rule."""
    return {**route, "spec": {**route["spec"], "rules": [{**route["spec"]["rules"][0], **fields}]}}


READINGS = [
    pytest.param(own_route(Open(SPLIT)), Seen(Open(SPLIT), settled=True), id="open"),
    pytest.param(own_route(Parked(SPLIT)), Seen(Parked(SPLIT), settled=True), id="parked"),
    pytest.param(
        own_route(Parked(SPLIT), annotations={TAKEN_BACK: "Rollback|Harm|it fails"}),
        Seen(Parked(SPLIT), settled=True, taken_back="Rollback|Harm|it fails"),
        id="parked, with the reason of a take-back",
    ),
    pytest.param(
        edited(own_route(Parked(SPLIT)), matches=[ROOT]),
        Seen(Open(SPLIT), settled=True),
        id="open, where somebody took our header out of a parked route",
    ),
    pytest.param(
        edited(own_route(), backendRefs=[{**V7, "weight": 1}, {"name": "stranger"}]),
        Seen(Open(Assignment(2, (Share("v7", 1), Share("unknown:stranger", 1)))), settled=True),
        id="a stranger's backend, under its own name and with the weight of nothing said",
    ),
]


@pytest.mark.parametrize(("own", "reading"), READINGS)
def test_the_own_route_is_read_as(own, reading):
    assert seen(own, own_policy(), experiment()) == reading


MISSING = {"status": "False", "reason": "BackendNotFound", "message": "no ranker-v8"}
EMPTY = {"status": "False", "reason": "EndpointsNotFound", "message": "no endpoints for the Service shop/ranker-v7."}
TAKE = "the gateway must take the experiment's route, found "
WORDS = [
    pytest.param(own_route(), own_policy(), (True, None), id="both are accepted"),
    pytest.param(own_route(parents=[]), own_policy(), (False, None), id="nobody has said anything about the route"),
    pytest.param(
        own_route(),
        None,
        (True, Obstacle("PolicyMissing", "the policy that hashes the assignment header must stand, found none")),
        id="there is no policy",
    ),
    pytest.param(
        own_route(),
        {"metadata": {"name": "ranker-mexp", "generation": 1}},
        (False, None),
        id="the policy has no status",
    ),
    pytest.param(
        own_route(parents=[parent()]), own_policy(condition("Merged")), (False, None), id="nothing that counts"
    ),
    pytest.param(own_route(generation=2), own_policy(), (False, None), id="the words are about an older route"),
    pytest.param(own_route(), own_policy(generation=2), (False, None), id="the words are about an older policy"),
    pytest.param(
        own_route(parents=[parent(condition()), parent(condition(generation=0))]),
        own_policy(),
        (False, None),
        id="one of two parents lags behind",
    ),
    pytest.param(
        own_route(parents=[parent(condition(), condition("ResolvedRefs", **MISSING))]),
        own_policy(),
        (True, Obstacle("BackendNotResolved", f"{TAKE}BackendNotFound: no ranker-v8")),
        id="a backend is missing",
    ),
    pytest.param(
        own_route(parents=[parent(condition()), parent(condition("ResolvedRefs", **MISSING))]),
        own_policy(condition(status="False", reason="Conflicted", message="another policy")),
        (
            True,
            Obstacle("BackendNotResolved", f"{TAKE}BackendNotFound: no ranker-v8; {TAKE}Conflicted: another policy"),
        ),
        id="everything that is wrong is told, of any parent and of the policy",
    ),
    pytest.param(
        own_route(parents=[parent(condition(), condition("BackendsAvailable", **EMPTY))]),
        own_policy(),
        (True, Obstacle("BackendNotReady", f"{TAKE}EndpointsNotFound: no endpoints for the Service shop/ranker-v7.")),
        id="a backend has no endpoints",
    ),
    pytest.param(
        own_route(
            parents=[
                parent(condition("Accepted", **MISSING), ref={**GATEWAY, "sectionName": "htps"}),
                parent(condition()),
            ]
        ),
        own_policy(),
        (True, None),
        id="an old word about a parent that the route names no more does not count",
    ),
    pytest.param(
        own_route(parents=[parent(condition(), ref={**GATEWAY, "sectionName": "https"})]),
        own_policy(),
        (False, None),
        id="a word about a listener is none about the gateway as a whole",
    ),
    pytest.param(
        own_route(parents=[parent(condition(), ref={"kind": "Gateway", "namespace": "shop", "name": "edge"})]),
        own_policy(),
        (True, None),
        id="a parent that is named with its defaults is the same",
    ),
    pytest.param(
        own_route(parents=[parent(condition("PartiallyInvalid", **MISSING), condition())]),
        own_policy(),
        (True, None),
        id="other conditions do not count",
    ),
]


@pytest.mark.parametrize(("own", "policy", "says"), WORDS)
def test_the_gateway_says(own, policy, says):
    assert gateway_says(own, policy, needs_policy=True) == says


def test_two_ports_of_one_service_are_two_variants():
    two = {"challengers": [{"name": "v8", "backendRef": {**V7, "port": 9000}}]}
    own = own_route(spec=render(user_route(), **two))
    assert seen(own, own_policy(), experiment(**two)).route == Open(SPLIT)


@pytest.mark.parametrize("field", ["filters", "timeouts", "retry", "hostnames"])
def test_what_the_user_removes_from_the_route_is_a_difference(field):
    before = user_route(filters=[MIRROR], timeouts={"request": "3s"}, retry={"attempts": 2})
    before["spec"]["hostnames"] = ["shop.example"]
    after = user_route(filters=[MIRROR], timeouts={"request": "3s"}, retry={"attempts": 2})
    after["spec"]["hostnames"] = ["shop.example"]
    after["spec"].pop(field, None)
    after["spec"]["rules"][0].pop(field, None)
    own = own_route(spec=render(before))
    own["metadata"]["annotations"] = {WRITTEN: digest(render(before))}
    assert stands(own, render(before), generation=1)
    assert not stands(own, render(after), generation=1)


def test_a_route_that_somebody_added_something_to_does_not_stand():
    wanted = render(user_route())
    own = edited(own_route(spec=wanted, generation=2), filters=[MIRROR])
    own["metadata"]["annotations"] = {WRITTEN: digest(wanted)}
    assert not stands(own, wanted, generation=1)


@pytest.mark.parametrize("match", [ROOT, {**ROOT, "headers": [BETA]}])
def test_a_route_that_somebody_edited_can_be_parked_as_it_stands(match):
    own = edited(own_route(), matches=[match])
    parked = parked_as_it_stands(own["spec"], "x-user-id")
    assert parked["rules"][0]["matches"][0]["headers"][-1] == {**ASKED, "value": NO_VALUE}


def test_filters_are_those_of_the_backend_that_serves():
    resting = {**V8, "weight": 0, "filters": [MIRROR]}
    (rule,) = render(user_route(backendRefs=[resting, V7]))["rules"]
    assert rule["backendRefs"] == BACKENDS
