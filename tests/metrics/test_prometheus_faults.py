"""Whatever a server does, the answer is typed, says why, and comes within the deadline."""

import asyncio
import gzip
import json
import re
import socket
import time
from urllib.parse import parse_qs, urlsplit

import pytest

from metrics.builders import NOW, QUESTION, REQUESTS, matrix, reading, series_of, vector
from metrics.fault_server import answering, black_hole, breaking_off, dripping, flooding, head, serving
from model_experiment.errors import SettingsError
from model_experiment.metrics.prometheus import Limits, PrometheusSource
from model_experiment.metrics.source import History, NoData, NotANumber, SourceDown, Stale, Value

DEADLINE = 1.5
TOLERANCE = 4.0  # for a busy machine; the four tries of the client library alone would take 14 s
LIMITS = Limits(deadline_seconds=DEADLINE, stale_after_seconds=45, threads=2, largest_bytes=2**20, largest_series=5000)
GOOD = vector(series_of(reading(3.0)))
JSON_HEAD = head(Content_Type="application/json", Transfer_Encoding="chunked")
ONE_SERIES = b'{"metric":{"__name__":"x","instance":"10.0.0.1:9090"},"value":[1700000000,"1"]},'


@pytest.fixture
def connect():
    """Sources that are closed after the test."""
    sources = []

    def make(url, limits=LIMITS):
        sources.append(PrometheusSource(url, limits=limits))
        return sources[-1]

    yield make
    for source in sources:
        source.close()


async def timed(reads, *, seconds=DEADLINE):
    began = time.monotonic()
    answer = await reads
    assert time.monotonic() - began < seconds + TOLERANCE
    return answer


async def until(holds):
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


def chunked(content):
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"


FAULTS = [
    pytest.param(black_hole, "did not answer in time|no complete answer", id="a black hole"),
    pytest.param(
        dripping(head(Content_Length=10**6), b" "), "no complete answer", id="a body with a length that drips"
    ),
    pytest.param(dripping(JSON_HEAD, chunked(b" ")), "no complete answer", id="a body in chunks that drips"),
    pytest.param(
        dripping(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
        "no complete answer|broke off|not be reached",
        id="heads that drip",
    ),
    pytest.param(answering(b"oops", "500 Internal Server Error"), r"refused the query: .*500 \(b'oops'", id="500"),
    pytest.param(
        answering(b"busy", "503 Service Unavailable", Retry_After=3600),
        r"refused the query: .*503",
        id="503, come later",
    ),
    pytest.param(
        answering({"status": "error", "errorType": "bad_data", "error": "parse error"}, "400 Bad Request"),
        "refused the query: .*400 .*parse error",
        id="a query that Prometheus does not like",
    ),
    pytest.param(answering(b"<html>hello"), "is not JSON", id="a page"),
    pytest.param(answering(b""), "is not JSON", id="nothing"),
    pytest.param(answering(b'{"status":"success"'), "is not JSON", id="half an object"),
    pytest.param(answering(b"\xff\xfe\xfd"), "is not JSON", id="bytes that are no text"),
    pytest.param(answering(b"[" * 200_000), "nested too deeply|is not JSON", id="brackets without end"),
    pytest.param(answering([1, 2]), r"not understood: .*found \[1, 2\]", id="another JSON"),
    pytest.param(answering({"status": "error", "error": "boom"}), "not understood: .*boom", id="an error with 200"),
    pytest.param(
        answering({"status": "success", "data": {"resultType": "string", "result": [NOW, "x"]}}),
        "must be a (vector|matrix), found string",
        id="a text",
    ),
    pytest.param(
        answering({"status": "success", "data": {"resultType": "scalar", "result": [NOW, "1"]}}),
        "must be a (vector|matrix), found scalar",
        id="a scalar",
    ),
    pytest.param(
        answering(vector([({"instance": "a"}, "1")])),
        "a series is not shaped as promised",
        id="a series without a name",
    ),
    pytest.param(
        answering(
            vector([(labels, value) for labels, value in series_of(reading()) if "started" not in labels["__name__"]])
        ),
        "must report model_experiment_collector_started_timestamp_seconds, found none",
        id="counters without their start",
    ),
    pytest.param(breaking_off(head(Content_Length=1000) + b"{"), "broke off", id="a body that breaks off"),
    pytest.param(breaking_off(JSON_HEAD + chunked(b"{")), "broke off", id="chunks that break off"),
    pytest.param(breaking_off(b"HTTP/1.1 2"), "could not be reached|broke off", id="heads that break off"),
    pytest.param(breaking_off(b"SSH-2.0-x\r\n"), "could not be reached|broke off", id="another protocol"),
    pytest.param(breaking_off(JSON_HEAD + b"zz\r\n"), "broke off", id="a chunk without a length"),
    pytest.param(
        answering(b"not gzip", Content_Encoding="gzip"),
        "broke off",
        id="a body that is not compressed as it says",
    ),
    pytest.param(
        answering(gzip.compress(b" " * 50_000_000), Content_Encoding="gzip"),
        "too large: an answer must have at most 1048576 bytes",
        id="50 MB in 50 kB",
    ),
    pytest.param(
        flooding(
            head(Connection="close") + b'{"status":"success","data":{"resultType":"vector","result":[',
            ONE_SERIES * 1000,
            times=1000,
        ),
        "too large: an answer must have at most 1048576 bytes, found more",
        id="a million series",
    ),
    pytest.param(
        answering(b'{"status":"success","data":{"resultType":"vector","result":[' + ONE_SERIES * 6000),
        "too large: an answer must have at most 5000 series, found 6000",
        id="too many series in few bytes",
    ),
]


@pytest.mark.parametrize(("behave", "reason"), FAULTS)
async def test_a_fault_is_an_answer_within_the_deadline(connect, behave, reason):
    async with serving(behave) as server:
        source = connect(server.url)
        answer = await timed(source.read(QUESTION, at=NOW))
        assert isinstance(answer, SourceDown)
        assert_says(answer.reason, reason)
        assert len(server.requests) == 1  # nothing is tried twice
        past = await timed(source.read_range(QUESTION, start=NOW, end=NOW + 5, step=5))
        assert isinstance(past, SourceDown)


def assert_says(text, pattern):
    assert text.startswith("Prometheus")
    assert re.search(pattern, text), text
    assert len(text) < 400
    assert text.isprintable()


async def test_nobody_listening_is_an_answer(connect):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    answer = await timed(connect(url).read(QUESTION, at=NOW))
    assert isinstance(answer, SourceDown)
    assert_says(answer.reason, "could not be reached: .*Connection refused|refused")


async def test_a_name_that_nobody_knows_is_an_answer(connect):
    answer = await connect("http://prometheus.invalid:9090").read(QUESTION, at=NOW)
    assert isinstance(answer, SourceDown)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_a_redirect_is_not_followed(connect, status):
    async with (
        serving(answering(GOOD)) as other,
        serving(answering(b"", status, Location=other.url)) as server,
    ):
        answer = await timed(connect(server.url).read(QUESTION, at=NOW))
        assert isinstance(answer, SourceDown)
        assert_says(answer.reason, "redirected the query, which is not followed")
        assert other.requests == []


async def test_environment_proxies_are_not_used(connect, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with serving(answering(GOOD)) as server:
        assert isinstance(await connect(server.url).read(QUESTION, at=NOW), Value)


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        pytest.param(GOOD, Value, "1 collector read", id="a value"),
        pytest.param({**GOOD, "infos": ["metric might not be a counter"]}, Value, "1 collector read", id="remarks"),
        pytest.param(
            {**GOOD, "warnings": ["store down"]},
            Value,
            "1 collector read; store down",
            id="a partial value says so",
        ),
        pytest.param(vector([]), NoData, "found none", id="an empty result is no zero"),
        pytest.param(
            vector([(labels, "NaN") for labels, _ in series_of(reading())]),
            NotANumber,
            "must be a finite number, found NaN",
            id="NaN is not a number",
        ),
        pytest.param(
            vector(series_of(reading(heartbeat=NOW - 100))),
            Stale,
            "heartbeat is 100.0 s ago",
            id="an old heartbeat",
        ),
    ],
)
async def test_five_answers_are_never_mixed_up(connect, answer, kind, reason):
    async with serving(answering(answer)) as server:
        found = await timed(connect(server.url).read(QUESTION, at=NOW))
        assert type(found) is kind
        assert reason in found.reason


async def test_compressed_chunked_answers_are_read(connect):
    body = gzip.compress(json.dumps(GOOD).encode())
    start = head(Content_Encoding="gzip", Transfer_Encoding="chunked")
    async with serving(breaking_off(start + chunked(body[:500]) + chunked(body[500:]) + b"0\r\n\r\n")) as server:
        found = await connect(server.url).read(QUESTION, at=NOW)
        assert isinstance(found, Value)
        assert found.snapshot.readings[0].tables["v8", REQUESTS].sum() == 300


async def test_the_question_is_asked_at_the_evaluation_time_with_a_server_side_timeout(connect):
    async with serving(answering(GOOD)) as server:
        await connect(server.url + "/prometheus/").read(QUESTION, at=NOW + 0.25)
        (request,) = server.requests
    method, path, _ = request.split("\r\n")[0].split(" ")
    asked = parse_qs(urlsplit(path).query)
    assert (method, urlsplit(path).path) == ("POST", "/prometheus/api/v1/query")
    assert asked["time"] == ["1700000000.250"]
    assert 0 < float(asked["timeout"][0]) < DEADLINE
    assert QUESTION.uid in asked["query"][0]


async def test_one_connection_serves_many_reads(connect):
    async with serving(answering(GOOD)) as server:
        source = connect(server.url)
        answers = [await source.read(QUESTION, at=NOW) for _ in range(5)]
        assert all(isinstance(answer, Value) for answer in answers)
        assert len(server.connections) == 1


class TestRange:
    """A stretch of the past is a sequence of answers, and ends with that of now."""

    async def test_each_time_has_its_own_answer(self, connect):
        past = {NOW - 11: series_of(reading(3.0)), NOW - 1: series_of(reading(heartbeat=NOW - 90))}
        async with serving(answering(GOOD), answering(matrix(past, warnings=["store down"]))) as server:
            found = await connect(server.url).read_range(QUESTION, start=NOW - 11, end=NOW, step=5)
        assert isinstance(found, History)
        times_and_kinds = [(at - NOW, type(answer)) for at, answer in found.answers]
        assert times_and_kinds == [(-11, Value), (-6, NoData), (-1, Stale), (0, Value)]
        assert found.answers[0][1].warnings == ("store down",)
        assert found.answers[3][1].warnings == ()

    async def test_a_long_stretch_is_asked_in_parts(self, connect):
        async with serving(answering(GOOD), answering(matrix({}))) as server:
            found = await connect(server.url).read_range(QUESTION, start=NOW, end=NOW + 7, step=0.0995)
            asked = [parse_qs(urlsplit(request.split(" ")[1]).query) for request in server.requests]
        assert len(found.answers) == 71
        assert [(part["start"][0][-6:], part["end"][0][-6:], part["step"][0]) for part in asked[:-1]] == [
            ("00.000", "02.900", "0.100"),
            ("03.000", "05.900", "0.100"),
            ("06.000", "06.900", "0.100"),
        ]
        assert asked[-1]["time"] == ["1700000007.000"]

    @pytest.mark.parametrize("start", [NOW, NOW + 3])
    async def test_a_stretch_shorter_than_a_step_is_one_read(self, connect, start):
        async with serving(answering(GOOD), black_hole) as server:
            found = await timed(connect(server.url).read_range(QUESTION, start=start, end=NOW, step=5))
            assert [(at, type(answer)) for at, answer in found.answers] == [(NOW, Value)]

    async def test_without_its_end_a_stretch_is_worth_nothing(self, connect):
        """Half a past would be walked twice, once now and once when the source is back."""
        async with serving(answering(b"", "500 Oh"), answering(matrix({}))) as server:
            found = await connect(server.url).read_range(QUESTION, start=NOW - 10, end=NOW, step=5)
            assert isinstance(found, SourceDown)


class TestThreads:
    """The library's threads cannot be cancelled; so they are few, and counted."""

    async def test_waiting_for_a_thread_is_part_of_the_deadline(self, connect):
        async with serving(black_hole) as server:
            source = connect(server.url)
            answers = await timed(asyncio.gather(*(source.read(QUESTION, at=NOW) for _ in range(10))))
            assert all(isinstance(answer, SourceDown) for answer in answers)
            # a thread that gives up a moment before the deadline may still begin one more read
            assert LIMITS.threads <= len(server.requests) <= 2 * LIMITS.threads

    async def test_a_silent_server_loses_no_thread(self, connect):
        async with serving(black_hole) as server:
            source = connect(server.url)
            await asyncio.gather(*(source.read(QUESTION, at=NOW) for _ in range(4)))
            await until(lambda: source.lost_threads == 0)

    async def test_lost_threads_are_counted_and_found_again(self, connect):
        """Heads that drip hold a thread for as long as the server likes: the one thing that cannot be cut."""
        async with serving(dripping(b"HTTP/1.1 200 OK\r\n", b"X", pause=0.05)) as server:
            source = connect(server.url)
            await asyncio.gather(*(source.read(QUESTION, at=NOW) for _ in range(2)))
            assert source.lost_threads == 2
            answer = await timed(source.read(QUESTION, at=NOW), seconds=0)
            assert answer == SourceDown("Prometheus is not asked: 2 of 2 threads still wait for older answers")
            server.behave = answering(GOOD)
            await server.hang_up()
            await until(lambda: source.lost_threads == 0)
            assert isinstance(await source.read(QUESTION, at=NOW), Value)

    async def test_a_reader_that_is_cancelled_leaves_its_thread_counted(self, connect):
        async with serving(dripping(b"HTTP/1.1 200 OK\r\n", b"X", pause=0.05)) as server:
            source = connect(server.url)
            task = asyncio.create_task(source.read(QUESTION, at=NOW))
            await until(lambda: server.requests)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert source.lost_threads == 1


@pytest.mark.parametrize(
    "url",
    [
        "prometheus:9090",
        "file:///etc/passwd",
        "http://",
        "http://user:secret@prometheus:9090",
        "http://prometheus:9090?x=1",
        "http://prometheus:9090#x",
    ],
)
def test_a_url_that_is_not_a_plain_address_is_refused(url):
    with pytest.raises(SettingsError, match=r"the URL of Prometheus must be http\(s\)://host"):
        PrometheusSource(url, limits=LIMITS)
