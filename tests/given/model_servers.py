"""A model server behind a Service: answers who it is and what it was asked.

It runs in a thread with a loop of its own, so that tests may be synchronous or not.
"""

import asyncio
import hashlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(slots=True)
class ModelServer:
    """A running server; ``answer`` may be replaced while it runs, ``requests`` are the headers it has seen."""

    name: str
    host: str
    port: int
    answer: Answer
    requests: list[dict[str, str]] = field(default_factory=list)

    @property
    def backend(self) -> dict[str, object]:
        """What a route's ``backendRefs`` names to reach it."""
        return {"name": self.name, "port": self.port}

    async def handle(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(headers)
        return await self.answer(request)


def introduce(name: str) -> Answer:
    """Answers 200 with the model's name and the path."""

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"model": name, "path": request.path})

    return answer


def sha256(body: bytes) -> str:
    """What ``digest`` says of a body."""
    return hashlib.sha256(body).hexdigest()


async def digest(request: web.Request) -> web.Response:
    """Answers what it was sent, unpacked, as a SHA-256."""
    return web.json_response({"sha256": sha256(await request.read())})


def fail(status: int = 500) -> Answer:
    """Answers each request with that status."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status)

    return answer


@contextmanager
def serving(server: ModelServer) -> Iterator[ModelServer]:
    """Listens at the server's address until the block ends."""
    loop = asyncio.new_event_loop()
    runner = loop.run_until_complete(_listen(server))
    thread = threading.Thread(target=loop.run_forever, name=f"model server {server.name}")
    thread.start()
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _listen(server: ModelServer) -> web.AppRunner:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, server.host, server.port).start()
    return runner
