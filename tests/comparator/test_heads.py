"""Heads as large as a mesh lets through are asked again; what is refused is counted, and no secret of it is told."""

import asyncio
import logging

import pytest
from aiohttp import web

from comparator.shadowing import PAIRS, comparing, experiment, say
from model_experiment.comparator.heads import LONGEST_LINE_BYTES, MOST_HEADERS

REFUSED = "model_experiment_comparator_refused_requests_total"
ENVOYS_BYTES = 60 * 1024  # what Envoy takes of headers, unless it is told otherwise
SECRET = "SECRET-0815"  # noqa: S105 - looked for in the log

LARGE = [
    pytest.param("/v1/rank", {"cookie": "x" * (ENVOYS_BYTES - 100)}, id="one long header"),
    pytest.param("/v1/rank?" + "x" * (ENVOYS_BYTES - 100), {}, id="a long path"),
    pytest.param("/v1/rank", {f"x-{number}": "1" for number in range(500)}, id="many headers"),
]


@pytest.mark.parametrize(("target", "headers"), LARGE)
async def test_what_a_mesh_lets_through_is_asked_of_both_models(tmp_path, target, headers):
    async with comparing(tmp_path, experiment(), champion=say({}), challenger=say({})) as running:
        assert await running.mirror(target, headers=headers) == 202
        assert await running.pairs() == {("v8", "Equal"): 1}
        scrape = await running.scrape()
    for model in (running.champion, running.challenger):
        ((_, asked, received, _),) = model.requests
        assert asked == target
        assert headers.items() <= received.items()
    assert scrape.total(REFUSED) == 0


async def test_an_answer_with_a_long_header_is_an_answer(tmp_path):
    async def answer(_):
        return web.json_response({}, headers={"set-cookie": "x" * (ENVOYS_BYTES - 100)})

    async with comparing(tmp_path, experiment(), champion=say({}), challenger=answer) as running:
        await running.mirror()
        assert await running.pairs() == {("v8", "Equal"): 1}


BEYOND = [
    pytest.param(f"cookie: session={SECRET}{'x' * LONGEST_LINE_BYTES}\r\n", "LineTooLong", id="a header too long"),
    pytest.param(f"x-a: {SECRET}\r\n" * (MOST_HEADERS + 1), "BadHttpMessage", id="too many headers"),
    pytest.param(f"session={SECRET}\r\n", "BadHttpMessage", id="a line that is no header"),
]


@pytest.mark.parametrize(("lines", "kind"), BEYOND)
async def test_what_is_refused_is_counted_and_told_in_one_line_without_what_it_carried(tmp_path, caplog, lines, kind):
    caplog.set_level(logging.DEBUG)
    async with comparing(tmp_path, experiment(), champion=say({}), challenger=say({})) as running:
        assert await status_of(running, f"POST /v1/rank HTTP/1.1\r\nhost: x\r\n{lines}\r\n") == 400
        scrape = await running.scrape()
    assert (scrape.total(REFUSED), scrape.total(PAIRS)) == (1, 0)
    told = [record for record in caplog.records if record.name == "model_experiment.comparator.heads"]
    assert [record.getMessage() for record in told] == [
        f"a request from 127.0.0.1 must be HTTP/1.1 with at most 1000 headers of 65536 bytes each, found {kind}"
    ]
    assert SECRET not in caplog.text
    assert "Traceback" not in caplog.text


async def status_of(running, head):
    host, port = running.addresses.mirror.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(head.encode())
    answer = await reader.read()
    writer.close()
    return int(answer.split()[1])
