"""Whom a change concerns, and which kinds are watched."""

import asyncio
from types import SimpleNamespace

import pytest
from aiohttp import web

from controller.answering import objects_of
from controller.virtual_time import run
from given.experiments import experiment_manifest
from model_experiment.controller.cache import Cache
from model_experiment.controller.main import relisting, until_the_first_ends
from model_experiment.controller.watching import POLICY_LABEL, Watches, concerned, served_kinds, wake_concerned
from model_experiment.errors import SettingsError
from model_experiment.objects import (
    BACKEND_TRAFFIC_POLICY,
    ENVOY_FILTER,
    HTTP_ROUTE,
    INFERENCE_SERVICE,
    ISTIO_GATEWAY,
    MODEL_EXPERIMENT,
    SECURITY_POLICY,
    VIRTUAL_SERVICE,
    Kind,
)

EXPERIMENTS = [
    experiment_manifest("shop", "ranker"),
    experiment_manifest("shop", "search", routing={"httpRoute": {"name": "search"}}),
    experiment_manifest("lab", "ranker"),
    experiment_manifest("lab", "odd", routing={}),
    experiment_manifest("mesh", "ranker", routing={"virtualService": {"name": "ranker"}}),
]


@pytest.fixture
def cache():
    """What the watches have seen: four experiments, one of which cannot be run."""
    cache = Cache((BACKEND_TRAFFIC_POLICY, SECURITY_POLICY))
    for number, manifest in enumerate(EXPERIMENTS):
        identity = {"uid": str(number), "resourceVersion": "1"}
        cache.prime(MODEL_EXPERIMENT, [{**manifest, "metadata": {**manifest["metadata"], **identity}}])
    return cache


CHANGES = [
    pytest.param(MODEL_EXPERIMENT, "lab", "odd", [("lab", "odd")], id="an experiment concerns itself"),
    pytest.param(MODEL_EXPERIMENT, "shop", "new", [("shop", "new")], id="also when it is new"),
    pytest.param(HTTP_ROUTE, "shop", "ranker", [("shop", "ranker")], id="a user's route, those that name it"),
    pytest.param(HTTP_ROUTE, "lab", "ranker-mexp", [("lab", "ranker")], id="an own route, its experiment"),
    pytest.param(HTTP_ROUTE, "shop", "other", [], id="another route, nobody"),
    pytest.param(HTTP_ROUTE, "elsewhere", "ranker", [], id="a route of another namespace, nobody"),
    pytest.param(
        SECURITY_POLICY, "shop", "any", [("shop", "ranker"), ("shop", "search")], id="a policy, all of its namespace"
    ),
    pytest.param(BACKEND_TRAFFIC_POLICY, "elsewhere", "any", [], id="a policy of another namespace, nobody"),
    pytest.param(
        INFERENCE_SERVICE, "shop", "any", [("shop", "ranker"), ("shop", "search")], id="a backend, all of its namespace"
    ),
    pytest.param(VIRTUAL_SERVICE, "mesh", "ranker", [("mesh", "ranker")], id="a user's VirtualService"),
    pytest.param(VIRTUAL_SERVICE, "mesh", "ranker-mexp", [("mesh", "ranker")], id="an own delegate"),
    pytest.param(VIRTUAL_SERVICE, "shop", "ranker", [], id="a VirtualService beside an HTTPRoute of its name, nobody"),
    pytest.param(HTTP_ROUTE, "mesh", "ranker", [], id="an HTTPRoute beside a VirtualService of its name, nobody"),
    pytest.param(ISTIO_GATEWAY, "gateways", "any", [("mesh", "ranker")], id="a Gateway of Istio, everybody on Istio"),
    pytest.param(ENVOY_FILTER, "gateways", "any", [("mesh", "ranker")], id="a filter, everybody on Istio"),
]


@pytest.mark.parametrize(("kind", "namespace", "name", "keys"), CHANGES)
def test_a_change_concerns(cache, kind, namespace, name, keys):
    assert concerned(cache, kind, {"metadata": {"namespace": namespace, "name": name}}) == keys


def test_everybody_concerned_is_woken(cache):
    woken = []
    wake_concerned(cache, woken.append, SECURITY_POLICY, {"metadata": {"namespace": "shop", "name": "any"}})
    assert woken == [("shop", "ranker"), ("shop", "search")]


def definition(kind, *, scope="Namespaced", **labels):
    """What tells the cluster of a kind."""
    return {
        "metadata": {"name": f"{kind.plural}.{kind.group}", "labels": labels},
        "spec": {
            "group": kind.group,
            "scope": scope,
            "names": {"plural": kind.plural, "kind": kind.name},
            "versions": [{"name": kind.version, "served": True}],
        },
    }


AUTH_POLICY = Kind("kuadrant.io", "v1", "authpolicies", "AuthPolicy")
LABELLED = {POLICY_LABEL: "direct"}
APPEARANCES = [
    pytest.param(definition(AUTH_POLICY, **LABELLED), (AUTH_POLICY,), id="a kind that is labelled as a policy"),
    pytest.param(definition(VIRTUAL_SERVICE), (VIRTUAL_SERVICE,), id="a kind of Istio's"),
    pytest.param(definition(AUTH_POLICY), (), id="not a kind that no experiment depends on"),
    pytest.param(definition(AUTH_POLICY, scope="Cluster", **LABELLED), (), id="not a policy that is cluster-wide"),
]


@pytest.mark.parametrize(("new", "kinds"), APPEARANCES)
async def test_what_appears_after_the_start_is_noticed(new, kinds):
    definitions = [definition(MODEL_EXPERIMENT), definition(HTTP_ROUTE), definition(SECURITY_POLICY)]

    async def answer(_request):
        return web.json_response({"items": definitions})

    async with objects_of(answer) as objects:
        watched, _ = served_kinds(definitions)
        watches = Watches(Cache(()), objects, watched, None, None, asyncio.get_running_loop(), None)
        assert await watches.appeared() == ()
        definitions.append(new)
        assert await watches.appeared() == kinds


async def test_a_kind_that_appears_before_it_is_granted_is_called_by_name_and_ends_nothing():
    definitions = [definition(MODEL_EXPERIMENT), definition(HTTP_ROUTE)]

    async def answer(request):
        if "authpolicies" in request.path:
            return web.json_response({"message": "authpolicies is forbidden"}, status=403)
        return web.json_response({"items": definitions})

    async with objects_of(answer) as objects:
        watched, _ = served_kinds(definitions)
        watches = Watches(Cache(()), objects, watched, None, None, asyncio.get_running_loop(), None)
        definitions.append(definition(AUTH_POLICY, **LABELLED))
        with pytest.raises(SettingsError, match=r"authpolicies.kuadrant.io must be readable.*is forbidden"):
            await watches.appeared()


def test_a_kind_that_appears_ends_the_process_with_a_fault_so_that_it_is_started_again():
    """It would stay unwatched, and a policy of it would be bypassed."""

    async def story():
        async def nothing():
            pass

        async def appeared():
            return (AUTH_POLICY,) if asyncio.get_running_loop().time() > 60 else ()

        watches = SimpleNamespace(relist=nothing, appeared=appeared, stop=asyncio.Event())
        stop = asyncio.Event()
        await until_the_first_ends(stop, watches, [relisting(watches, stop), stop.wait()])

    with pytest.raises(ExceptionGroup) as ended:
        run(story())
    (fault,) = ended.value.exceptions
    assert str(fault) == "authpolicies.kuadrant.io must be watched, which only a new process can; this one ends"
