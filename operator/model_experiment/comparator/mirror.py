"""Takes mirrored requests: answers at once, and leaves the rest to the pairs.

A mirror throws answers away, so the status is for people: 202 the request is asked again, 204 it is left out, 404 no
such experiment, 503 the experiments are not known yet. The trap is memory: a body is read only after there is room for
its pair, piece by piece, and each piece needs room as well.
"""

import asyncio

from aiohttp import web

from model_experiment.comparator.capacity import Capacity, Lease, Pace
from model_experiment.comparator.catalogue import Shadowed
from model_experiment.comparator.copies import (
    EXPERIMENT_HEADER,
    REQUEST_ID_HEADER,
    SHADOW_HEADER,
    Copy,
    LeftOut,
    forwarded,
    is_replayed,
)
from model_experiment.comparator.counting import Tallies
from model_experiment.comparator.health import Health
from model_experiment.comparator.pairing import Pairing
from model_experiment.comparator.printing import storable

BODY_SECONDS = 10.0


class Mirror:
    """Where the mesh sends its copies."""

    def __init__(
        self, tallies: Tallies, pairing: Pairing, health: Health, capacity: Capacity, pace: Pace, *, most_bytes: int
    ) -> None:
        self._tallies = tallies
        self._pairing = pairing
        self._health = health
        self._capacity = capacity
        self._pace = pace
        self._most_bytes = most_bytes

    async def take(self, request: web.BaseRequest) -> web.Response:
        """Starts a pair for a request, or says why not; never fails."""
        self._health.requests.inc()
        if not self._tallies.are_informed:
            return web.Response(status=503)
        experiment = self._tallies.catalogue.get(_header(request, EXPERIMENT_HEADER))
        if experiment is None:
            self._health.unknown.inc()
            return web.Response(status=404)
        bucket = experiment.bucket(_unit(request, experiment))
        why = self._why_left_out(request, experiment) or await self._start(request, experiment, bucket)
        if why is None:
            return web.Response(status=202)
        if (tally := self._tallies.get(experiment)) is not None:
            tally.leave_out(bucket, why)
        return web.Response(status=204)

    def _why_left_out(self, request: web.BaseRequest, experiment: Shadowed) -> LeftOut | None:
        if SHADOW_HEADER in request.headers:
            return LeftOut.SHADOW
        if not is_replayed(request.method, request.raw_path, experiment.shadow.replay):
            return LeftOut.METHOD
        return None if self._pace.allows() else LeftOut.PACE

    async def _start(self, request: web.BaseRequest, experiment: Shadowed, bucket: int) -> LeftOut | None:
        lease = self._capacity.lease()
        if lease is None:
            return LeftOut.BUSY
        body: bytes | LeftOut = LeftOut.BROKEN
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await self._body(request, lease)
        except (TimeoutError, OSError, web.RequestPayloadError):
            pass
        finally:
            if isinstance(body, LeftOut):
                lease.end()
        if isinstance(body, LeftOut):
            return body
        self._pairing.start(experiment, _copy(request, body, bucket), lease)
        return None

    async def _body(self, request: web.BaseRequest, lease: Lease) -> bytes | LeftOut:
        body = bytearray()
        async for chunk in request.content.iter_any():
            if len(body) + len(chunk) > self._most_bytes:
                return LeftOut.TOO_LARGE
            if not lease.take(len(chunk)):
                return LeftOut.MEMORY
            body += chunk
        return bytes(body)


def _copy(request: web.BaseRequest, body: bytes, bucket: int) -> Copy:
    return Copy(
        method=request.method,
        target=request.raw_path,
        headers=forwarded(request.headers.items()),
        body=body,
        request_id=_header(request, REQUEST_ID_HEADER),
        bucket=bucket,
    )


def _unit(request: web.BaseRequest, experiment: Shadowed) -> str:
    """Who sent it: the user, else the request alone."""
    return _header(request, experiment.header) or _header(request, REQUEST_ID_HEADER)


def _header(request: web.BaseRequest, name: str) -> str:
    return storable(request.headers.get(name) or "")
