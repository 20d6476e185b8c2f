"""The HTTP sides of a process: each listens for as long as a block runs."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from model_experiment.errors import SettingsError
from model_experiment.process.flags import host_and_port

GRACE_SECONDS = 1.0
UNINFORMED = "the list of experiments must have been read, found no answer from the API server yet"

Fault = Callable[[], str]
"""What is wrong now, as a sentence; empty where nothing is."""


def probes(registry: CollectorRegistry, *, ready: Fault, alive: Fault = str) -> list[web.RouteDef]:
    """``/metrics``, ``/healthz`` and ``/readyz``; the latter two answer 503 while there is a fault."""

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthy(_request: web.Request) -> web.Response:
        return _told(alive(), "alive")

    async def readily(_request: web.Request) -> web.Response:
        return _told(ready(), "ready")

    return [web.get("/metrics", metrics), web.get("/healthz", healthy), web.get("/readyz", readily)]


def refused(status: int, *faults: str) -> web.Response:
    """A refusal as JSON, with one sentence a fault."""
    return web.json_response({"faults": faults}, status=status)


def _told(fault: str, otherwise: str) -> web.Response:
    return refused(503, fault) if fault else web.Response(text=f"{otherwise}\n")


def runner(application: web.Application) -> web.AppRunner:
    """An application that logs no requests and ends soon after it is told to."""
    return web.AppRunner(application, access_log=None, shutdown_timeout=GRACE_SECONDS)


@asynccontextmanager
async def listening(started: web.AppRunner | web.ServerRunner, address: str, *, setting: str) -> AsyncIterator[str]:
    """Serves at an address and gives it back, with the port that was taken where it asks for any.

    Raises:
        SettingsError: if the address, given by the named setting, cannot be listened on.
    """
    await started.setup()
    host, port = host_and_port(address)
    try:
        site = web.TCPSite(started, host, port)
        try:
            await site.start()
        except OSError as error:
            raise SettingsError(f"{setting} must be free to listen on, found {error.strerror}") from error
        yield f"{host}:{started.addresses[0][1]}"
    finally:
        await started.cleanup()
