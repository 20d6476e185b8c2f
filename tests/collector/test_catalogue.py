from copy import deepcopy

import pytest

from collector.collecting import RANKER
from model_experiment.assignment import Share
from model_experiment.collector.catalogue import LatencyLimit, catalogue_of, counted_from

MANIFEST = {
    "metadata": {"uid": "3f0c-1", "namespace": "shop", "name": "ranker"},
    "spec": {
        "champion": {"name": "v7", "backendRef": {"name": "ranker-v7", "port": 8080}},
        "challengers": [{"name": "v8", "backendRef": {"name": "ranker-v8", "port": 8080}}],
        "routing": {"httpRoute": {"name": "ranker"}},
        "objectives": [
            {
                "name": "buys",
                "minimumEffect": "20%",
                "baseline": "0.2",
                "source": {"outcome": {"name": "purchase", "per": "User"}},
            },
            {"name": "buys-again", "source": {"outcome": {"name": "purchase", "per": "User"}}},
        ],
        "guardrails": [
            {"name": "errors", "margin": "25%", "source": {"responses": {"class": "ServerError"}}},
            {"name": "slow", "limit": "5%", "source": {"latency": {"above": "250ms"}}},
            {"name": "slower", "margin": "5%", "source": {"latency": {"above": "250ms"}}},
            {"name": "hanging", "limit": "1%", "source": {"latency": {"above": "1m5s"}}},
        ],
    },
    "status": {
        "assignment": {
            "unit": "User",
            "header": "x-customer",
            "modulus": 100_003,
            "shares": [{"variant": "v8", "weight": 50_002}, {"variant": "v7", "weight": 50_001}],
        }
    },
}


def changed(*path, to):
    manifest = deepcopy(MANIFEST)
    *parents, last = path
    part = manifest
    for parent in parents:
        part = part[parent]
    part[last] = to
    return manifest


@pytest.mark.parametrize(
    ("routing", "route"),
    [
        pytest.param({"httpRoute": {"name": "edge"}}, ("shop", "edge/rule/0"), id="the first rule of an HTTPRoute"),
        pytest.param({"virtualService": {"name": "edge"}}, ("shop", "ranker-mexp"), id="a rule named like our own"),
    ],
)
def test_a_shared_route_is_the_users(routing, route):
    counted = counted_from(changed("spec", "routing", to={**routing, "ownership": "Shared"}))
    assert counted.route == route
    assert not counted.user_route


def test_an_experiment_is_counted_by_its_assignment_and_what_it_declares():
    counted = counted_from(MANIFEST)
    assert counted.label == "shop/ranker"
    assert counted.route == ("shop", "ranker-mexp")
    assert counted.header == "x-customer"
    assert counted.assignment.shares == (Share("v8", 50_002), Share("v7", 50_001))
    assert counted.outcomes == ("purchase",)


def test_two_guardrails_with_one_limit_share_a_counter():
    limits = counted_from(MANIFEST).latency_limits
    assert limits == (LatencyLimit("250ms", 250_000_000), LatencyLimit("1m5s", 65_000_000_000))


@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param(changed("status", to={}), id="an empty status"),
        pytest.param(changed("status", to=None), id="a status of null"),
        pytest.param(changed("status", "assignment", to=None), id="an assignment of null"),
        pytest.param({key: MANIFEST[key] for key in ("metadata", "spec")}, id="no status"),
    ],
)
def test_an_experiment_without_assignment_is_not_counted_yet(manifest):
    assert counted_from(manifest) is None


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        pytest.param(
            changed("status", "assignment", "modulus", to=100_019),
            "weights must be 0 or more and sum to 100019",
            id="weights that do not sum to the modulus",
        ),
        pytest.param(changed("status", "assignment", "shares", to=[{}]), "variant", id="a share without variant"),
        pytest.param(
            changed("status", "assignment", to=["x"]),
            "valid dictionary or instance of AssignmentStatus",
            id="an assignment that is a list",
        ),
        pytest.param(changed("spec", to={}), "spec.champion", id="a spec that is no experiment"),
        pytest.param(changed("metadata", to={"name": "ranker"}), "uid", id="an object without UID"),
    ],
)
def test_an_experiment_that_cannot_be_read_says_why(manifest, sentence):
    with pytest.raises(ValueError, match=sentence):
        counted_from(manifest)


def test_an_inference_service_is_known_by_every_service_that_kserve_may_make_for_it():
    backend = {"group": "serving.kserve.io", "kind": "InferenceService", "name": "ranker-v8"}
    counted = counted_from(changed("spec", "challengers", to=[{"name": "v8", "backendRef": backend}]))
    assert counted.services == (("ranker-v7", "v7"), ("ranker-v8-predictor", "v8"), ("ranker-v8-transformer", "v8"))


def test_the_catalogue_finds_an_experiment_by_route_and_by_name():
    catalogue = catalogue_of([RANKER])
    assert catalogue.by_route["shop", "ranker-mexp"] is RANKER
    assert catalogue.by_label["shop/ranker"] is RANKER
    assert catalogue == catalogue_of([RANKER])
    assert catalogue != catalogue_of([])


EUROPE = [{"name": "x-region", "value": "eu"}]


@pytest.mark.parametrize(
    ("manifest", "user_route"),
    [
        pytest.param(MANIFEST, "ranker", id="the only rule of a route"),
        pytest.param(
            changed("spec", "routing", "httpRoute", to={"name": "ranker", "rule": "a"}), "", id="one of several"
        ),
        pytest.param(changed("spec", "routing", to={"virtualService": {"name": "ranker"}}), "", id="on Istio"),
        pytest.param(changed("status", "phase", to="Concluded"), "", id="an experiment that is over"),
        pytest.param(changed("spec", "targeting", to={"holdoutPercent": 20}), "ranker", id="with a holdout"),
        pytest.param(changed("spec", "targeting", to={"headers": EUROPE}), "", id="some may not enter"),
        pytest.param(changed("spec", "assignment", to={"by": "DecimalSuffix"}), "", id="some have no position"),
    ],
)
def test_the_users_route_is_known_where_all_of_it_belongs_to_the_experiment(manifest, user_route):
    counted = counted_from(manifest)
    assert counted.user_route == user_route
    assert (("shop", user_route) in catalogue_of([counted]).by_user_route) is bool(user_route)
    assert counted.champion == "v7"


@pytest.mark.parametrize(
    ("ramp", "full_split_time", "exposing"),
    [
        pytest.param([], None, True, id="without a ramp users count from the start"),
        pytest.param([{"percent": 1, "hold": "1h"}], None, False, id="during a ramp nobody counts yet"),
        pytest.param([{"percent": 1, "hold": "1h"}], "2026-11-01T12:00:00Z", True, id="after it they do"),
    ],
)
def test_users_count_from_the_full_split_on(ramp, full_split_time, exposing):
    manifest = deepcopy(MANIFEST)
    manifest["spec"]["ramp"] = ramp
    manifest["status"] |= {"fullSplitTime": full_split_time} if full_split_time else {}
    assert counted_from(manifest).exposing is exposing
