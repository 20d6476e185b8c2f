"""A server that speaks HTTP byte by byte, so that it can be as broken as a network."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class FaultServer:
    """Every request is kept and met with ``behave``, range queries with their own behaviour if there is one."""

    behave: Behaviour
    behave_to_range: Behaviour | None = None
    url: str = ""
    requests: list[str] = field(default_factory=list)
    connections: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self.connections[task] = writer
        try:
            while request := await _request(reader):
                self.requests.append(request)
                to_range = self.behave_to_range if "/query_range?" in request else None
                await (to_range or self.behave)(writer)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client left, as it should where an answer never ends; or the test is over
        finally:
            del self.connections[task]
            writer.close()

    async def hang_up(self) -> None:
        """Cuts all connections, as a server that is stopped does."""
        cut = dict(self.connections)
        for task, writer in cut.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*cut, return_exceptions=True)


async def _request(reader: asyncio.StreamReader) -> str:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return ""
    lengths = [line.split(":")[1] for line in head.split("\r\n") if line.lower().startswith("content-length:")]
    await reader.readexactly(int(lengths[0]) if lengths else 0)
    return head


@asynccontextmanager
async def serving(behave: Behaviour, behave_to_range: Behaviour | None = None) -> AsyncIterator[FaultServer]:
    found = FaultServer(behave, behave_to_range)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0, limit=2**20)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield found
    finally:
        server.close()
        await found.hang_up()


def head(status: str = "200 OK", **headers: Any) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def answering(body: bytes | Any, status: str = "200 OK", **headers: Any) -> Behaviour:
    """One complete answer; what is not bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(head(status, Content_Length=len(content), **headers) + content)
        await writer.drain()

    return behave


async def black_hole(_writer: asyncio.StreamWriter) -> None:
    """Takes the request and never answers."""
    await asyncio.Event().wait()


def dripping(start: bytes, drop: bytes, *, pause: float = 0.02) -> Behaviour:
    """Starts well, then sends a little every now and then, for ever: no silence is ever long."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(pause)

    return behave


def flooding(start: bytes, piece: bytes, *, times: int) -> Behaviour:
    """A long answer, as fast as it is taken."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        for _ in range(times):
            writer.write(piece)
            await writer.drain()
        writer.close()

    return behave


def breaking_off(start: bytes) -> Behaviour:
    """Sends a part and cuts the connection."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        await writer.drain()
        writer.close()

    return behave
