"""A comparator between real models on loopback: what users asked is asked again, compared and counted."""

import asyncio
import gzip
import json
import sqlite3
import time

import pytest
from aiohttp import web

from comparator.shadowing import (
    ANSWERS,
    FIELDS,
    LEFT_OUT,
    NOT_COMPARABLE,
    PAIRS,
    comparing,
    database,
    experiment,
    hang,
    manifest,
    reset,
    say,
    say_number,
    take,
)
from model_experiment.comparator.catalogue import catalogue_of, shadowed_from
from model_experiment.comparator.store import newest

EQUAL = {("v8", "Equal"): 1}
DIFFERENT = {("v8", "Different"): 1}
NOT = {("v8", "NotComparable"): 1}


async def slow(_):
    await take(5)
    return web.json_response({"score": 0.5})


CHALLENGERS = [
    pytest.param(say({"score": 0.52}), EQUAL, "Answered", {}, id="fast, and near enough"),
    pytest.param(say({"score": 0.9}), DIFFERENT, "Answered", {}, id="fast, and another answer"),
    pytest.param(slow, NOT, "Timeout", {("Timeout",): 1}, id="5 s slow"),
    pytest.param(hang, NOT, "Timeout", {("Timeout",): 1}, id="silent"),
    pytest.param(reset, NOT, "Connection", {("Connection",): 1}, id="resetting"),
    pytest.param(None, NOT, "Connection", {("Connection",): 1}, id="absent"),
    pytest.param(say({}, status=500), NOT, "ServerError", {("ErrorStatus",): 1}, id="failing"),
    pytest.param(say({}, status=404), DIFFERENT, "ClientError", {}, id="refusing"),
    pytest.param(say(b"{"), NOT, "Answered", {("NotJson",): 1}, id="talking nonsense"),
    pytest.param(say(b" " * 2_000_000), NOT, "TooLarge", {("TooLarge",): 1}, id="answering without end"),
]


@pytest.mark.parametrize(("challenger", "pairs", "result", "reasons"), CHALLENGERS)
async def test_a_challenger_of_any_kind_is_compared_or_told_why_not(tmp_path, challenger, pairs, result, reasons):
    shadow = experiment(timeout="300ms" if result == "Timeout" else "1m", championTimeout="1m")
    async with comparing(tmp_path, shadow, champion=say({"score": 0.5}), challenger=challenger) as running:
        assert await running.mirror(json={"user": 1}) == 202
        scrape = await running.until(PAIRS, 1)
    assert scrape.by(PAIRS, "variant", "result") == pairs
    assert scrape.by(ANSWERS, "variant", "result") == {("v7", "Answered"): 1, ("v8", result): 1}
    assert scrape.by(NOT_COMPARABLE, "reason") == reasons


async def test_both_models_get_what_the_user_sent_less_what_belongs_to_one_connection(tmp_path):
    body = gzip.compress(json.dumps({"q": "shoes"}).encode())
    headers = {
        "x-user-id": "u-1",
        "authorization": "Bearer t",
        "content-type": "application/json",
        "content-encoding": "gzip",
        "accept-encoding": "br, gzip",
        "connection": "keep-alive, x-hop",
        "x-hop": "1",
        "x-city": "Zürich",
    }
    shadow = experiment()
    async with comparing(tmp_path, shadow, champion=say({}), challenger=say({})) as running:
        await running.mirror("/v1/rank%2Fa?x=%20b&x=c", data=body, headers=headers, skip_auto_headers=["User-Agent"])
        await running.until(PAIRS, 1)
    for model in (running.champion, running.challenger):
        ((method, target, received, got),) = model.requests
        assert (method, target, got) == ("POST", "/v1/rank%2Fa?x=%20b&x=c", body)
        assert {name.lower(): value for name, value in received.items()} == {
            "x-experiment": "shop/ranker",
            "x-request-id": "r-1",
            "x-user-id": "u-1",
            "x-city": "Zürich",
            "authorization": "Bearer t",
            "content-type": "application/json",
            "content-encoding": "gzip",
            "accept-encoding": "gzip",
            "accept": "*/*",
            "x-shadow": "1",
            "host": model.url.removeprefix("http://"),
            "content-length": str(len(body)),
        }


LEAVING_OUT = [
    pytest.param({"headers": {"x-shadow": "1"}}, 204, {("Shadow",): 1}, id="a copy of a copy"),
    pytest.param({"method": "PUT"}, 204, {("Method",): 1}, id="a method that may change something"),
    pytest.param({"method": "HEAD"}, 204, {("Method",): 1}, id="a method without an answer to compare"),
    pytest.param({"target": "/v2/models"}, 204, {("Method",): 1}, id="a path that may change something"),
    pytest.param({"target": "/v1/../v2"}, 204, {("Method",): 1}, id="a path that leads elsewhere"),
    pytest.param({"target": "/v1/%2e%2e/v2"}, 204, {("Method",): 1}, id="a path that leads elsewhere, escaped"),
    pytest.param({"data": b"x" * 2_000_000}, 204, {("TooLarge",): 1}, id="a body beyond the limit"),
    pytest.param({"headers": {"x-experiment": "shop/other"}}, 404, {}, id="an experiment that nobody knows"),
    pytest.param({"headers": {"x-experiment": ""}}, 404, {}, id="no experiment"),
]


@pytest.mark.parametrize(("request_", "status", "left_out"), LEAVING_OUT)
async def test_what_must_not_be_asked_again_never_reaches_a_model(tmp_path, request_, status, left_out):
    shadow = experiment(replay=[{"method": "POST", "path": "/v1"}])
    async with comparing(tmp_path, shadow, champion=say({}), challenger=say({})) as running:
        sent = {"target": "/v1/rank"} | request_
        target = sent.pop("target")
        assert await raw(running, target, **sent) == status
        scrape = await running.scrape()
    assert scrape.by(LEFT_OUT, "reason") == left_out
    assert scrape.total("model_experiment_comparator_unknown_experiments_total") == (status == 404)
    assert running.champion.requests == running.challenger.requests == []
    assert scrape.by(PAIRS, "result") == ({("NotComparable",): 1} if left_out == {("TooLarge",): 1} else {})


async def raw(running, target, *, method="POST", headers=(), data=b""):
    """A request written by hand: a client would tidy its path."""
    host, port = running.addresses.mirror.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    given = {"host": "x", "x-experiment": "shop/ranker", "content-length": str(len(data))} | dict(headers)
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    writer.write(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode(errors="surrogateescape") + data)
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status


async def test_a_request_that_breaks_off_gives_its_room_back(tmp_path):
    async with comparing(tmp_path, experiment(), champion=say({}), challenger=say({}), pairs_under_way=1) as running:
        host, port = running.addresses.mirror.split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\nx-experiment: shop/ranker\r\ncontent-length: 100\r\n\r\nhalf")
        await running.until("model_experiment_comparator_held_bytes", 4)
        assert await running.mirror() == 204
        writer.close()
        await running.until(LEFT_OUT, 1, reason="Broken")
        assert await running.mirror() == 202
        scrape = await running.until(PAIRS, 2)
    assert scrape.by(PAIRS, "result") == {("NotComparable",): 1, ("Equal",): 1}


async def test_bytes_that_are_no_text_in_a_header_cost_that_header_alone(tmp_path):
    async with comparing(tmp_path, experiment(), champion=say({}), challenger=say({})) as running:
        assert await raw(running, "/", headers={"x-name": "Jos\udce9", "x-user-id": "u-\udce9"}) == 202
        assert await running.pairs() == EQUAL
    assert "x-name" not in running.champion.requests[0][2]


async def test_unknown_experiments_create_no_series(tmp_path):
    async with comparing(tmp_path, experiment(), champion=say({}), challenger=say({})) as running:
        before = await running.scrape()
        for name in ("shop/other", "x" * 1000, "shop/ranker2"):
            await running.mirror(headers={"x-experiment": name})
        after = await running.scrape()
    assert after.samples.keys() == before.samples.keys()


async def test_everything_declared_is_there_at_0_from_the_start(tmp_path):
    shadow = experiment(latencyMargin="50%", outputs=[{"name": "score", "path": "/score", "number": {}}])
    async with comparing(tmp_path, shadow, champion=say({}), challenger=say({})) as running:
        scrape = await running.scrape()
    names = [name for name, labels in scrape.samples if dict(labels).get("uid") == "5e1f-1"]
    assert not any(value for (_, labels), value in scrape.samples.items() if dict(labels).get("uid"))
    assert {name: names.count(name) for name in set(names) if name.endswith("_total")} == {
        PAIRS: 2 * 3 * 100,
        "model_experiment_shadow_requests_total": 2 * 100,
        "model_experiment_shadow_responses_total": 2 * 2 * 100,
        "model_experiment_shadow_slow_responses_total": 2 * 100,
        "model_experiment_shadow_slower_pairs_total": 2 * 100,
        ANSWERS: 2 * 7,
        NOT_COMPARABLE: 2 * 9,
        "model_experiment_shadow_outputs_total": 2 * 3,
        LEFT_OUT: 7,
    }


@pytest.mark.parametrize("planted", [0, 2, 5, 8])
async def test_planted_divergences_are_counted_as_planted(tmp_path, planted):
    def wrong(number):
        return 0.9 if number % 100 < planted else 0.5

    shadow = experiment(outputs=[{"name": "score", "path": "/score", "number": {}}])
    models = {"champion": say_number(lambda _: 0.5), "challenger": say_number(wrong)}
    async with comparing(tmp_path, shadow, **models) as running:
        await ask_many(running, 200)
        scrape = await running.until(PAIRS, 200)
    expected = {("v8", "Different"): 2 * planted, ("v8", "Equal"): 200 - 2 * planted}
    assert scrape.by(PAIRS, "variant", "result") == {key: count for key, count in expected.items() if count}
    assert scrape.by(FIELDS, "variant", "field") == ({("v8", "score"): 2 * planted} if planted else {})
    scores = scrape.by("model_experiment_shadow_scores_bucket", "variant", le="0.5")
    assert scores == {("v7",): 200, ("v8",): 200 - 2 * planted}


async def ask_many(running, requests):
    """All requests, ten at a time, each of a user of its own."""
    for first in range(0, requests, 10):
        asked = (
            running.mirror(f"/v1/rank?n={number}", headers={"x-user-id": f"u-{number}"})
            for number in range(first, first + 10)
        )
        assert set(await asyncio.gather(*asked)) == {202}


async def test_a_noisy_champion_is_measured_against_itself(tmp_path):
    """The champion's every 25th answer is another, and a quarter of the requests is asked twice."""
    answers, chances = iter(range(10**6)), iter(range(10**6))

    def noisy(_):
        return 0.9 if next(answers) % 25 == 0 else 0.5

    shadow = experiment(repeatChampion=25)
    models = {"champion": say_number(noisy), "challenger": say_number(lambda _: 0.5)}
    async with comparing(tmp_path, shadow, **models, chance=lambda: next(chances) % 4 / 4) as running:
        for number in range(200):
            await running.mirror(f"/?n={number}")
        scrape = await running.until(PAIRS, 250)
    pairs = scrape.by(PAIRS, "variant", "result")
    assert len(running.champion.requests) == 250
    assert sum(count for (variant, _), count in pairs.items() if variant == "v7") == 50
    own, other = pairs["v7", "Different"], pairs["v8", "Different"]
    assert 0 < own <= 10
    assert own + other >= 10  # each of the ten other answers is seen by one pair of the challenger or of its own
    assert scrape.total(ANSWERS, variant="v7") == 200


async def test_a_challenger_as_slow_as_the_champion_looks_no_worse_than_the_champion_with_itself(tmp_path):
    async def late(_):
        await take(0.4)
        return web.json_response({"a": 1})

    shadow = experiment(timeout="100ms", championTimeout="1m", repeatChampion=100)
    async with comparing(tmp_path, shadow, champion=late, challenger=late) as running:
        await running.mirror()
        scrape = await running.until(PAIRS, 2)
    both = {("v7",): 1, ("v8",): 1}
    assert scrape.by(PAIRS, "variant", result="NotComparable") == both
    assert scrape.by(NOT_COMPARABLE, "variant", reason="Timeout") == both
    assert scrape.by("model_experiment_shadow_responses_total", "variant", **{"class": "ServerError"}) == both


async def test_a_comparator_that_is_late_itself_lays_nothing_on_a_model(tmp_path):
    async def blocking(_):
        time.sleep(1.5)  # noqa: ASYNC251 - the comparator shares this loop, so it sees no answer meanwhile
        return web.json_response({})

    shadow = experiment(timeout="1s", championTimeout="1s", repeatChampion=100)
    async with comparing(tmp_path, shadow, champion=blocking, challenger=say({})) as running:
        await running.mirror()
        scrape = await running.until(PAIRS, 2)
    assert scrape.by(PAIRS, "variant", "result") == {("v7", "Equal"): 1, ("v8", "Equal"): 1}
    assert scrape.by(ANSWERS, "variant", "result") == {("v7", "Answered"): 1, ("v8", "Answered"): 1}
    assert scrape.total("model_experiment_shadow_slow_responses_total") == 0


async def test_each_of_several_challengers_is_held_against_the_champion(tmp_path):
    raw = manifest(repeatChampion=100)
    raw["spec"]["challengers"].append({"name": "v9", "backendRef": {"name": "ranker-v9", "port": 8080}})
    models = {"champion": say({"a": 1}), "challenger": say({"a": 2})}
    async with comparing(tmp_path, shadowed_from(raw), **models) as running:
        await running.mirror()
        scrape = await running.until(PAIRS, 3)
    assert scrape.by(PAIRS, "variant", "result") == {
        ("v7", "Equal"): 1,
        ("v8", "Different"): 1,
        ("v9", "NotComparable"): 1,  # nobody answers there
    }
    assert scrape.by(ANSWERS, "variant", "result") == {
        ("v7", "Answered"): 1,
        ("v8", "Answered"): 1,
        ("v9", "Connection"): 1,
    }


async def test_pairs_count_in_the_bucket_of_their_user(tmp_path):
    shadow = experiment()
    async with comparing(tmp_path, shadow, champion=say({}), challenger=say({})) as running:
        for user in ("u-1", "u-1", "u-2"):
            await running.mirror(headers={"x-user-id": user})
        await running.mirror(headers={"x-request-id": "r-7"})
        scrape = await running.until(PAIRS, 4)
    wanted = {}
    for unit in ("u-1", "u-1", "u-2", "r-7"):
        key = (str(shadow.bucket(unit)), "Equal")
        wanted[key] = wanted.get(key, 0) + 1
    assert scrape.by(PAIRS, "bucket", "result") == wanted


async def test_time_and_errors_are_counted_for_guardrails(tmp_path):
    async def late(_):
        await take(1.6)
        return web.json_response({}, status=503)

    shadow = experiment(latencyMargin="50%", timeout="1m", championTimeout="1m")
    async with comparing(tmp_path, shadow, champion=say({}), challenger=late) as running:
        await running.mirror()
        scrape = await running.until(PAIRS, 1)
    assert scrape.by("model_experiment_shadow_requests_total", "variant") == {("v7",): 1, ("v8",): 1}
    assert scrape.by("model_experiment_shadow_responses_total", "variant", "class") == {("v8", "ServerError"): 1}
    assert scrape.by("model_experiment_shadow_slow_responses_total", "variant", "above") == {("v8", "1s"): 1}
    assert scrape.by("model_experiment_shadow_slower_pairs_total", "variant") == {("v8",): 1}
    assert scrape.by("model_experiment_shadow_latency_seconds_bucket", "variant", le="1.0") == {("v7",): 1}


async def test_a_hung_challenger_holds_no_more_than_the_room_there_is(tmp_path):
    shadow = experiment(timeout="4s", championTimeout="1m")
    room = {"pairs_under_way": 8, "body_bytes": 1_000_000, "answer_bytes": 1_000_000}
    async with comparing(tmp_path, shadow, champion=say({"a": 1}), challenger=hang, **room) as running:
        statuses = [await running.mirror(data=b"x" * 10_000) for _ in range(50)]
        meanwhile = await running.scrape()
        assert meanwhile.total("model_experiment_comparator_pairs_under_way") == 8
        assert 80_000 <= meanwhile.total("model_experiment_comparator_held_bytes") <= 1_000_000
        scrape = await running.until(NOT_COMPARABLE, 8, reason="Timeout")
        after = await running.until(PAIRS, 50)
    assert (statuses.count(202), statuses.count(204)) == (8, 42)
    assert scrape.by(LEFT_OUT, "reason") == {("Busy",): 42}
    assert after.by(NOT_COMPARABLE, "variant", "reason") == {("v8", "Dropped"): 42, ("v8", "Timeout"): 8}
    assert after.total("model_experiment_comparator_pairs_under_way") == 0
    assert after.total("model_experiment_comparator_held_bytes") == 0


async def test_bodies_that_find_no_room_are_not_held(tmp_path):
    shadow = experiment(timeout="4s")
    room = {"body_bytes": 50_000, "answer_bytes": 40_000}
    async with comparing(tmp_path, shadow, champion=say({"a": 1}), challenger=hang, **room) as running:
        assert await running.mirror(data=b"x" * 30_000) == 202
        assert await running.mirror(data=b"x" * 30_000) == 204
        assert (await running.scrape()).by(LEFT_OUT, "reason") == {("Memory",): 1}


async def test_an_answer_that_finds_no_room_is_dropped_and_blames_nobody(tmp_path):
    room = {"body_bytes": 50_000, "answer_bytes": 40_000}
    big = say({"a": "x" * 39_000})
    async with comparing(tmp_path, experiment(), champion=big, challenger=big, **room) as running:
        await running.mirror()
        scrape = await running.until(PAIRS, 1)
    assert scrape.by(NOT_COMPARABLE, "reason") == {("Dropped",): 1}
    assert scrape.total("model_experiment_shadow_responses_total") == 0
    assert scrape.total(ANSWERS, result="Dropped") >= 1


async def test_more_than_the_pace_is_left_out(tmp_path):
    async with comparing(tmp_path, experiment(), champion=say({}), challenger=say({}), pairs_per_second=1) as running:
        statuses = [await running.mirror() for _ in range(5)]
        scrape = await running.scrape()
    assert statuses[0] == 202
    assert scrape.total(LEFT_OUT, reason="Pace") == statuses.count(204) >= 1
    assert scrape.total(NOT_COMPARABLE) == 0


def stream(*pieces, pause=0.0):
    async def answer(request):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in pieces:
            event = {"choices": [{"delta": {"content": piece}}]}
            await response.write(f"data: {json.dumps(event)}\n\n".encode())
            await asyncio.sleep(pause)
        await response.write(b"data: [DONE]\n\n")
        return response

    return answer


TEXT = {"outputs": [{"name": "text", "path": "/text", "text": {"minimum": "80%"}}]}
LABEL = {"outputs": [{"name": "class", "path": "/predictions/0", "label": {}}]}
CAT, STILL_CAT, DOG = ({"predictions": [{"cat": cat, "dog": 1 - cat}]} for cat in (0.9, 0.6, 0.2))
LARGE = {"items": [{"id": number, "score": number / 7} for number in range(20_000)]}

BODIES = [
    pytest.param({}, say(gzip.compress(b'{"a": 1}'), headers={"Content-Encoding": "gzip"}), say({"a": 1}), EQUAL,
                 id="gzip"),
    pytest.param({}, say(LARGE), say(LARGE), EQUAL, id="a large body"),
    pytest.param({}, say(LARGE), say({"items": LARGE["items"][:-1]}), DIFFERENT, id="a large body that lacks an item"),
    pytest.param(TEXT, stream("The cat ", "sat ", "down."), stream("The ", "cat sat down", "."), EQUAL,
                 id="streams of one text"),
    pytest.param(TEXT, stream("The cat sat down."), stream("A dog ran away.", pause=0.01), DIFFERENT,
                 id="streams of two texts"),
    pytest.param({}, say({"a": {"b": [{"c": 1}]}}), say({"a": {"b": [{"c": 2}]}}), DIFFERENT, id="nested JSON"),
    pytest.param({"outputs": [{"name": "ids", "path": "/ids", "set": {}}]}, say({"ids": [1, 2]}), say({"ids": [2, 1]}),
                 EQUAL, id="a list in any order"),
    pytest.param(LABEL, say(CAT), say(STILL_CAT), EQUAL, id="one label with other scores"),
    pytest.param(LABEL, say(CAT), say(DOG), DIFFERENT, id="two labels"),
    pytest.param({}, say(b"", status=204), say(b"", status=204), NOT, id="204 twice"),
]  # fmt: skip


@pytest.mark.parametrize(("shadow", "champion", "challenger", "pairs"), BODIES)
async def test_answers_of_any_form_are_compared(tmp_path, shadow, champion, challenger, pairs):
    async with comparing(tmp_path, experiment(**shadow), champion=champion, challenger=challenger) as running:
        await running.mirror(method="GET")
        assert await running.pairs() == pairs


async def test_an_experiment_that_goes_takes_its_series_along_and_lets_pairs_end(tmp_path):
    async with comparing(tmp_path, experiment(timeout="200ms"), champion=say({}), challenger=hang) as running:
        assert await running.mirror() == 202
        await running.catalogues.put(catalogue_of(()))
        async with asyncio.timeout(10):
            while (await running.scrape()).total(PAIRS) or await running.mirror() != 404:
                await asyncio.sleep(0.01)
            while (scrape := await running.scrape()).total("model_experiment_comparator_pairs_under_way"):
                await asyncio.sleep(0.01)
    assert scrape.total("model_experiment_comparator_faults_total") == 0
    assert not any(dict(labels).get("uid") for _, labels in scrape.samples)


async def test_an_experiment_that_changes_forgets_what_was_asked_before(tmp_path):
    async with comparing(tmp_path, experiment(timeout="300ms"), champion=say({}), challenger=hang) as running:
        assert await running.mirror() == 202
        renamed = manifest()
        renamed["spec"]["challengers"][0]["name"] = "v9"
        await running.catalogues.put(catalogue_of([shadowed_from(renamed)]))
        async with asyncio.timeout(10):
            while (scrape := await running.scrape()).total("model_experiment_comparator_pairs_under_way"):
                await asyncio.sleep(0.01)
    assert scrape.total(PAIRS) == scrape.total("model_experiment_comparator_faults_total") == 0
    assert scrape.total(ANSWERS, variant="v9") == 0


async def test_a_stop_waits_for_pairs_under_way_and_their_evidence(tmp_path):
    async def later(_):
        await asyncio.sleep(0.3)
        return web.json_response({"a": 2})

    async with comparing(tmp_path, experiment(), champion=say({"a": 1}), challenger=later) as running:
        await running.mirror()
    (difference,) = newest(database(tmp_path), "shop/ranker", most=10)
    assert difference.fields == ("answer/a",)


@pytest.mark.parametrize(
    ("evidence", "champion", "answer"),
    [
        pytest.param({}, None, None, id="fields alone, where nothing is said"),
        pytest.param({"bodies": "Keep"}, '{"a":1,"user":{"name":"Ann"}}', '{"a":2,"user":{"name":"Ann"}}', id="both"),
        pytest.param(
            {"bodies": "Keep", "redact": ["/user/*"]},
            '{"a":1,"user":{"name":"(redacted)"}}',
            '{"a":2,"user":{"name":"(redacted)"}}',
            id="both, but for what nobody must read",
        ),
    ],
)
async def test_evidence_is_what_the_spec_asks_for(tmp_path, evidence, champion, answer):
    models = [say({"a": number, "user": {"name": "Ann"}}) for number in (1, 2)]
    shadow = experiment(evidence=evidence)
    async with comparing(tmp_path, shadow, champion=models[0], challenger=models[1]) as running:
        await running.mirror("/v1/rank?user=Ann")
        await running.until(PAIRS, 1)
    (difference,) = newest(database(tmp_path), "shop/ranker", most=10)
    assert (difference.variant, difference.request, difference.request_id) == ("v8", "POST /v1/rank", "r-1")
    assert difference.fields == ("answer/a",)
    assert (difference.champion, difference.answer) == (champion, answer)


async def test_half_a_character_in_an_answer_breaks_neither_metrics_nor_evidence(tmp_path):
    models = [say(b'{"\\ud800": %d, "\\u0000": "\\udfff"}' % number) for number in (1, 2)]
    shadow = experiment(evidence={"bodies": "Keep"})
    async with comparing(tmp_path, shadow, champion=models[0], challenger=models[1]) as running:
        await running.mirror()
        scrape = await running.until(PAIRS, 1)
    assert scrape.by(FIELDS, "field") == {("answer/?",): 1}
    (difference,) = newest(database(tmp_path), "shop/ranker", most=10)
    assert (difference.fields, difference.answer) == (("answer/?",), '{"?":2,"\\u0000":"?"}')


async def test_the_evidence_of_an_experiment_goes_with_it(tmp_path):
    async with comparing(tmp_path, experiment(), champion=say({"a": 1}), challenger=say({"a": 2})) as running:
        await running.mirror()
        await running.until(PAIRS, 1)
        await kept(tmp_path, 1)
        await running.mirror()
        await running.until(PAIRS, 2)  # its evidence waits for the next batch
        running.forget(experiment().uid)
        await kept(tmp_path, 0)
    assert newest(database(tmp_path), "shop/ranker", most=10) == []


async def kept(folder, count):
    async with asyncio.timeout(20):
        while len(newest(database(folder), "shop/ranker", most=10)) != count:
            await asyncio.sleep(0.05)


async def test_a_deletion_that_a_database_did_not_take_is_not_forgotten(tmp_path, caplog):
    async with comparing(tmp_path, experiment(), champion=say({"a": 1}), challenger=say({"a": 2})) as running:
        await running.mirror()
        await running.until(PAIRS, 1)
        await kept(tmp_path, 1)
        with sqlite3.connect(tmp_path / "evidence.db") as other:
            other.execute("ALTER TABLE differences RENAME TO away")
        running.forget(experiment().uid)
        async with asyncio.timeout(20):
            while "no such table: differences" not in caplog.text:
                await asyncio.sleep(0.05)
        with sqlite3.connect(tmp_path / "evidence.db") as other:
            other.execute("ALTER TABLE away RENAME TO differences")
    assert newest(database(tmp_path), "shop/ranker", most=10) == []


async def test_a_database_that_breaks_costs_evidence_alone(tmp_path):
    async with comparing(tmp_path, experiment(), champion=say({"a": 1}), challenger=say({"a": 2})) as running:
        with sqlite3.connect(tmp_path / "evidence.db") as other:
            other.execute("DROP TABLE differences")
        await running.mirror()
        scrape = await running.until("model_experiment_comparator_lost_evidence_total", 1)
    assert scrape.by(PAIRS, "variant", "result") == DIFFERENT
