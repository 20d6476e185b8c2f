"""A server that answers what a test tells it to: for what a real API server cannot be made to say on demand."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from kubernetes.aio import client

from model_experiment.objects import Objects

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def objects_of(answer: Answer, *, timeout_seconds: float = 5.0) -> AsyncIterator[Objects]:
    """Objects of an API server that answers every request in this way."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    api = client.ApiClient(client.Configuration(host=f"http://{host}:{port}"))
    try:
        yield Objects(api, timeout_seconds=timeout_seconds)
    finally:
        await api.rest_client.close()
        await runner.cleanup()
