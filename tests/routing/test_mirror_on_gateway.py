"""The mirror on the real Envoy Gateway with a real comparator: users meet the champion, and notice nothing."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from given.experiments import route_manifest
from given.mirroring import Users, compared, shadow
from given.model_servers import serving
from given.traffic import once_served
from model_experiment.decision.route import Open, Parked, next_step
from model_experiment.decision.splits import split_of
from model_experiment.objects import HTTP_ROUTE
from routing.mirrored import (
    CHAMPION,
    REPLAY,
    USER,
    a_body_reaches_both_models_as_it_was_sent,
    a_tenth_is_mirrored,
    absent_server,
    every_request_with_the_header_is_mirrored_and_no_other,
    users_notice_nothing,
)
from routing.test_on_gateway import walker_for


@pytest.fixture
def comparator(control_plane, namespace, tmp_path):
    with compared(control_plane, tmp_path, routes_from=namespace) as found:
        control_plane.api.create(found.objects["ReferenceGrant"])
        yield found


@pytest.fixture
def models(control_plane, namespace, model_server):
    """The champion, which runs, and the challenger, which does not yet."""
    servers = model_server("ranker-v7"), absent_server(control_plane, namespace, "ranker-v8")
    control_plane.api.create(route_manifest(namespace, control_plane.gateway_ref, path=f"/{namespace}"))
    once_served(f"{control_plane.gateway}/{namespace}")
    return servers


@pytest.fixture
def challenger(models):
    with serving(models[1]) as server:
        yield server


@pytest.fixture
def url(control_plane, namespace):
    return f"{control_plane.gateway}/{namespace}"


@pytest.fixture
def walking(control_plane, namespace, comparator, models):
    """A walker for a shadow experiment with these fields, and its goal."""
    assert len(models) == 2

    @asynccontextmanager
    async def walking(**fields):
        async with walker_for(control_plane, namespace, comparator=comparator.place, **shadow(**fields)) as walker:
            yield walker, Open(split_of(walker.experiment, 100_003))

    return walking


@pytest.mark.usefixtures("challenger")
async def test_every_request_with_the_header_is_mirrored_whole_and_no_other(
    walking, url, comparator, models, namespace
):
    label = f"{namespace}/ranker"
    async with walking(replay=REPLAY) as (walker, goal):
        await walker.walk_to(goal)
        await every_request_with_the_header_is_mirrored_and_no_other(url, comparator, label)
        await a_body_reaches_both_models_as_it_was_sent(url, comparator, models, label)


@pytest.mark.usefixtures("challenger")
async def test_a_share_is_mirrored(walking, url, comparator, measured):
    async with walking(percent=10) as (walker, goal):
        await walker.walk_to(goal)
        measured(f"Envoy Gateway: {await a_tenth_is_mirrored(url, comparator)}")


async def test_users_notice_nothing_of_challenger_and_comparator(walking, url, comparator, models, measured):
    async with walking() as (walker, goal):
        await walker.walk_to(goal)
        async for line in users_notice_nothing(url, comparator, *models):
            measured(f"Envoy Gateway, {line}")


async def test_without_a_grant_it_stays_parked_and_says_what_is_wanted(walking, control_plane, comparator):
    grant = comparator.objects["ReferenceGrant"]
    control_plane.api.delete(grant)
    async with walking() as (walker, goal):
        until = time.monotonic() + 30
        while not ((reading := await walker.read()).own and reading.own.problem):
            assert time.monotonic() < until
            await walker.router.apply(walker.experiment, next_step(reading.own, goal))
        assert isinstance(reading.own.route, Parked)
        assert reading.own.problem.reason == "ComparatorNotPermitted"
        assert reading.own.problem.message.startswith(
            "a ReferenceGrant in the comparator's namespace must let HTTPRoutes of this namespace refer to its Service"
            " (comparator.routesFrom in the operator's chart), found RefNotPermitted: "
        )
        control_plane.api.create(grant)
        await walker.walk_to(goal)


async def test_a_grant_that_is_taken_away_answers_500_until_the_route_is_parked(
    walking, url, control_plane, comparator
):
    async with walking() as (walker, goal):
        await walker.walk_to(goal)
        control_plane.api.delete(comparator.objects["ReferenceGrant"])
        await until_users_see(url, {(500, "")})
        until = time.monotonic() + 30
        while not (problem := (await walker.read()).own.problem):  # the status comes another way than the answers
            assert time.monotonic() < until
            await asyncio.sleep(0.05)
        assert problem.reason == "ComparatorNotPermitted"
        await walker.router.apply(walker.experiment, Parked(goal.assignment))
        await until_users_see(url, CHAMPION)


async def until_users_see(url, wanted):
    until = time.monotonic() + 30
    while True:
        users = Users(url)
        await users.ask(20, rate=100, **USER)
        if users.saw == wanted:
            return
        assert time.monotonic() < until, users.saw


async def test_an_edit_of_the_mirror_is_taken_back(walking, control_plane, namespace):
    async with walking() as (walker, goal):
        await walker.walk_to(goal)
        own = control_plane.api.get(route_manifest(namespace, {}, name="ranker-mexp"))
        path = HTTP_ROUTE.path(namespace=namespace, name="ranker-mexp")
        edit = [{"op": "replace", "path": "/spec/rules/0/filters/2/requestMirror/percent", "value": 1}]
        control_plane.api.call("PATCH", path, edit, content="application/json-patch+json")
        await walker.read()
        await walker.router.apply(walker.experiment, goal)
        await walker.walk_to(goal)
        assert control_plane.api.get(own)["spec"] == own["spec"]
