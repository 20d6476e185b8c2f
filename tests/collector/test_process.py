"""``mexp collector`` as a process, with an API server that is away."""

import re
import signal
import socket

import aiohttp
import pytest

from given.processes import kubeconfig_of_nobody, started, told


def flags(tmp_path, **changes):
    given = {
        "als-address": "127.0.0.1:0",
        "http-address": "127.0.0.1:0",
        "database": f"sqlite:///{tmp_path}/log.db",
        "kubeconfig": str(kubeconfig_of_nobody(tmp_path)),
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    return ["collector", *(part for name, value in given.items() for part in (f"--{name}", value))]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_waits_for_the_api_server_and_stops_when_told(tmp_path, number):
    async with started(flags(tmp_path)) as process, aiohttp.ClientSession() as session:
        line = await process.until("outcomes and metrics at")
        address = re.search(r"outcomes and metrics at (\S+)", line)[1]
        url = f"http://{address}"
        async with session.get(f"{url}/healthz") as answer:
            assert answer.status == 200
        async with session.get(f"{url}/readyz") as answer:
            assert (answer.status, await answer.json()) == (
                503,
                {"faults": ["the list of experiments must have been read, found no answer from the API server yet"]},
            )
        async with session.post(f"{url}/v1/outcomes", json=[]) as answer:
            assert answer.status == 503
        await process.until("begins again: ClientConnectorError")
        code, said = await process.stopped(number)
    assert code == 0
    assert "Traceback" not in said


async def test_wrong_settings_end_it_with_a_sentence(tmp_path):
    code, text = await told(flags(tmp_path, als_address="nowhere"))
    assert (code, text) == (
        2,
        "mexp collector: als-address must be host:port with a port of at most 65535, found 'nowhere'\n",
    )


async def test_a_taken_port_ends_it_with_a_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for name in ("als_address", "http_address"):
            code, text = await told(flags(tmp_path, **{name: f"127.0.0.1:{port}"}))
            assert code == 2
            assert f"mexp collector: {name.replace('_', '-')} must be free to listen on, found" in text
            assert "Traceback" not in text


BAD = [
    pytest.param(
        {"database": "sqlite:////no/such/folder/log.db"},
        "the database sqlite:////no/such/folder/log.db must open, found: unable to open database file",
        id="a database without a folder",
    ),
    pytest.param(
        {"kubeconfig": "/no/such/file"},
        "kubeconfig must be a file, found none at /no/such/file",
        id="no kubeconfig",
    ),
    pytest.param(
        {"kubeconfig": "/dev/null"},
        "kubeconfig must be a file, found none at /dev/null",
        id="a kubeconfig that is no file",
    ),
]


@pytest.mark.parametrize(("given", "sentence"), BAD)
async def test_what_it_cannot_start_with_is_named(tmp_path, given, sentence):
    code, text = await told(flags(tmp_path, **given))
    assert code == 2
    assert f"mexp collector: {sentence}" in text
    assert "Traceback" not in text
