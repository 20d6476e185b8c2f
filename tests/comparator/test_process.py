"""``mexp comparator`` as a process, with an API server that is away."""

import re
import signal
import socket

import aiohttp
import pytest

from given.processes import kubeconfig_of_nobody, started, told
from model_experiment.cli.main import main


def flags(tmp_path, **changes):
    given = {
        "mirror-address": "127.0.0.1:0",
        "http-address": "127.0.0.1:0",
        "database": f"sqlite:///{tmp_path}/evidence.db",
        "kubeconfig": str(kubeconfig_of_nobody(tmp_path)),
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    return ["comparator", *(part for name, value in given.items() for part in (f"--{name}", value))]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_waits_for_the_api_server_and_stops_when_told(tmp_path, number):
    async with started(flags(tmp_path)) as process, aiohttp.ClientSession() as session:
        line = await process.until("mirrored requests at")
        mirror, http = re.search(r"mirrored requests at (\S+), metrics at (\S+)", line).groups()
        async with session.get(f"http://{http}/healthz") as answer:
            assert answer.status == 200
        async with session.get(f"http://{http}/readyz") as answer:
            assert (answer.status, await answer.json()) == (
                503,
                {"faults": ["the list of experiments must have been read, found no answer from the API server yet"]},
            )
        async with session.get(f"http://{mirror}/", headers={"x-experiment": "shop/ranker"}) as answer:
            assert answer.status == 503
        await process.until("begins again: ClientConnectorError")
        code, said = await process.stopped(number)
    assert code == 0
    assert "Traceback" not in said


async def test_a_taken_port_ends_it_with_a_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for name in ("mirror_address", "http_address"):
            code, text = await told(flags(tmp_path, **{name: f"127.0.0.1:{port}"}))
            assert code == 2
            assert f"mexp comparator: {name.replace('_', '-')} must be free to listen on, found" in text
            assert "Traceback" not in text


BAD = [
    pytest.param({"pairs_under_way": "0"}, "pairs-under-way must be 1 or more, found 0", id="no pairs"),
    pytest.param(
        {"database": "sqlite:////no/such/folder/a.db"},
        "the database sqlite:////no/such/folder/a.db must open, found: unable to open database file",
        id="a database without a folder",
    ),
    pytest.param(
        {"kubeconfig": "/no/such/file"}, "kubeconfig must be a file, found none at /no/such/file", id="no kubeconfig"
    ),
]


@pytest.mark.parametrize(("given", "sentence"), BAD)
async def test_what_it_cannot_start_with_is_named(tmp_path, given, sentence):
    code, text = await told(flags(tmp_path, **given))
    assert code == 2
    assert f"mexp comparator: {sentence}" in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        pytest.param(["comparator", "--help"], 0, "--mirror-address", id="help names the flags"),
        pytest.param(["comparator", "--port", "1"], 2, "unrecognized arguments: --port", id="an unknown flag"),
        pytest.param(["shadow", "--help"], 0, "the newest pairs of answers that differ", id="help of what is shown"),
        pytest.param(["shadow", "diff"], 2, "the following arguments are required: NAME", id="no name"),
    ],
)
def test_the_command_line_explains_itself(capsys, arguments, code, text):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    written = capsys.readouterr()
    assert ended.value.code == code
    assert text in written.out + written.err
