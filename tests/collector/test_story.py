"""The collector over its real protocols: gRPC and HTTP on loopback, SQLite in a file."""

import asyncio
import random
from collections import Counter
from dataclasses import replace
from io import BytesIO

import grpc
import pytest
from envoy.service.accesslog.v3.als_pb2_grpc import AccessLogServiceStub

from collector.collecting import RANKER, entry, message, running, user_of, users_of
from model_experiment.assignment import Assignment, Share
from model_experiment.collector.catalogue import catalogue_of
from model_experiment.decision.counts import Family
from model_experiment.metrics.families import COLLECTOR

EXPOSURES, RAMP_EXPOSURES, REQUESTS, RESPONSES, SLOW, VALUE, OUTCOMES = (
    COLLECTOR.metrics[family]
    for family in (
        Family.EXPOSURES,
        Family.RAMP_EXPOSURES,
        Family.REQUESTS,
        Family.RESPONSES,
        Family.SLOW_RESPONSES,
        Family.OUTCOME_VALUE,
        Family.OUTCOMES,
    )
)
SELF = "model_experiment_collector_{}_total"
MEETS_V8, MEETS_V7 = user_of("v8"), user_of("v7")


def purchase(user, value=1.0):
    return {"experiment": "shop/ranker", "user": user, "name": "purchase", "value": value}


async def test_everything_that_happened_is_counted_where_it_belongs(tmp_path):
    """Three proxies at once, 300 users, 3000 requests, 200 outcomes before, between and after."""
    chance = random.Random(1)
    users = [f"user-{number}" for number in range(300)]
    requests = [
        (chance.choice(users), chance.choice([200, 200, 200, 404, 503]), chance.choice([5, 251])) for _ in range(3000)
    ]
    told = [purchase(chance.choice(users), chance.choice([1, 2.5])) for _ in range(200)]

    async with running(tmp_path / "log.db", RANKER) as collector:
        assert (await collector.tell(told[:100])) == (202, {"accepted": 100, "attributed": 0, "waiting": 100})
        messages = [
            message(*(entry(user, code=code, milliseconds=ms) for user, code, ms in requests[start : start + 50]))
            for start in range(0, 3000, 50)
        ]
        await asyncio.gather(*(collector.stream(*messages[proxy::3]) for proxy in range(3)))
        for one in told[100:]:
            status, _ = await collector.tell(one)
            assert status == 202
        met = {user for user, _, _ in requests}
        scrape = await collector.until(EXPOSURES, len(met))

    def where(user):
        return RANKER.assignment.variant(user), str(RANKER.assignment.bucket(user))

    assert scrape.by(EXPOSURES, "variant", "bucket") == Counter(where(user) for user in met)
    assert scrape.by(REQUESTS, "variant", "bucket") == Counter(where(user) for user, _, _ in requests)
    classes = {404: "ClientError", 503: "ServerError"}
    assert scrape.by(RESPONSES, "variant", "bucket", "class") == Counter(
        (*where(user), classes[code]) for user, code, _ in requests if code in classes
    )
    assert scrape.by(SLOW, "variant", "bucket") == Counter(where(user) for user, _, ms in requests if ms == 251)
    attributed = [one for one in told if one["user"] in met]
    assert scrape.by(OUTCOMES, "variant", "bucket") == Counter(where(one["user"]) for one in attributed)
    assert scrape.total(VALUE) == sum(one["value"] for one in attributed)
    assert scrape.total(SELF.format("entries")) == 3000
    assert scrape.by(SELF.format("unattributed_entries"), "reason") == {}
    assert scrape.total(SELF.format("dropped_entries")) == 0


async def test_nothing_is_counted_twice_over_a_restart(tmp_path):
    """The second process starts at 0, knows who was met, and attributes what the first one could not."""
    async with running(tmp_path / "log.db", RANKER) as first:
        await first.stream(message(entry(MEETS_V8)))
        await first.tell(purchase(MEETS_V7, 2.0))
        await first.until(EXPOSURES, 1)
    async with running(tmp_path / "log.db", RANKER) as second:
        assert (await second.scrape()).total(EXPOSURES) == 0
        assert (await second.tell(purchase(MEETS_V8)))[1] == {"accepted": 1, "attributed": 1, "waiting": 0}
        await second.stream(message(entry(MEETS_V8), entry(MEETS_V7)))
        scrape = await second.until(OUTCOMES, 2)
        assert scrape.by(EXPOSURES, "variant") == {("v7",): 1}
        assert scrape.by(REQUESTS, "variant") == {("v7",): 1, ("v8",): 1}
        assert scrape.by(VALUE, "variant") == {("v8",): 1, ("v7",): 2}


async def test_two_collectors_on_one_log_count_every_user_once(tmp_path):
    users = [user for user, _ in zip(users_of("v8"), range(200), strict=False)]
    async with running(tmp_path / "log.db", RANKER) as one, running(tmp_path / "log.db", RANKER) as other:
        everything = [message(entry(user)) for user in users]
        await asyncio.gather(one.stream(*everything), other.stream(*everything))
        await asyncio.gather(*(collector.tell([purchase(user) for user in users]) for collector in (one, other)))
        scrapes = await one.scrape(), await other.scrape()
    assert sum(scrape.total(EXPOSURES) for scrape in scrapes) == 200
    assert sum(scrape.total(REQUESTS) for scrape in scrapes) == 400
    assert sum(scrape.total(OUTCOMES) for scrape in scrapes) == 400


async def test_a_user_who_is_moved_stays_where_she_was_first(tmp_path):
    """A promotion gives everybody to v8: requests follow, exposure and outcomes stay with the first variant."""
    promoted = replace(RANKER, assignment=Assignment(100_003, (Share("v8", 100_002), Share("v7", 1))))
    async with running(tmp_path / "log.db", RANKER) as collector:
        await collector.stream(message(entry(MEETS_V7)))
        await collector.until(EXPOSURES, 1)
        await collector.catalogues.put(catalogue_of([promoted]))
        await collector.stream(message(entry(MEETS_V7, variant="v8"), entry(MEETS_V7, variant="v8")))
        await collector.tell(purchase(MEETS_V7))
        scrape = await collector.scrape()
    assert scrape.by(EXPOSURES, "variant") == {("v7",): 1}
    assert scrape.by(REQUESTS, "variant") == {("v7",): 1, ("v8",): 2}
    assert scrape.by(OUTCOMES, "variant") == {("v7",): 1}
    assert scrape.total(SELF.format("assignment_mismatches")) == 0


async def test_what_cannot_be_attributed_is_counted_apart(tmp_path):
    async with running(tmp_path / "log.db", RANKER) as collector:
        await collector.stream(
            message(
                entry(),
                entry(MEETS_V8, variant="v9"),
                entry(MEETS_V8, cluster="", code=500),
                entry("u" * 257),
                entry(MEETS_V8, route="httproute/shop/ranker/rule/0/match/0/*"),
                entry(MEETS_V8, variant="v7"),
            )
        )
        scrape = await collector.until(EXPOSURES, 1)
    assert scrape.by(SELF.format("unattributed_entries"), "reason") == {
        ("NoUser",): 1,
        ("UnknownVariant",): 1,
        ("NoUpstreamCluster",): 1,
        ("UnusableUser",): 1,
    }
    assert scrape.by(REQUESTS, "variant") == {("v7",): 1}
    assert scrape.total(SELF.format("assignment_mismatches")) == 1


async def test_a_message_that_cannot_be_read_does_not_end_the_stream(tmp_path):
    async with running(tmp_path / "log.db", RANKER) as collector:
        async with grpc.aio.insecure_channel(collector.addresses.als) as channel:
            raw = channel.stream_unary("/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs")
            good = message(entry(MEETS_V8)).SerializeToString()
            await raw(iter([good, b"\xff\xff\xff", b"", good[:-3], good]))
        scrape = await collector.until(EXPOSURES, 1)
    assert scrape.total(REQUESTS) == 2
    assert scrape.by(SELF.format("unattributed_entries"), "reason") == {("Malformed",): 2}


async def test_a_proxy_that_breaks_off_loses_nothing_it_sent(tmp_path):
    async with running(tmp_path / "log.db", RANKER) as collector:
        async with grpc.aio.insecure_channel(collector.addresses.als) as channel:
            call = AccessLogServiceStub(channel).StreamAccessLogs()
            await call.write(message(entry(MEETS_V8)))
            await collector.until(REQUESTS, 1)
            call.cancel()
        assert (await collector.until(EXPOSURES, 1)).total(REQUESTS) == 1


async def test_a_stop_does_not_wait_for_proxies(tmp_path):
    async with asyncio.timeout(30), running(tmp_path / "log.db", RANKER) as collector:
        channel = grpc.aio.insecure_channel(collector.addresses.als)
        call = AccessLogServiceStub(channel).StreamAccessLogs()
        await call.write(message(entry(MEETS_V8)))
        await collector.until(REQUESTS, 1)
    await channel.close()


async def test_a_deleted_experiment_is_forgotten(tmp_path):
    async with running(tmp_path / "log.db", RANKER) as collector:
        await collector.stream(message(entry(MEETS_V8)))
        await collector.until(EXPOSURES, 1)
        await collector.catalogues.put(catalogue_of([]))
        await collector.stream(message(entry(MEETS_V8)))
        assert not [name for name, labels in (await collector.scrape()).samples if "ranker" in str(labels)]
        assert (await collector.tell(purchase(MEETS_V8)))[0] == 404


BAD_REQUESTS = [
    pytest.param(
        {"data": b"{}", "headers": {"content-type": "text/plain"}},
        (415, "the content type must be application/json, found text/plain"),
        id="another content type",
    ),
    pytest.param(
        {"data": BytesIO(b"x" * (1024 * 1024 + 1)), "headers": {"content-type": "application/json"}},
        (413, "the body must be at most 1048576 bytes, found more"),
        id="a body of more than a MiB",
    ),
    pytest.param(
        {"data": b"nonsense", "headers": {"content-type": "application/json"}},
        (400, "the body must be JSON, found Expecting value: line 1 column 1 (char 0)"),
        id="no JSON",
    ),
    pytest.param(
        {"json": {**purchase("u"), "experiment": "shop/unknown"}},
        (404, 'experiment must be one that is counted now, as namespace/name, found "shop/unknown"'),
        id="an unknown experiment",
    ),
]


@pytest.mark.parametrize(("request_", "expected"), BAD_REQUESTS)
async def test_a_bad_outcome_is_refused_with_a_sentence(tmp_path, request_, expected):
    async with running(tmp_path / "log.db", RANKER) as collector:
        url = f"http://{collector.addresses.http}/v1/outcomes"
        async with collector.session.post(url, **request_) as answer:
            assert (answer.status, *(await answer.json())["faults"]) == expected


async def test_other_paths_and_methods_are_refused_with_a_sentence(tmp_path):
    async with running(tmp_path / "log.db", RANKER) as collector:
        assert await collector.get("/nowhere") == (404, '{"faults": ["GET /nowhere: Not Found"]}')
        assert await collector.get("/v1/outcomes") == (405, '{"faults": ["GET /v1/outcomes: Method Not Allowed"]}')


async def test_it_is_ready_once_the_experiments_are_known(tmp_path):
    async with running(tmp_path / "log.db") as collector:
        assert await collector.get("/healthz") == (200, "alive\n")
        assert await collector.get("/readyz") == (200, "ready\n")


async def test_during_a_ramp_requests_count_and_users_do_not_until_the_full_split(tmp_path):
    ramped = replace(RANKER, ramped=True)
    ramping = replace(ramped, exposing=False)
    async with running(tmp_path / "log.db", ramping) as collector:
        assert await collector.tell(purchase(MEETS_V8)) == (202, {"accepted": 0, "attributed": 0, "waiting": 0})
        await collector.stream(message(entry(MEETS_V8), entry(MEETS_V7)))
        scrape = await collector.until(RAMP_EXPOSURES, 2)
        assert (scrape.total(REQUESTS), scrape.total(EXPOSURES)) == (2, 0)

        await collector.catalogues.put(catalogue_of([ramped]))
        await collector.stream(message(entry(MEETS_V8)))
        scrape = await collector.until(EXPOSURES, 1, variant="v8")
        assert (scrape.total(REQUESTS), scrape.total(EXPOSURES), scrape.total(VALUE)) == (3, 1, 0)
        assert scrape.total(RAMP_EXPOSURES) == 2
