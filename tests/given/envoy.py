"""A real Envoy on loopback, with a configuration that does not change."""

import asyncio
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import yaml

HTTP = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def cluster(name, *ports):
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address(port)}}]} for port in ports]
    return {"name": name, "type": "STATIC", "load_assignment": {"cluster_name": name, "endpoints": endpoints}}


@asynccontextmanager
async def envoy(folder, config, *, port):
    file = folder / "envoy.yaml"
    file.write_text(yaml.safe_dump(config))
    binary = Path(next(iter(find_spec("envoy").submodule_search_locations))) / "_bin" / "envoy"
    log = folder / "envoy.log"
    process = await asyncio.create_subprocess_exec(
        binary, "-c", file, "--use-dynamic-base-id", "--concurrency", "2", "-l", "warning", "--log-path", log
    )
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    assert process.returncode is None, log.read_text()
                    await asyncio.sleep(0.1)
                else:
                    writer.close()
                    break
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
