"""The mirror on a real istiod and its Envoy with a real comparator: users meet the champion, and notice nothing."""

import re
from contextlib import asynccontextmanager
from urllib.parse import quote

import aiohttp
import pytest

from demo.operator_process import COMPARATOR
from given.mirroring import compared, shadow
from given.model_servers import serving
from given.traffic import once_served
from model_experiment.decision.route import Open
from model_experiment.decision.splits import split_of
from model_experiment.objects import ENVOY_FILTER, VIRTUAL_SERVICE
from routing.mirrored import (
    REPLAY,
    a_body_reaches_both_models_as_it_was_sent,
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
def models(control_plane, istio, namespace, model_server):
    """The champion, which runs, and the challenger, which does not yet."""
    assert istio.url
    champion = model_server("ranker-v7")
    control_plane.create_service_entry(namespace, champion.name)
    return champion, absent_server(control_plane, namespace, "ranker-v8")


@pytest.fixture
def challenger(models):
    with serving(models[1]) as server:
        yield server


@pytest.fixture
def url(control_plane, istio, namespace, models):
    manifest = user_virtual_service(*rules(namespace), namespace=namespace, gateways=[istio.gateway])
    control_plane.api.create(manifest)
    assert models[0].name == "ranker-v7", "the champion runs"
    yield once_served(f"{istio.url}/{namespace}")
    control_plane.api.delete(manifest)


@pytest.fixture
def walking(control_plane, istio, namespace, comparator):
    """A walker for a shadow experiment with these fields, and its goal."""

    @asynccontextmanager
    async def walking(**fields):
        given = {"comparator": comparator.place, **shadow(**fields)}
        async with walker_for(control_plane, istio, namespace, **given) as walker:
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
        measured(f"Istio: {await a_tenth_is_mirrored(url, comparator)}")


@pytest.mark.usefixtures("url")
async def test_the_gateway_holds_no_more_copies_than_the_chart_says(walking, istio, comparator):
    async with walking() as (walker, goal):
        await walker.walk_to(goal)
        name = f"outbound|9203||{COMPARATOR}.{comparator.namespace}.svc.cluster.local"
        dump = f"{istio.admin_url}/config_dump?resource=dynamic_active_clusters&name_regex={quote(re.escape(name))}"
        async with aiohttp.ClientSession() as session, session.get(dump) as answer:
            (cluster,) = (await answer.json(content_type=None))["configs"]
        (bounds,) = cluster["cluster"]["circuit_breakers"]["thresholds"]
        assert bounds.items() >= {"max_connections": 128, "max_pending_requests": 128, "max_requests": 256}.items()


async def test_users_notice_nothing_of_challenger_and_comparator(walking, url, comparator, models, measured):
    async with walking() as (walker, goal):
        await walker.walk_to(goal)
        async for line in users_notice_nothing(url, comparator, *models):
            measured(f"Istio, {line}")


@pytest.mark.usefixtures("url")
async def test_nothing_hashes_and_an_edit_of_the_mirror_is_taken_back(walking, control_plane, namespace):
    async with walking() as (walker, goal):
        await walker.walk_to(goal)
        filters = control_plane.api.call("GET", ENVOY_FILTER.path(namespace=None))["items"]
        assert [each for each in filters if each["metadata"]["name"].startswith(namespace)] == []
        own = control_plane.api.get(user_virtual_service(name="ranker-mexp", namespace=namespace))
        path = VIRTUAL_SERVICE.path(namespace=namespace, name="ranker-mexp")
        edit = [{"op": "remove", "path": "/spec/http/0/mirrors"}]
        control_plane.api.call("PATCH", path, edit, content="application/json-patch+json")
        await walker.read()
        await walker.router.apply(walker.experiment, goal)
        await walker.walk_to(goal)
        assert control_plane.api.get(own)["spec"] == own["spec"]
