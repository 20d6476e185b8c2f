"""The HTTP sides of a process: each listens for as long as a block runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from model_experiment.errors import SettingsError
from model_experiment.process.flags import host_and_port

GRACE_SECONDS = 1.0


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
