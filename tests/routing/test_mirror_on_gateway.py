"""The mirror on the real Envoy Gateway with a real comparator: users meet the champion, and notice nothing."""

import time

import pytest

from given.experiments import route_manifest
from given.mirroring import compared, shadow
from model_experiment.decision.machine import split_of
from model_experiment.decision.route import Open, Parked, next_step
from routing.mirrored import (
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
def champion(control_plane, namespace, model_server):
    control_plane.api.create(route_manifest(namespace, control_plane.gateway_ref, path=f"/{namespace}"))
    return model_server("ranker-v7")


@pytest.fixture
def url(control_plane, namespace, champion):
    assert champion.requests == []
    return f"{control_plane.gateway}/{namespace}"


@pytest.fixture
def challenger(model_server):
    return model_server("ranker-v8")


def open_route(walker):
    return Open(split_of(walker.experiment, 100_003))


@pytest.mark.usefixtures("challenger")
async def test_every_request_with_the_header_is_mirrored_and_no_other(control_plane, namespace, url, comparator):
    async with walker_for(control_plane, namespace, comparator=comparator.place, **shadow()) as walker:
        await walker.walk_to(open_route(walker))
        await every_request_with_the_header_is_mirrored_and_no_other(url, comparator, f"{namespace}/ranker")


@pytest.mark.usefixtures("challenger")
async def test_a_share_is_mirrored(control_plane, namespace, url, comparator, measured):
    async with walker_for(control_plane, namespace, comparator=comparator.place, **shadow(percent=10)) as walker:
        await walker.walk_to(open_route(walker))
        measured(f"Envoy Gateway: {await a_tenth_is_mirrored(url, comparator)}")


async def test_users_notice_nothing_of_challenger_and_comparator(
    control_plane, namespace, url, comparator, champion, measured
):
    challenger = absent_server(control_plane, namespace, "ranker-v8")
    async with walker_for(control_plane, namespace, comparator=comparator.place, **shadow()) as walker:
        await walker.walk_to(open_route(walker))
        await users_notice_nothing(
            url, comparator, champion, challenger, lambda line: measured(f"Envoy Gateway, {line}")
        )


@pytest.mark.usefixtures("url")
async def test_without_a_grant_it_stays_parked_and_says_what_is_wanted(control_plane, namespace, comparator):
    grant = comparator.objects["ReferenceGrant"]
    control_plane.api.delete(grant)
    async with walker_for(control_plane, namespace, comparator=comparator.place, **shadow()) as walker:
        goal, until = open_route(walker), time.monotonic() + 10
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


@pytest.mark.usefixtures("url")
async def test_an_edit_of_the_mirror_is_taken_back(control_plane, namespace, comparator):
    async with walker_for(control_plane, namespace, comparator=comparator.place, **shadow()) as walker:
        goal = open_route(walker)
        await walker.walk_to(goal)
        own = control_plane.api.get(route_manifest(namespace, {}, name="ranker-mexp"))
        path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/httproutes/ranker-mexp"
        edit = [{"op": "replace", "path": "/spec/rules/0/filters/2/requestMirror/percent", "value": 1}]
        control_plane.api.call("PATCH", path, edit, content="application/json-patch+json")
        await walker.walk_to(goal)
        await walker.read()
        await walker.router.apply(walker.experiment, goal)
        assert control_plane.api.get(own)["spec"] == own["spec"]
