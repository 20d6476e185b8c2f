"""Envoy's access log service over gRPC: every message of every proxy ends up here.

For: taking in (``envoy.service.accesslog.v3.AccessLogService``). Not for: understanding an entry (see
``entries``). Messages are parsed here and not by gRPC, which would end the whole stream with the first
message it cannot read.

The trap is speed: a collector that falls behind makes Envoy drop entries silently. So fields are read
directly and nothing waits for the database.
"""

from collections.abc import AsyncIterator, Callable
from typing import assert_never

import grpc
from envoy.service.accesslog.v3.als_pb2 import StreamAccessLogsMessage, StreamAccessLogsResponse
from google.protobuf.message import DecodeError

from model_experiment.collector.counting import Tallies
from model_experiment.collector.entries import Bypass, Request, Unattributed, read_bypass, read_entry
from model_experiment.collector.health import Health
from model_experiment.collector.recording import Recorder
from model_experiment.decision.counts import BYPASSED

SERVICE = "envoy.service.accesslog.v3.AccessLogService"


class AccessLog:
    """Counts what the messages say."""

    def __init__(self, tallies: Tallies, recorder: Recorder, health: Health, *, clock: Callable[[], float]) -> None:
        self._tallies = tallies
        self._recorder = recorder
        self._health = health
        self._clock = clock

    def receive(self, message: bytes) -> None:
        """One ``StreamAccessLogsMessage`` as it came over the wire, readable or not."""
        try:
            entries = StreamAccessLogsMessage.FromString(message).http_logs.log_entry
        except DecodeError:
            self._health.unattributed.labels(Unattributed.MALFORMED).inc()
            return
        self._health.entries.inc(len(entries))
        catalogue = self._tallies.catalogue
        now = self._clock()
        for entry in entries:
            self._take(read_entry(entry, catalogue.by_route) or read_bypass(entry, catalogue.by_user_route), now=now)

    def _take(self, read: Request | Unattributed | Bypass | None, *, now: float) -> None:
        match read:
            case None:
                pass
            case Bypass(counted, user):
                self._tallies.of(counted).add(counted.champion, BYPASSED, user=user)
            case Request():
                self._count(read, now=now)
            case Unattributed():
                self._health.unattributed.labels(read).inc()
            case _:
                assert_never(read)

    def _count(self, request: Request, *, now: float) -> None:
        tally = self._tallies.of(request.counted)
        if not tally.takes(request):
            return
        tally.count(request)
        self._recorder.expose(request, now=now)
        if request.is_misassigned:
            self._health.mismatches.inc()


def handler(receive: Callable[[bytes], None]) -> grpc.GenericRpcHandler:
    """The service for a gRPC server: it takes messages as long as a proxy sends them."""

    async def stream(messages: AsyncIterator[bytes], _context: object) -> StreamAccessLogsResponse:
        async for message in messages:
            receive(message)
        return StreamAccessLogsResponse()

    method = grpc.stream_unary_rpc_method_handler(
        stream, response_serializer=StreamAccessLogsResponse.SerializeToString
    )
    return grpc.method_handlers_generic_handler(SERVICE, {"StreamAccessLogs": method})
