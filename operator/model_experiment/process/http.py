"""The HTTP side of a process: it listens for as long as a block runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from model_experiment.errors import SettingsError
from model_experiment.process.flags import host_and_port

GRACE_SECONDS = 1.0


@asynccontextmanager
async def listening(application: web.Application, address: str) -> AsyncIterator[str]:
    """Serves at an address and gives it back, with the port that was taken where it asks for any.

    Raises:
        SettingsError: if the address, which is the setting ``http-address``, cannot be listened on.
    """
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=GRACE_SECONDS)
    await runner.setup()
    host, port = host_and_port(address)
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise SettingsError(f"http-address must be free to listen on, found {error.strerror}") from error
        yield f"{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
