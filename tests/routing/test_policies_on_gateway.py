"""Policies on the user's route hold on the experiment's route, on the real Envoy Gateway, in every phase."""

import asyncio
import base64
import hashlib
import itertools
import time
from contextlib import suppress
from functools import partial

import aiohttp
import pytest
from aiohttp import web

from control_plane.api import ApiError, wait_until
from given.proofs import ON_GATEWAY
from given.tokens import Issuer, policy_manifest
from given.traffic import Traffic, once_served
from model_experiment.controller.watching import POLICY_LABEL, definitions_of, served_kinds
from model_experiment.decision.route import Absent, Open, Parked
from routing.test_on_gateway import USERS, Walker, everything_to_challenger, split, walker_for

OLD, NEW = Issuer(b"the first key of the shop, 32 b.."), Issuer(b"the other key of the shop, 32 b..")
AUTHORIZED = {"authorization": "Basic YW5uYTpwYXNz"}  # anna:pass


@pytest.fixture
def models(control_plane, namespace, model_server):
    """Both model servers, behind the user's route."""
    servers = [model_server("ranker-v7"), model_server("ranker-v8")]
    control_plane.api.create(user_route(control_plane, namespace))
    once_served(f"{control_plane.gateway}/{namespace}")
    return servers


def user_route(control_plane, namespace):
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"namespace": namespace, "name": "ranker", "labels": {"app": "ranker"}},
        "spec": {
            "parentRefs": [control_plane.gateway_ref],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": f"/{namespace}"}}],
                    "backendRefs": [{"name": "ranker-v7", "port": 8000}],
                }
            ],
        },
    }


def traffic_to(control_plane, namespace, **headers):
    return Traffic(f"{control_plane.gateway}/{namespace}", USERS[:2000], headers=headers)


async def until_answered(traffic, models, status, *, seconds=30):
    """Waits until the user's route answers a stranger with this status; what came through before is forgotten."""
    until = time.monotonic() + seconds
    while True:
        await traffic.ask_each([""])
        if traffic.answers.pop()[2] == status:
            for model in models:
                model.requests.clear()
            return
        assert time.monotonic() < until, f"{status} never came"
        await asyncio.sleep(0.05)


def uninvited(models):
    """Requests that reached a model server without any authorization."""
    return [headers for model in models for headers in model.requests if "authorization" not in headers]


def statuses(traffic, *, after=0.0, before=float("inf")):
    return {status for sent, _, status, _ in traffic.answers if after < sent < before}


@pytest.mark.proves("the user's rule and its policies hold in every phase", on=ON_GATEWAY)
async def test_a_demanded_token_is_demanded_in_every_phase_under_load(control_plane, namespace, models):
    control_plane.api.create(policy_manifest(namespace, **OLD.jwt))
    members, intruders = traffic_to(control_plane, namespace, **OLD.bearer), traffic_to(control_plane, namespace)
    await until_answered(intruders, models, 401)
    stop = asyncio.Event()
    async with walker_for(control_plane, namespace) as walker:
        assignment = split(walker, 50)
        everything = everything_to_challenger(assignment)
        flows = [asyncio.create_task(traffic.flow(150, stop)) for traffic in (members, intruders)]
        for goal in (Parked(assignment), Open(assignment), Open(everything), Parked(everything), Absent()):
            await walker.walk_to(goal)
            reached = time.time()
            await asyncio.sleep(1)
            for _, user, _, variant in [answer for answer in members.answers if answer[0] > reached]:
                assert variant == (goal.assignment.variant(user) if isinstance(goal, Open) else "")
        stop.set()
        await asyncio.gather(*flows)
    assert statuses(members) == {200}
    assert statuses(intruders) == {401}
    assert not uninvited(models)


@pytest.mark.usefixtures("models")
async def test_a_policy_that_comes_changes_and_goes_in_mid_run_is_followed(control_plane, namespace):
    old, new = traffic_to(control_plane, namespace, **OLD.bearer), traffic_to(control_plane, namespace, **NEW.bearer)
    intruders, everybody, stop = traffic_to(control_plane, namespace), [], asyncio.Event()
    async with walker_for(control_plane, namespace) as walker:
        goal = Open(split(walker, 50))
        await walker.walk_to(goal)
        everybody = [asyncio.create_task(traffic.flow(100, stop)) for traffic in (old, new, intruders)]
        await asyncio.sleep(0.5)
        control_plane.api.create(policy_manifest(namespace, **OLD.jwt))
        assert (await walker.read()).obstacle.reason == "PolicyPending"
        await walker.walk_to(Parked(goal.assignment))
        parked = time.time()
        await walker.walk_to(goal)
        control_plane.api.apply(policy_manifest(namespace, **NEW.jwt))
        await walker.walk_to(Parked(goal.assignment))
        changed = time.time()
        await walker.walk_to(goal)
        await asyncio.sleep(0.5)
        removed = time.time()
        control_plane.api.delete(policy_manifest(namespace))
        await walker.walk_to(goal)
        opened = time.time()
        await asyncio.sleep(0.5)
        stop.set()
        await asyncio.gather(*everybody)
        await walker.walk_to(Absent())
    assert statuses(intruders, after=parked + 0.2, before=removed) == {401}
    assert statuses(new, after=changed + 0.2) == {200}
    assert statuses(old, after=changed + 0.2, before=removed) == {401}
    assert statuses(old, after=parked + 0.2, before=changed - 0.5) <= {200, 401}
    assert statuses(intruders, after=opened + 0.2) == {200}


async def test_a_connection_from_before_the_experiment_does_not_pass_a_filter_that_it_lacks(
    control_plane, namespace, models
):
    hashed = "anna:{SHA}" + base64.b64encode(hashlib.sha1(b"pass").digest()).decode()  # noqa: S324 - htpasswd's own
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": namespace, "name": "members"}}
    control_plane.api.create({**secret, "data": {".htpasswd": base64.b64encode(hashed.encode()).decode()}})
    control_plane.api.create(policy_manifest(namespace, basicAuth={"users": {"name": "members"}}))
    intruders = traffic_to(control_plane, namespace)
    await until_answered(intruders, models, 401)
    sessions = [aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) for _ in range(20)]
    try:
        for session in sessions:  # each keeps a connection of its own, made before the experiment
            assert await asked(session, intruders.url) == 401
        async with walker_for(control_plane, namespace) as walker:
            await walker.walk_to(Open(split(walker, 50)))
            for number, session in enumerate(sessions):
                assert await asked(session, intruders.url, **{"x-user-id": USERS[number]}) == 401
            members = traffic_to(control_plane, namespace, **AUTHORIZED)
            assert set((await members.ask_each(USERS[:50])).values()) == {"v7", "v8"}
            await walker.walk_to(Absent())
    finally:
        await asyncio.gather(*(session.close() for session in sessions))
    assert not uninvited(models)


async def asked(session, url, **headers):
    async with session.get(url, headers=headers) as answer:
        await answer.read()
        return answer.status


LUA = """
function envoy_on_request(handle)
  if handle:headers():get("authorization") == nil then
    handle:respond({[":status"] = "401"}, "members only")
  end
end
"""
BY_HEADER = {"action": "Allow", "principal": {"headers": [{"name": "authorization", "values": ["Basic YW5uYTpwYXNz"]}]}}
RULES = {"authorization": {"defaultAction": "Deny", "rules": [BY_HEADER]}}
ASKED = {"http": {"backendRefs": [{"name": "judge", "port": 8000}]}, "headersToExtAuth": ["authorization"]}
GUARDS = [
    pytest.param(("SecurityPolicy", RULES, 403), id="rules"),
    pytest.param(("SecurityPolicy", {"extAuth": ASKED}, 401), id="external authorization"),
    pytest.param(("EnvoyExtensionPolicy", {"lua": [{"type": "Inline", "inline": LUA}]}, 401), id="an extension"),
]


@pytest.fixture
def judge(model_server):
    """Lets through whoever has some authorization."""

    async def answer(request):
        return web.Response(status=200 if "authorization" in request.headers else 401)

    return model_server("judge", answer)


@pytest.mark.usefixtures("judge")
@pytest.mark.parametrize("selected", [False, True], ids=["by name", "by a selector that takes every route"])
@pytest.mark.parametrize("guard", GUARDS)
async def test_a_guard_of_the_users_route_guards_the_experiment(control_plane, namespace, models, guard, selected):
    kind, spec, refusal = guard
    policy = policy_manifest(namespace, kind, **spec)
    if selected:
        policy["spec"] = {**spec, "targetSelectors": [{"kind": "HTTPRoute"}]}
    control_plane.api.create(policy)
    intruders = traffic_to(control_plane, namespace)
    members = traffic_to(control_plane, namespace, **AUTHORIZED)
    await until_answered(intruders, models, refusal)
    async with walker_for(control_plane, namespace) as walker:
        goal = Open(split(walker, 50))
        await walker.walk_to(goal)
        await intruders.ask_each(USERS[:100])
        assert await members.ask_each(USERS[:100]) == {user: goal.assignment.variant(user) for user in USERS[:100]}
        copy = control_plane.api.get(policy_manifest(namespace, kind, name="ranker-mexp"))
        assert (copy is None) == selected
        await walker.walk_to(Absent())
    assert statuses(intruders) == {refusal}
    assert not uninvited(models)
    assert control_plane.api.get(policy_manifest(namespace, kind, name="ranker-mexp")) is None


async def test_retries_and_timeouts_go_on_beside_the_hash(control_plane, namespace, models):
    spec = {
        "retry": {"numRetries": 3, "retryOn": {"httpStatusCodes": [503]}},
        "timeout": {"http": {"requestTimeout": "2s"}},
    }
    control_plane.api.create(policy_manifest(namespace, "BackendTrafficPolicy", name="patience", **spec))
    for model in models:
        model.answer = every_other_time_unavailable()
    traffic = traffic_to(control_plane, namespace)
    async with walker_for(control_plane, namespace) as walker:
        goal = Open(split(walker, 50))
        await walker.walk_to(goal)
        assert await traffic.ask_each(USERS[:500], 1) == {user: goal.assignment.variant(user) for user in USERS[:500]}
        assert statuses(traffic) == {200}
        for model in models:
            model.answer = late
        await traffic.ask_each(USERS[:2])
        assert {status for _, _, status, _ in traffic.answers[-2:]} == {504}
        await walker.walk_to(Absent())


def every_other_time_unavailable():
    turns = itertools.cycle([503, 200])

    async def answer(_):
        return web.Response(status=next(turns))

    return answer


async def late(_):
    await asyncio.sleep(5)
    return web.Response()


@pytest.mark.usefixtures("models")
async def test_cross_origin_rules_hold_on_the_experiment(control_plane, namespace):
    control_plane.api.create(policy_manifest(namespace, cors={"allowOrigins": ["https://shop.example"]}))
    async with walker_for(control_plane, namespace) as walker, aiohttp.ClientSession() as session:
        await walker.walk_to(Open(split(walker, 50)))
        told = {"x-user-id": "anna", "origin": "https://shop.example"}
        async with session.get(f"{control_plane.gateway}/{namespace}", headers=told) as answer:
            assert answer.headers["x-variant"] in ("v7", "v8")
            assert answer.headers["access-control-allow-origin"] == "https://shop.example"


QUOTA = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "quotas.policies.example", "labels": {POLICY_LABEL: "Direct"}},
    "spec": {
        "group": "policies.example",
        "scope": "Namespaced",
        "names": {"kind": "Quota", "plural": "quotas", "singular": "quota"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


@pytest.fixture
def quotas(control_plane):
    """A policy kind that nobody knows; gone again afterwards, or the controllers of other tests would ask for it."""
    control_plane.api.install([QUOTA])
    wait_until(partial(can_be_listed, control_plane), "quotas can be listed")
    yield
    control_plane.api.delete(QUOTA)
    wait_until(lambda: control_plane.api.get(QUOTA) is None, "the definition of quotas is gone")


def can_be_listed(control_plane):
    """Whether the API server is done with a new kind; until then it is too busy."""
    with suppress(ApiError):
        return control_plane.api.call("GET", "/apis/policies.example/v1/quotas") is not None
    return False


@pytest.mark.usefixtures("models", "quotas")
async def test_a_policy_of_an_unknown_kind_is_refused_by_name(control_plane, namespace):
    async with walker_for(control_plane, namespace) as first:
        _, policies = served_kinds(await definitions_of(first.objects))
        walker = Walker(first.objects, first.experiment, policies)
        goal = Open(split(walker, 50))
        await walker.walk_to(goal)
        quota = policy_manifest(namespace, "Quota", name="daily") | {"apiVersion": "policies.example/v1"}
        control_plane.api.create(quota)
        obstacle = (await walker.read()).obstacle
        assert obstacle.reason == "PolicyNotCarried"
        assert "found Quota daily (its kind is not known)" in obstacle.message
        await walker.walk_to(Parked(goal.assignment))
        control_plane.api.delete(quota)
        await walker.walk_to(goal)


@pytest.mark.usefixtures("models")
async def test_what_somebody_does_to_a_copy_is_undone_and_nothing_is_written_otherwise(control_plane, namespace):
    control_plane.api.create(policy_manifest(namespace, **OLD.jwt))
    ours = policy_manifest(namespace, name="ranker-mexp")
    async with walker_for(control_plane, namespace) as walker:
        goal = Open(split(walker, 50))
        await walker.walk_to(goal)
        before = control_plane.api.get(ours)
        await walker.read()
        assert not await walker.router.apply(walker.experiment, goal)
        assert control_plane.api.get(ours)["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
        path = f"/apis/gateway.envoyproxy.io/v1alpha1/namespaces/{namespace}/securitypolicies/ranker-mexp"
        weaker = [{"op": "add", "path": "/spec/jwt/optional", "value": True}]
        control_plane.api.call("PATCH", path, weaker, content="application/json-patch+json")
        assert (await walker.read()).obstacle.message.endswith("must say what its original says")
        await walker.walk_to(goal)
        assert control_plane.api.get(ours)["spec"] == before["spec"]
        control_plane.api.delete(ours)
        assert (await walker.read()).obstacle.message.endswith("must stand, found none")
        await walker.walk_to(goal)
        assert control_plane.api.get(ours)["spec"] == before["spec"]
        owners = [owner["kind"] for owner in control_plane.api.get(ours)["metadata"]["ownerReferences"]]
        assert owners == ["ModelExperiment", "HTTPRoute"]


@pytest.mark.usefixtures("models")
async def test_the_copies_go_after_the_route(control_plane, namespace, monkeypatch):
    control_plane.api.create(policy_manifest(namespace, **OLD.jwt))
    async with walker_for(control_plane, namespace) as walker:
        await walker.walk_to(Open(split(walker, 50)))
        gone, delete = [], walker.objects.delete

        async def noted(kind, *arguments, **options):
            gone.append(kind.name)
            await delete(kind, *arguments, **options)

        monkeypatch.setattr(walker.objects, "delete", noted)
        await walker.walk_to(Absent())
    assert gone == ["HTTPRoute", "SecurityPolicy", "BackendTrafficPolicy"]
