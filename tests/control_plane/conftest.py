"""What tests of both gateways ask for."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import grpc
import pytest
from envoy.service.accesslog.v3 import als_pb2, als_pb2_grpc


@pytest.fixture
def listen() -> Iterator[Callable[[str], list[Any]]]:
    """Listens at an address as a collector does; the list that it returns grows by each entry of the access log."""
    with ExitStack() as stack:

        def start(address: str) -> list[Any]:
            heard: list[Any] = []
            stack.enter_context(_listening(address, heard))
            return heard

        yield start


@contextmanager
def _listening(address: str, heard: list[Any]) -> Iterator[None]:
    """An access log service that remembers every entry."""

    class Service(als_pb2_grpc.AccessLogServiceServicer):
        def StreamAccessLogs(self, messages, _):  # noqa: N802 - gRPC's name
            for message in messages:
                heard.extend(message.http_logs.log_entry)
            return als_pb2.StreamAccessLogsResponse()

    with ThreadPoolExecutor(2) as threads:
        server = grpc.server(threads)
        als_pb2_grpc.add_AccessLogServiceServicer_to_server(Service(), server)
        server.add_insecure_port(address)
        server.start()
        try:
            yield
        finally:
            server.stop(grace=0).wait()
