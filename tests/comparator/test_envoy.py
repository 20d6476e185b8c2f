"""The comparator behind a real Envoy, with a route as the operator makes it: the champion, and a mirror beside it."""

import asyncio
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from comparator.shadowing import PAIRS, comparing, experiment
from control_plane.ports import free_port
from given.envoy import HTTP, ROUTER, address, cluster, envoy


def bootstrap(port, *, champion, comparator):
    experiment_header = {"header": {"key": "x-experiment", "value": "shop/ranker"}}
    route = {
        "match": {"prefix": "/"},
        "request_headers_to_add": [experiment_header | {"append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}],
        "route": {"cluster": "champion", "request_mirror_policies": [{"cluster": "comparator"}]},
    }
    manager = {
        "@type": HTTP,
        "stat_prefix": "story",
        "http_filters": [{"name": "router", "typed_config": {"@type": ROUTER}}],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
    }
    filters = [{"name": "http", "typed_config": manager}]
    listener = {"name": "in", "address": address(port), "filter_chains": [{"filters": filters}]}
    clusters = [cluster("champion", champion), cluster("comparator", comparator)]
    return {"static_resources": {"listeners": [listener], "clusters": clusters}}


async def answer_as_the_body_says(request):
    asked = await request.json()
    return web.json_response({"price": asked["price"]})


async def answer_every_tenth_otherwise(request):
    asked = await request.json()
    return web.json_response({"price": asked["price"] + (asked["number"] % 10 == 0)})


@asynccontextmanager
async def mirrored(tmp_path):
    """A comparator, and an Envoy that sends users to the champion and copies to the comparator."""
    port, models = free_port(), {"champion": answer_as_the_body_says, "challenger": answer_every_tenth_otherwise}
    async with comparing(tmp_path, experiment(), **models) as running:
        champion, comparator = (int(url.rpartition(":")[2]) for url in (running.champion.url, running.addresses.mirror))
        config = bootstrap(port, champion=champion, comparator=comparator)
        async with envoy(tmp_path, config, port=port) as url, aiohttp.ClientSession() as users:

            async def ask(number, **more):
                body, headers = {"number": number, "price": number / 7}, {"x-experiment": "shop/forged"} | more
                async with users.post(f"{url}/v1/rank?n={number}", json=body, headers=headers) as answer:
                    return answer.status, await answer.json()

            yield running, ask


async def test_what_users_ask_through_envoy_is_compared_and_users_meet_the_champion_alone(tmp_path):
    async with mirrored(tmp_path) as (running, ask):
        answers = [await ask(number) for number in range(100)]
        scrape = await running.until(PAIRS, 100)
    assert answers == [(200, {"price": number / 7}) for number in range(100)]
    assert scrape.by(PAIRS, "variant", "result") == {("v8", "Equal"): 90, ("v8", "Different"): 10}
    sent = {True: {}, False: {}}
    for _, target, headers, body in running.champion.requests:
        sent["x-shadow" in headers][target] = (headers["x-request-id"], body)
    assert len(sent[False]) == 100
    assert sent[True] == sent[False]
    assert all("x-shadow" in headers for _, _, headers, _ in running.challenger.requests)


async def test_headers_as_large_as_envoy_takes_them_are_compared(tmp_path):
    async with mirrored(tmp_path) as (running, ask):
        assert (await ask(1, cookie="x" * 60_000))[0] == 200  # Envoy refuses more than 61,440 bytes
        assert await running.pairs() == {("v8", "Equal"): 1}


async def test_users_notice_nothing_of_a_comparator_that_goes_away(tmp_path):
    async with mirrored(tmp_path) as (running, ask):
        assert (await ask(0))[0] == 200
        running.stop.set()
        async with asyncio.timeout(20):
            while await is_listening(running.addresses.mirror):
                await asyncio.sleep(0.05)
        assert [await ask(number) for number in range(20)] == [(200, {"price": number / 7}) for number in range(20)]


async def is_listening(place):
    host, port = place.split(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    return True
