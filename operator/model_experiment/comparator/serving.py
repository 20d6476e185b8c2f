"""All parts of the comparator put together, started, and stopped.

A stop first ends the taking in, then waits a moment for the pairs under way, then writes what evidence waits. Counts
that Prometheus has not read yet are lost with the process; no user notices.

The trap is a part that dies while the others live on: background parts run in one task group, so a broken one ends the
process, and Kubernetes starts a new one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CollectorRegistry

from model_experiment.comparator.asking import Asker, session
from model_experiment.comparator.backends import Backends
from model_experiment.comparator.capacity import Capacity, Pace
from model_experiment.comparator.catalogue import Catalogue
from model_experiment.comparator.counting import Tallies
from model_experiment.comparator.exposition import metrics_of
from model_experiment.comparator.heads import LONGEST_LINE_BYTES, MOST_HEADERS, RefusalLog
from model_experiment.comparator.health import Health
from model_experiment.comparator.lag import LagFreeClock
from model_experiment.comparator.mirror import Mirror
from model_experiment.comparator.pairing import Pairing
from model_experiment.comparator.recording import Recorder
from model_experiment.comparator.results import Results
from model_experiment.comparator.settings import ComparatorSettings
from model_experiment.comparator.store import EvidenceStore
from model_experiment.process import http
from model_experiment.process.exposition import registry_of

FINISH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Listener:
    """Who hears of experiments: the catalogue, again whenever it changes; who is deleted, by UID; what breaks off."""

    know: Callable[[Catalogue], None]
    forget: Callable[[str], None]
    broke: Callable[[], None]


Feed = Callable[[Listener], Awaitable[object]]
"""Follows the experiments until it is cancelled."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What the world gives: seconds since 1970, and chance from 0 to below 1."""

    clock: Callable[[], float]
    chance: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the comparator listens, with the ports it was given where it asked for any."""

    mirror: str
    http: str


async def serve(
    settings: ComparatorSettings,
    feed: Feed,
    backends: Backends,
    *,
    outside: Outside,
    stop: asyncio.Event,
    listening: Callable[[Addresses], None],
) -> None:
    """Compares until ``stop`` is set; ``listening`` hears when both sides take connections.

    Raises:
        SettingsError: if the database cannot be used.
        ExceptionGroup: if an address cannot be used (of SettingsError), or if a part breaks.
    """
    tallies = Tallies()
    started = outside.clock()
    registry = registry_of(lambda: metrics_of(tallies, started=started, now=outside.clock()))
    capacity = Capacity(pairs=settings.pairs_under_way, body_bytes=settings.body_bytes)
    health = Health(registry, capacity)
    recorder = Recorder(EvidenceStore(settings.database), health)
    listener = Listener(know=tallies.know, forget=recorder.forget, broke=health.catalogue_breaks.inc)
    elapsed, most_bytes = asyncio.get_running_loop().time, settings.answer_bytes
    try:
        async with session() as client, asyncio.TaskGroup() as tasks:
            clock = LagFreeClock(elapsed)
            parts = (recorder.run(), clock.watch(), _followed(feed, listener))
            background = [tasks.create_task(part) for part in parts]
            results = Results(tallies, recorder, most_bytes=most_bytes, clock=outside.clock)
            asker = Asker(client, most_bytes=most_bytes, clock=clock.now)
            pairing = Pairing(asker, backends, results, health, chance=outside.chance)
            pace = Pace(settings.pairs_per_second, clock=elapsed)
            mirror = Mirror(tallies, pairing, health, capacity, pace, most_bytes=most_bytes)
            async with (
                http.listening(_metrics(registry, tallies), settings.http_address, setting="http-address") as shown,
                http.listening(_copies(mirror, health), settings.mirror_address, setting="mirror-address") as mirrored,
            ):
                listening(Addresses(mirrored, shown))
                await stop.wait()
            await pairing.finish(within_seconds=FINISH_SECONDS)
            for task in background:
                task.cancel()
        await recorder.flush()
    finally:
        recorder.close()


async def _followed(feed: Feed, listener: Listener) -> None:
    await feed(listener)
    raise RuntimeError("the experiments must be followed until the end, found that nobody follows them any more")


def _copies(mirror: Mirror, health: Health) -> web.ServerRunner:
    """Copies of any path; bodies stay packed as they came, because they go on as they came."""
    server = web.Server(
        mirror.take,
        access_log=None,
        logger=RefusalLog(health.refused.inc),
        auto_decompress=False,
        max_line_size=LONGEST_LINE_BYTES,
        max_field_size=LONGEST_LINE_BYTES,
        max_headers=MOST_HEADERS,
    )
    return web.ServerRunner(server)


def _metrics(registry: CollectorRegistry, tallies: Tallies) -> web.AppRunner:
    application = web.Application()
    application.add_routes(http.probes(registry, ready=lambda: "" if tallies.are_informed else http.UNINFORMED))
    return http.runner(application)
