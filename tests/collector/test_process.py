"""``mexp collector`` as a process, with an API server that is away."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from contextlib import asynccontextmanager

import aiohttp
import pytest

MEXP = (sys.executable, "-m", "model_experiment.cli.main", "collector")


@pytest.fixture
def kubeconfig(tmp_path):
    """Points at a port where nobody listens."""
    file = tmp_path / "kubeconfig.json"
    cluster = {"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}
    context = {"name": "x", "context": {"cluster": "c", "user": "u"}}
    user = {"name": "u", "user": {"token": "t"}}
    content = {"clusters": [cluster], "contexts": [context], "users": [user], "current-context": "x"}
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **content}))
    return file


def flags(tmp_path, kubeconfig_, **changes):
    given = {
        "als-address": "127.0.0.1:0",
        "http-address": "127.0.0.1:0",
        "database": f"sqlite:///{tmp_path}/log.db",
        "kubeconfig": str(kubeconfig_),
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    return [part for name, value in given.items() for part in (f"--{name}", value)]


@asynccontextmanager
async def started(arguments):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MEXP_")}
    process = await asyncio.create_subprocess_exec(*MEXP, *arguments, stderr=asyncio.subprocess.PIPE, env=environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def told(arguments):
    """The exit code and what a person reads."""
    async with started(arguments) as process, asyncio.timeout(30):
        _, text = await process.communicate()
    return process.returncode, text.decode()


async def http_address(process):
    async with asyncio.timeout(30):
        while line := (await process.stderr.readline()).decode():
            if found := re.search(r"outcomes and metrics at (\S+)", line):
                return found[1]
    raise AssertionError("the collector must say where it listens, found that it ended")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_waits_for_the_api_server_and_stops_when_told(tmp_path, kubeconfig, number):
    async with started(flags(tmp_path, kubeconfig)) as process, aiohttp.ClientSession() as session:
        url = f"http://{await http_address(process)}"
        async with session.get(f"{url}/healthz") as answer:
            assert answer.status == 200
        async with session.get(f"{url}/readyz") as answer:
            assert (answer.status, await answer.json()) == (
                503,
                {"faults": ["the list of experiments must have been read, found no answer from the API server yet"]},
            )
        async with session.post(f"{url}/v1/outcomes", json=[]) as answer:
            assert answer.status == 503
        process.send_signal(number)
        async with asyncio.timeout(10):
            _, rest = await process.communicate()
    assert process.returncode == 0
    assert "begins again: ClientConnectorError" in rest.decode()
    assert "Traceback" not in rest.decode()


async def test_wrong_settings_end_it_with_a_sentence(tmp_path, kubeconfig):
    code, text = await told(flags(tmp_path, kubeconfig, als_address="nowhere"))
    assert (code, text) == (
        2,
        "mexp collector: als-address must be host:port with a port of at most 65535, found 'nowhere'\n",
    )


async def test_a_taken_port_ends_it_with_a_sentence(tmp_path, kubeconfig):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for name in ("als_address", "http_address"):
            code, text = await told(flags(tmp_path, kubeconfig, **{name: f"127.0.0.1:{port}"}))
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
async def test_what_it_cannot_start_with_is_named(tmp_path, kubeconfig, given, sentence):
    code, text = await told(flags(tmp_path, kubeconfig, **given))
    assert code == 2
    assert f"mexp collector: {sentence}" in text
    assert "Traceback" not in text
