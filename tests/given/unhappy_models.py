"""Models that do what no model should; each is an answer for a ``ModelServer``."""

import asyncio

from aiohttp import web


def taking(seconds: float, name: str = "ranker-v7"):
    """Answers after so many seconds."""

    async def answer(_: web.Request) -> web.Response:
        await asyncio.sleep(seconds)
        return web.json_response({"model": name})

    return answer


async def silent(_: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def resetting(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()
