"""The mirror on a real istiod and its Envoy with a real comparator: users meet the champion, and notice nothing."""

import pytest
import requests

from control_plane.process import wait_until
from demo.operator_process import COMPARATOR
from given.mirroring import compared, shadow
from model_experiment.decision.machine import split_of
from model_experiment.decision.route import Open
from model_experiment.objects import ENVOY_FILTER, VIRTUAL_SERVICE
from routing.mirrored import (
    a_tenth_is_mirrored,
    absent_server,
    every_request_with_the_header_is_mirrored_and_no_other,
    users_notice_nothing,
)
from routing.test_on_istio import rules, walker_for
from routing.virtual_services import user_virtual_service


@pytest.fixture
def comparator(control_plane, istio, namespace, tmp_path):
    assert istio.url, "Istio has brought its definitions"
    with compared(control_plane, tmp_path, routes_from=namespace) as found:
        control_plane.create_service_entry(found.namespace, COMPARATOR)
        control_plane.api.create(found.objects["DestinationRule"])
        yield found


@pytest.fixture
def champion(control_plane, namespace, istio, model_server):
    assert istio.url
    server = model_server("ranker-v7")
    control_plane.create_service_entry(namespace, "ranker-v7")
    return server


@pytest.fixture
def url(control_plane, istio, namespace, champion):
    manifest = user_virtual_service(*rules(namespace), namespace=namespace, gateways=[istio.gateway])
    control_plane.api.create(manifest)
    found = f"{istio.url}/{namespace}"
    wait_until(lambda: requests.get(found, timeout=5).ok, f"{champion.name} serves")
    yield found
    control_plane.api.delete(manifest)


@pytest.fixture
def challenger(model_server):
    return model_server("ranker-v8")


def open_route(walker):
    return Open(split_of(walker.experiment, 100_003))


@pytest.mark.usefixtures("challenger")
async def test_every_request_with_the_header_is_mirrored_and_no_other(control_plane, istio, namespace, url, comparator):
    async with walker_for(control_plane, istio, namespace, comparator=comparator.place, **shadow()) as walker:
        await walker.walk_to(open_route(walker))
        await every_request_with_the_header_is_mirrored_and_no_other(url, comparator, f"{namespace}/ranker")
        filters = control_plane.api.call("GET", ENVOY_FILTER.path(namespace=None))["items"]
        assert [each for each in filters if each["metadata"]["name"].startswith(namespace)] == []


@pytest.mark.usefixtures("challenger")
async def test_a_share_is_mirrored(control_plane, istio, namespace, url, comparator, measured):
    changes = shadow(percent=10)
    async with walker_for(control_plane, istio, namespace, comparator=comparator.place, **changes) as walker:
        await walker.walk_to(open_route(walker))
        measured(f"Istio: {await a_tenth_is_mirrored(url, comparator)}")


async def test_users_notice_nothing_of_challenger_and_comparator(
    control_plane, istio, namespace, url, comparator, champion, measured
):
    challenger = absent_server(control_plane, namespace, "ranker-v8")
    async with walker_for(control_plane, istio, namespace, comparator=comparator.place, **shadow()) as walker:
        await walker.walk_to(open_route(walker))
        await users_notice_nothing(url, comparator, champion, challenger, lambda line: measured(f"Istio, {line}"))


@pytest.mark.usefixtures("url")
async def test_an_edit_of_the_mirror_is_noticed_and_taken_back(control_plane, istio, namespace, comparator):
    async with walker_for(control_plane, istio, namespace, comparator=comparator.place, **shadow()) as walker:
        goal = open_route(walker)
        await walker.walk_to(goal)
        own = user_virtual_service(name="ranker-mexp", namespace=namespace)
        before = control_plane.api.get(own)
        path = VIRTUAL_SERVICE.path(namespace=namespace, name="ranker-mexp")
        edit = [{"op": "remove", "path": "/spec/http/0/mirrors"}]
        control_plane.api.call("PATCH", path, edit, content="application/json-patch+json")
        await walker.read()
        await walker.router.apply(walker.experiment, goal)
        await walker.walk_to(goal)
        assert control_plane.api.get(own)["spec"] == before["spec"]
