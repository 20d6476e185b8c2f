"""Asks one model, within a time and a number of bytes, and says what came of it. Never raises for what a model does.

The trap is a connection that the model closes while a request is on its way: it would count against the model. So idle
connections are given up sooner than model servers do. And a time that runs out may do so only because this process was
late: its clock has stood still then, and the wait goes on.
"""

import asyncio
from collections.abc import Callable

import aiohttp
from yarl import URL

from model_experiment.comparator.answers import Answer, Failure, Reason
from model_experiment.comparator.capacity import Lease
from model_experiment.comparator.copies import Copy
from model_experiment.comparator.heads import LONGEST_LINE_BYTES

IDLE_SECONDS = 2.0
_ADDED_UNASKED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


def session() -> aiohttp.ClientSession:
    """Connections to models: bounded by the pairs under way, without cookies, redirects or unpacking."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=_ADDED_UNASKED,
        max_line_size=LONGEST_LINE_BYTES,
        max_field_size=LONGEST_LINE_BYTES,  # of 128 headers at most, more than the 100 that Envoy takes of an answer
    )


class Asker:
    """Asks models over one session; by ``clock`` their time is measured, and runs out."""

    def __init__(self, client: aiohttp.ClientSession, *, most_bytes: int, clock: Callable[[], float]) -> None:
        self._client = client
        self._most_bytes = most_bytes
        self._clock = clock

    async def ask(self, base: str, copy: Copy, lease: Lease, *, timeout_seconds: float) -> Answer | Failure:
        """What the model at ``base`` answers; its bytes count on the lease."""
        began = self._clock()
        answering = asyncio.create_task(self._answer(base, copy, lease, began))
        try:
            while not answering.done() and (left := began + timeout_seconds - self._clock()) > 0:
                await asyncio.wait([answering], timeout=left)
            if answering.done():
                return answering.result()
            return Failure(Reason.TIMEOUT, self._clock() - began)
        except (aiohttp.ClientError, OSError, ValueError):  # ValueError: a header that cannot be sent
            return Failure(Reason.CONNECTION, self._clock() - began)
        finally:
            answering.cancel()

    async def _answer(self, base: str, copy: Copy, lease: Lease, began: float) -> Answer | Failure:
        url = URL(f"{base}{copy.target}", encoded=True)
        async with self._client.request(
            copy.method,
            url,
            headers=copy.headers,
            data=copy.body or None,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None),
        ) as response:
            body = await self._body(response, lease)
            if isinstance(body, Reason):
                response.close()
                return Failure(body, self._clock() - began)
            return Answer(
                status=response.status,
                body=body,
                seconds=self._clock() - began,
                content_type=response.headers.get("Content-Type", ""),
                encoding=response.headers.get("Content-Encoding", ""),
            )

    async def _body(self, response: aiohttp.ClientResponse, lease: Lease) -> bytes | Reason:
        body = bytearray()
        async for chunk in response.content.iter_any():
            if len(body) + len(chunk) > self._most_bytes:
                return Reason.TOO_LARGE
            if not lease.take(len(chunk)):
                return Reason.DROPPED
            body += chunk
        return bytes(body)
