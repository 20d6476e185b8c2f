"""The collector behind a real Envoy, with a route as the operator makes it: two weighted backends and a hash policy."""

import asyncio
import random
from collections import Counter
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from collector.collecting import RANKER, ROUTE, running
from control_plane.ports import free_port
from given.envoy import HTTP, ROUTER, address, cluster, envoy
from model_experiment.decision.counts import Family
from model_experiment.metrics.families import COLLECTOR

SELF = "model_experiment_collector_{}_total"
ACCESS_LOG = "type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig"
HTTP2 = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def weighted(place, share):
    """One backend of the route; its filter overwrites whatever the model says about itself."""
    header = {"header": {"key": "x-variant", "value": share.variant}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    name = f"httproute/shop/ranker-mexp/rule/0/backend/{place}"
    return {"name": name, "weight": share.weight, "response_headers_to_add": [header]}


def connection_manager():
    user = {"name": "x-user-id", "string_match": {"safe_regex": {"regex": ".+"}}}
    experiment = {
        "name": ROUTE,
        "match": {"prefix": "/", "headers": [user]},
        "route": {
            "timeout": "2s",
            "hash_policy": [{"header": {"header_name": "x-user-id"}}],
            "weighted_clusters": {
                "use_hash_policy": True,
                "clusters": [weighted(place, share) for place, share in enumerate(RANKER.assignment.shares)],
            },
        },
    }
    base = {"name": "base", "match": {"prefix": "/"}, "direct_response": {"status": 204}}
    log = {
        "@type": ACCESS_LOG,
        "common_config": {
            "log_name": "experiments",
            "transport_api_version": "V3",
            "grpc_service": {"envoy_grpc": {"cluster_name": "collector"}},
            "buffer_flush_interval": "0.2s",
        },
        "additional_request_headers_to_log": ["x-user-id", "x-variant"],
        "additional_response_headers_to_log": ["x-variant"],
    }
    return {
        "@type": HTTP,
        "stat_prefix": "story",
        "http_filters": [{"name": "router", "typed_config": {"@type": ROUTER}}],
        "access_log": [{"name": "als", "typed_config": log}],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [experiment, base]}]},
    }


def bootstrap(*, port, als, v8, v7):
    collector = cluster("collector", als)
    collector["typed_extension_protocol_options"] = {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": HTTP2,
            "explicit_http_config": {"http2_protocol_options": {}},
        }
    }
    listener = {
        "name": "in",
        "address": address(port),
        "filter_chains": [{"filters": [{"name": "http", "typed_config": connection_manager()}]}],
    }
    clusters = [
        cluster("httproute/shop/ranker-mexp/rule/0/backend/0", *v8),
        cluster("httproute/shop/ranker-mexp/rule/0/backend/1", *v7),
        collector,
    ]
    return {"static_resources": {"listeners": [listener], "clusters": clusters}}


@asynccontextmanager
async def model(port):
    """A model server that does what the path asks: /ok, /500, /404, /slow (0.3 s), /hangs (longer than the route)."""

    async def answer(request):
        await asyncio.sleep({"/slow": 0.3, "/hangs": 5}.get(request.path, 0))
        code = int(request.path[1:]) if request.path[1:].isdecimal() else 200
        return web.Response(status=code, headers={"x-variant": "what the model says"})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def gateway(tmp_path, *, with_challenger=True):
    """Models, a collector and an Envoy in front of them."""
    v8, v7, als, port = (free_port() for _ in range(4))
    config = bootstrap(port=port, als=als, v8=[v8] if with_challenger else [], v7=[v7])
    async with (
        model(v8),
        model(v7),
        running(tmp_path / "log.db", RANKER, als=f"127.0.0.1:{als}") as collector,
        envoy(tmp_path, config, port=port) as url,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=32)) as session,
    ):

        async def get(path, *users, patience=60, **forged):
            headers = [("x-user-id", user) for user in users] + list(forged.items())
            timeout = aiohttp.ClientTimeout(total=patience)
            async with session.get(url + path, headers=headers, timeout=timeout) as answer:
                return answer.status, answer.headers.get("x-variant")

        yield get, collector


async def test_every_request_of_2000_users_is_counted_under_the_variant_they_met(tmp_path):
    users = [f"user-{number}" for number in range(2000)]
    chance = random.Random(2)
    requests = [(user, path) for user in users for path in ("/ok", chance.choice(["/ok", "/404", "/500"]))]
    chance.shuffle(requests)
    async with gateway(tmp_path) as (get, collector):
        answers = await asyncio.gather(*(get(path, user) for user, path in requests))
        await asyncio.gather(*(get("/ok") for _ in range(20)))
        await collector.until(SELF.format("entries"), 4020)
        scrape = await collector.until(COLLECTOR.metrics[Family.EXPOSURES], 2000)

    assert all(
        variant == RANKER.assignment.variant(user) for (user, _), (_, variant) in zip(requests, answers, strict=True)
    )

    def where(user):
        return RANKER.assignment.variant(user), str(RANKER.assignment.bucket(user))

    assert scrape.by(COLLECTOR.metrics[Family.REQUESTS], "variant", "bucket") == Counter(
        where(user) for user, _ in requests
    )
    assert scrape.by(COLLECTOR.metrics[Family.EXPOSURES], "variant", "bucket") == Counter(where(user) for user in users)
    classes = {"/404": "ClientError", "/500": "ServerError"}
    assert scrape.by(COLLECTOR.metrics[Family.RESPONSES], "variant", "class") == Counter(
        (where(user)[0], classes[path]) for user, path in requests if path in classes
    )
    assert scrape.total(SELF.format("assignment_mismatches")) == 0
    assert scrape.by(SELF.format("unattributed_entries"), "reason") == {}
    assert scrape.total(SELF.format("entries")) == 4020


async def test_harm_is_seen_in_every_form_it_takes(tmp_path):
    """Slow, too slow for the route, given up by the client; and a client's own x-variant is never believed."""
    user = next(user for user in map(str, range(100)) if RANKER.assignment.variant(user) == "v8")
    async with gateway(tmp_path) as (get, collector):
        forged = {"x-variant": "v7", "x-experiment": "shop/other"}
        assert await get("/ok", user, **forged) == (200, "v8")
        assert await get("/slow", user, **forged) == (200, "v8")
        assert await get("/hangs", user, **forged) == (504, "v8")
        with pytest.raises(TimeoutError):
            await get("/hangs", user, patience=1, **forged)
        scrape = await collector.until(COLLECTOR.metrics[Family.REQUESTS], 4)
    assert scrape.by(COLLECTOR.metrics[Family.REQUESTS], "variant") == {("v8",): 4}
    assert scrape.by(COLLECTOR.metrics[Family.SLOW_RESPONSES], "variant", "above") == {("v8", "250ms"): 3}
    assert scrape.by(COLLECTOR.metrics[Family.RESPONSES], "variant", "class") == {("v8", "ServerError"): 1}
    assert scrape.by(SELF.format("unattributed_entries"), "reason") == {}


async def test_a_challenger_without_an_endpoint_is_a_server_error_of_the_challenger(tmp_path):
    user = next(user for user in map(str, range(100)) if RANKER.assignment.variant(user) == "v8")
    async with gateway(tmp_path, with_challenger=False) as (get, collector):
        assert await get("/ok", user) == (503, "v8")
        scrape = await collector.until(COLLECTOR.metrics[Family.REQUESTS], 1)
    assert scrape.by(COLLECTOR.metrics[Family.RESPONSES], "variant", "class") == {("v8", "ServerError"): 1}


async def test_a_user_who_is_named_twice_counts_under_what_envoy_reports(tmp_path):
    """Envoy logs two headers as one text but hashes them in a way of its own: a mismatch, and no wrong count."""
    async with gateway(tmp_path) as (get, collector):
        answers = [await get("/ok", f"a-{number}", f"b-{number}") for number in range(20)]
        scrape = await collector.until(COLLECTOR.metrics[Family.REQUESTS], 20)
    assert scrape.by(COLLECTOR.metrics[Family.REQUESTS], "variant") == Counter((variant,) for _, variant in answers)
    assert 0 < scrape.total(SELF.format("assignment_mismatches")) < 20
