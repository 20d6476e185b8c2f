"""All parts of the collector put together, started, and stopped without losing what was taken in.

A stop first ends the taking in, then writes what waits, then ends, within seconds. Envoy cannot be told to
hurry, so what a proxy has buffered at that moment goes to the next collector or is lost, and so do counts
that Prometheus has not read yet; the log has lost nothing.

The trap is a part that dies while the others live on: background parts run in one task group, so a broken one
ends the process, and Kubernetes starts a new one.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc

from model_experiment.collector.access_log import AccessLog, handler
from model_experiment.collector.catalogue import Catalogue
from model_experiment.collector.counting import Tallies
from model_experiment.collector.exposition import metrics_of
from model_experiment.collector.health import Health
from model_experiment.collector.http import application
from model_experiment.collector.recording import Recorder
from model_experiment.collector.settings import CollectorSettings
from model_experiment.collector.store import AssignmentLog
from model_experiment.errors import SettingsError
from model_experiment.process import http
from model_experiment.process.exposition import registry_of
from model_experiment.process.flags import host_and_port

FLUSH_SECONDS = 5.0

Feed = Callable[[Callable[[Catalogue], None], Health], Awaitable[object]]
"""Delivers the catalogue, again whenever it changes, until it is cancelled."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the collector listens, with the ports it was given where it asked for any."""

    als: str
    http: str


async def serve(
    settings: CollectorSettings,
    feed: Feed,
    *,
    clock: Callable[[], float],
    stop: asyncio.Event,
    listening: Callable[[Addresses], None],
) -> None:
    """Collects until ``stop`` is set; ``listening`` hears when both sides take connections.

    Raises:
        SettingsError: if the database cannot be used.
        ExceptionGroup: if an address cannot be used (of SettingsError), or if a part breaks.
    """
    tallies = Tallies()
    started = clock()
    registry = registry_of(lambda: metrics_of(tallies, started=started, now=clock()))
    health = Health(registry)
    recorder = Recorder(AssignmentLog(settings.database), tallies, health)
    access_log = AccessLog(tallies, recorder, health, clock=clock)
    paths = application(registry, recorder, tallies, clock=clock)
    try:
        async with asyncio.TaskGroup() as tasks:
            recording = tasks.create_task(recorder.run())
            following = tasks.create_task(_until_cancelled(feed, tallies, health))
            async with (
                _access_log_server(settings.als_address, access_log) as als,
                http.listening(http.runner(paths), settings.http_address, setting="http-address") as shown,
            ):
                listening(Addresses(als, shown))
                await stop.wait()
            recorder.stop()
            await asyncio.wait([recording], timeout=FLUSH_SECONDS)
            recording.cancel()
            following.cancel()
    finally:
        if lost := recorder.close():
            logger.error("%d exposures are lost: the database did not take them in time", lost)


async def _until_cancelled(feed: Feed, tallies: Tallies, health: Health) -> None:
    await feed(tallies.know, health)
    raise RuntimeError("the experiments must be followed until the end, found that nobody follows them any more")


@asynccontextmanager
async def _access_log_server(address: str, access_log: AccessLog) -> AsyncIterator[str]:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])  # a second collector must not share a port unseen
    server.add_generic_rpc_handlers((handler(access_log.receive),))
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise SettingsError(f"als-address must be free to listen on, found {address} taken or unknown") from error
    await server.start()
    try:
        yield f"{host_and_port(address)[0]}:{port}"
    finally:
        await server.stop(http.GRACE_SECONDS)
