from dataclasses import replace

import pytest

from collector.collecting import CLUSTER, RANKER, ROUTE, entry, user_of, users_of
from model_experiment.api.words import By
from model_experiment.assignment import HOLDOUT, assign
from model_experiment.collector.catalogue import catalogue_of
from model_experiment.collector.entries import Bypass, Request, Unattributed, read_bypass, read_entry

ROUTES = catalogue_of([RANKER]).by_route
MEETS_V8, MEETS_V7 = user_of("v8"), user_of("v7")


def request(user=MEETS_V8, variant="v8", *, code=200, milliseconds=5):
    return Request(
        counted=RANKER, variant=variant, user=user, code=code, nanoseconds=milliseconds * 1_000_000, started=1000.0
    )


COUNTED = [
    pytest.param(entry(MEETS_V8), request(), id="the response header says which variant answered"),
    pytest.param(
        entry(MEETS_V8, headers={"x-variant": "v7", "x-experiment": "shop/other"}),
        request(),
        id="headers of the request are not believed",
    ),
    pytest.param(entry(MEETS_V8, code=503), request(code=503), id="a server error is the variant's own"),
    pytest.param(
        entry(MEETS_V8, code=503, cluster="", flags=["no_healthy_upstream"]),
        request(code=503),
        id="a variant without a healthy endpoint has failed, although no upstream cluster is named",
    ),
    pytest.param(
        entry(MEETS_V8, code=504, milliseconds=15_000, flags=["upstream_request_timeout"]),
        request(code=504, milliseconds=15_000),
        id="an answer that Envoy gives itself after a timeout is the variant's",
    ),
    pytest.param(
        entry(MEETS_V8, variant="", code=0, cluster=CLUSTER.format(0), milliseconds=9000),
        request(code=0, milliseconds=9000),
        id="a client that gave up before the response met the variant of the upstream cluster",
    ),
    pytest.param(
        entry(MEETS_V7, variant="", code=0, cluster=CLUSTER.format(1)),
        request(MEETS_V7, "v7", code=0),
        id="the upstream cluster's index follows the order of the route",
    ),
    pytest.param(
        entry(MEETS_V8, variant="v7"),
        request(variant="v7"),
        id="another variant than the assigned one counts as Envoy reports it",
    ),
    pytest.param(
        entry("é,ü", variant="v8"), request("é,ü"), id="a user is any text, also two headers that Envoy joined"
    ),
]


@pytest.mark.parametrize(("written", "expected"), COUNTED)
def test_an_entry_tells_who_met_which_variant(written, expected):
    assert read_entry(written, ROUTES) == expected


SHARED = replace(RANKER, shared_route="edge/rule/0")
OF_SHARED = "httproute/shop/edge/rule/{}/match/0/*"


@pytest.mark.parametrize(
    ("written", "variant"),
    [
        pytest.param(entry(MEETS_V8, route=OF_SHARED.format(0)), "v8", id="its first rule"),
        pytest.param(
            entry(MEETS_V8, "", code=0, route=OF_SHARED.format(0), cluster="httproute/shop/edge/rule/0/backend/0"),
            "v8",
            id="no response: the cluster of its first rule",
        ),
    ],
)
def test_on_a_shared_route_the_first_rule_is_the_experiments(written, variant):
    assert read_entry(written, {SHARED.route: SHARED}).variant == variant


@pytest.mark.parametrize("rule", ["1", "10", "01"])
def test_other_rules_of_a_shared_route_are_not(rule):
    assert read_entry(entry(MEETS_V8, route=OF_SHARED.format(rule)), {SHARED.route: SHARED}) is None


UNATTRIBUTED = [
    pytest.param(entry(), Unattributed.NO_USER, id="no user header"),
    pytest.param(entry("", variant="v8"), Unattributed.NO_USER, id="an empty user header"),
    pytest.param(entry("u" * 257), Unattributed.UNUSABLE_USER, id="a user of more than 256 characters"),
    pytest.param(entry("a\0b"), Unattributed.UNUSABLE_USER, id="a user with NUL"),
    pytest.param(entry(MEETS_V8, variant="v9"), Unattributed.UNKNOWN_VARIANT, id="a variant nobody declared"),
    pytest.param(
        entry(MEETS_V8, variant="", code=0, cluster="httproute/shop/ranker-mexp/rule/0"),
        Unattributed.UNKNOWN_VARIANT,
        id="no response, and a cluster of the whole rule",
    ),
    pytest.param(
        entry(MEETS_V8, variant="", code=0, cluster=CLUSTER.format(2)),
        Unattributed.UNKNOWN_VARIANT,
        id="no response, and an index beyond the last variant",
    ),
    pytest.param(
        entry(MEETS_V8, variant="", code=0, cluster=CLUSTER.format("9" * 5000)),
        Unattributed.UNKNOWN_VARIANT,
        id="no response, and an index that no integer can hold",
    ),
    pytest.param(
        entry(MEETS_V8, variant="", code=0, cluster="httproute/shop/other-mexp/rule/0/backend/0"),
        Unattributed.UNKNOWN_VARIANT,
        id="no response, and a cluster of another route",
    ),
    pytest.param(
        entry(MEETS_V8, code=500, cluster="", flags=["no_cluster_found"]),
        Unattributed.NO_UPSTREAM_CLUSTER,
        id="the route named a cluster that was not there yet",
    ),
    pytest.param(
        entry(MEETS_V8, variant="", code=401, cluster=""),
        Unattributed.NO_UPSTREAM_CLUSTER,
        id="a filter refused the request before any variant met it",
    ),
]


@pytest.mark.parametrize(("written", "reason"), UNATTRIBUTED)
def test_an_entry_that_counts_for_no_variant_says_why(written, reason):
    assert read_entry(written, ROUTES) is reason


ON_ISTIO = replace(RANKER, services=(("ranker-v7", "v7"), ("ranker-v8", "v8")))
ISTIO_ROUTES = catalogue_of([ON_ISTIO]).by_route
ISTIO_CLUSTER = "outbound|8000||ranker-{}.shop.svc.cluster.local"


@pytest.mark.parametrize("root", ["", "main-", "any/name of the user's-virtualservice/x-"])
@pytest.mark.parametrize("variant", ["v7", "v8"])
def test_on_istio_the_route_is_named_behind_any_rule_of_the_users_and_the_cluster_by_the_service(root, variant):
    route = f"{root}virtualservice/shop/ranker-mexp"
    for said in (variant, ""):
        written = entry(user_of(variant), said, route=route, cluster=ISTIO_CLUSTER.format(variant))
        assert read_entry(written, ISTIO_ROUTES) == replace(request(user_of(variant), variant), counted=ON_ISTIO)


def test_on_istio_a_service_of_no_variant_counts_for_none():
    written = entry(MEETS_V8, "", route="virtualservice/shop/ranker-mexp", cluster=ISTIO_CLUSTER.format("v9"))
    assert read_entry(written, ISTIO_ROUTES) is Unattributed.UNKNOWN_VARIANT


HELD_OUT = replace(
    RANKER,
    assignment=assign(modulus=100_003, champion="v7", challengers={"v8": 50}, holdout=20),
    services=ON_ISTIO.services,
)
OUTSIDER = next(iter(users_of(HOLDOUT, counted=HELD_OUT)))
HELD_OUT_ROUTES = catalogue_of([HELD_OUT]).by_route


@pytest.mark.parametrize(
    ("route", "cluster"),
    [
        pytest.param(ROUTE, CLUSTER.format(2), id="on Envoy Gateway, by the place of their share"),
        pytest.param("virtualservice/shop/ranker-mexp", ISTIO_CLUSTER.format("v7"), id="on Istio, at the champion's"),
    ],
)
@pytest.mark.parametrize("code", [200, 0])
def test_those_who_are_held_out_count_for_nobody(route, cluster, code):
    written = entry(OUTSIDER, "", route=route, cluster=cluster, code=code)
    assert read_entry(written, HELD_OUT_ROUTES) is None


def test_users_of_the_champion_whose_request_broke_off_still_count_beside_a_holdout():
    user = next(iter(users_of("v7", counted=HELD_OUT)))
    written = entry(user, "", route="virtualservice/shop/ranker-mexp", cluster=ISTIO_CLUSTER.format("v7"), code=0)
    read = read_entry(written, HELD_OUT_ROUTES)
    assert isinstance(read, Request)
    assert (read.variant, read.is_as_assigned) == ("v7", True)


def test_a_promotion_reaches_those_who_were_held_out_too():
    read = read_entry(entry(OUTSIDER, "v8"), HELD_OUT_ROUTES)
    assert isinstance(read, Request)
    assert read.variant == "v8"


BY_POSITION = replace(
    RANKER,
    assignment=assign(modulus=100, champion="v7", challengers={"v8": 50}),
    by=By.POSITION_HEADER,
    position_header="x-position",
)
BY_SUFFIX = replace(BY_POSITION, by=By.DECIMAL_SUFFIX, position_header="")
POSITIONS = [
    pytest.param(BY_POSITION, "anna", {"x-position": "7"}, "v8", True, id="where the header says"),
    pytest.param(BY_POSITION, "anna", {"x-position": "07"}, "v7", False, id="not where the header says"),
    pytest.param(BY_POSITION, "anna", {}, "v7", True, id="a log without the header, so nobody can say"),
    pytest.param(BY_POSITION, "anna", {"x-position": "7.5"}, "v7", True, id="a header that is no position"),
    pytest.param(BY_SUFFIX, "user-49", {"x-position": "7"}, "v8", True, id="where the user's end says"),
    pytest.param(BY_SUFFIX, "user-50", {}, "v8", False, id="not where the user's end says"),
    pytest.param(BY_SUFFIX, "anna", {}, "v8", True, id="a user without a position"),
]


@pytest.mark.parametrize(("counted", "user", "headers", "variant", "as_assigned"), POSITIONS)
def test_without_a_hash_the_position_says_which_variant_to_expect(counted, user, headers, variant, as_assigned):
    read = read_entry(entry(user, variant, headers=headers), catalogue_of([counted]).by_route)
    assert isinstance(read, Request)
    assert (read.variant, read.is_as_assigned) == (variant, as_assigned)


@pytest.mark.parametrize("backend", ["", "/backend/0"])
def test_without_a_hash_each_share_has_a_rule_of_its_own(backend):
    for rule, variant in enumerate(("v8", "v7")):
        cluster = f"httproute/shop/ranker-mexp/rule/{rule}{backend}"
        read = read_entry(entry("user-07", "", code=0, cluster=cluster), catalogue_of([BY_SUFFIX]).by_route)
        assert isinstance(read, Request)
        assert read.variant == variant


@pytest.mark.parametrize("rule", [0, 12])
def test_a_route_that_istio_makes_of_an_http_route_is_known(rule):
    written = entry(MEETS_V8, route=f"shop.ranker-mexp.{rule}")
    assert read_entry(written, ROUTES) == request()


OTHERS = [
    pytest.param("main-virtualservice/shop/ranker", id="the user's own route on Istio"),
    pytest.param("main-virtualservice/shop/other-mexp", id="an experiment nobody knows on Istio"),
    pytest.param("mainvirtualservice/shop/ranker-mexp", id="a name that only ends like one of Istio's"),
    pytest.param("httproute/shop/ranker/rule/0/match/0/*", id="the user's own route"),
    pytest.param("httproute/shop/other-mexp/rule/0/match/0/*", id="an experiment nobody knows"),
    pytest.param("httproute/other/ranker-mexp/rule/0/match/0/*", id="the same name in another namespace"),
    pytest.param("grpcroute/shop/ranker-mexp/rule/0/match/0/*", id="another kind of route"),
    pytest.param("httproute/shop/ranker-mexp", id="a name that is too short"),
    pytest.param("", id="no route at all"),
]


@pytest.mark.parametrize("route", OTHERS)
def test_an_entry_of_another_route_is_ignored(route):
    assert read_entry(entry(MEETS_V8, route=route), ROUTES) is None


BESIDE = replace(RANKER, services=(("ranker-v7", "v7"),), user_route="ranker")
USER_ROUTE = "httproute/shop/ranker/rule/0/match/0/*"
BYPASSES = [
    pytest.param(entry(MEETS_V8, route=USER_ROUTE), Bypass(BESIDE, MEETS_V8), id="a user who should have met it"),
    pytest.param(entry(route=USER_ROUTE), None, id="a request without the header does not belong to it"),
    pytest.param(entry("a" * 257, route=USER_ROUTE), None, id="a user that could not be counted there either"),
    pytest.param(entry(MEETS_V8, route=USER_ROUTE, milliseconds=29_999), Bypass(BESIDE, MEETS_V8), id="a slow answer"),
    pytest.param(
        entry(MEETS_V8, route=USER_ROUTE, milliseconds=30_000), None, id="one that may have begun before the experiment"
    ),
    pytest.param(entry(MEETS_V8), None, id="a request on the experiment's route"),
    pytest.param(entry(MEETS_V8, route="httproute/shop/other/rule/0/match/0/*"), None, id="a request on another route"),
]


@pytest.mark.parametrize(("written", "expected"), BYPASSES)
def test_a_request_with_the_header_on_the_users_own_route_went_past_the_experiment(written, expected):
    assert read_bypass(written, catalogue_of([BESIDE]).by_user_route) == expected


@pytest.mark.parametrize("kind", ["DownstreamStart", "DownstreamPeriodic", "UpstreamEnd"])
def test_a_report_on_a_request_under_way_is_ignored(kind):
    written = entry(MEETS_V8)
    written.common_properties.access_log_type = kind
    assert read_entry(written, ROUTES) is None


def test_the_assignment_says_which_variant_to_expect():
    assert request(MEETS_V8, "v8").is_as_assigned
    assert not request(MEETS_V8, "v7").is_as_assigned


def test_the_route_is_the_one_of_the_experiment():
    assert ROUTE.startswith("httproute/{}/{}/rule/".format(*RANKER.route))
