"""``mexp controller``: puts the parts together, runs them, and stops them in order."""

import asyncio
import logging
import threading
import time
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from itertools import chain, repeat
from typing import Any

from model_experiment.controller import health, watching
from model_experiment.controller.cache import Cache
from model_experiment.controller.scheduler import Scheduler
from model_experiment.controller.settings import ControllerSettings
from model_experiment.controller.tick import tick
from model_experiment.controller.world import Key, World
from model_experiment.errors import ModelExperimentError
from model_experiment.metrics.prometheus import Limits, PrometheusSource
from model_experiment.objects import (
    HTTP_ROUTE,
    MODEL_EXPERIMENT,
    VIRTUAL_SERVICE,
    Objects,
)
from model_experiment.process import http, running
from model_experiment.routing.capabilities import is_new_envoy_gateway
from model_experiment.routing.choice import ChosenRouter
from model_experiment.routing.gateway_api import GatewayApiRouter
from model_experiment.routing.istio import IstioRouter
from model_experiment.routing.istiod import Istiod
from model_experiment.routing.mirroring import Comparator
from model_experiment.routing.shared import SharedRouter
from model_experiment.routing.shared_http_route import SharedHTTPRoute
from model_experiment.routing.shared_virtual_service import SharedVirtualService

log = logging.getLogger(__name__)

_FIRST_RELISTS_SECONDS = (1.0, 4.0)
_RELIST_SECONDS = 60.0
_CONNECTIONS = 4  # few, so that a crowd of status writes cannot drown the API server while traffic is taken back
_TAKE_BACK_CONNECTIONS = 8  # a pool of its own: a take-back never queues behind any other call
_READING_THREADS = 4
_ISTIOD_SECONDS = 5.0  # nobody waits for its answer


def run(settings: ControllerSettings) -> int:
    """Steers until SIGTERM or SIGINT; returns the exit code."""
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # it tells of every event that it passes on
    return running.run("controller", partial(_control, settings), log_level=settings.log_level)


async def _control(settings: ControllerSettings, stop: asyncio.Event) -> None:
    async with AsyncExitStack() as stack:
        world, watches = await _connected(settings, stack)
        await watches.relist()
        scheduler = Scheduler(lambda key: _timed_tick(world, key), slots=settings.slots)
        world.cache.on_change = partial(watching.wake_concerned, world.cache, scheduler.wake)
        for manifest in world.cache.all(MODEL_EXPERIMENT):
            scheduler.wake((manifest["metadata"]["namespace"], manifest["metadata"]["name"]))
        probes = http.runner(health.application(scheduler))
        await stack.enter_async_context(http.listening(probes, settings.health_address, setting="health-address"))
        log.info("watching; metrics from %s every %g s", settings.prometheus_url, settings.poll_seconds)
        await until_the_first_ends(
            stop, watches, [scheduler.serve(stop), asyncio.to_thread(watches.run), relisting(watches, stop)]
        )


async def _connected(settings: ControllerSettings, stack: AsyncExitStack) -> tuple[World, watching.Watches]:
    """The parts, each with its own connections; what kinds there are decides what is watched."""
    api = await stack.enter_async_context(await running.access(settings.kubeconfig, connections=_CONNECTIONS))
    take_back_api = await stack.enter_async_context(
        await running.access(settings.kubeconfig, connections=_TAKE_BACK_CONNECTIONS)
    )
    source = _source(settings)
    stack.callback(source.close)
    objects = Objects(api, timeout_seconds=settings.api_timeout_seconds)
    definitions = await watching.definitions_of(objects)
    kinds, policies = watching.served_kinds(definitions)
    _require_kinds(kinds)
    cache = Cache(policies)
    urgent = Objects(take_back_api, timeout_seconds=settings.api_timeout_seconds)
    router = router_of(settings, objects, cache, urgent=urgent, is_new_gateway=is_new_envoy_gateway(definitions))
    watches = watching.Watches(
        cache, objects, kinds, api.configuration, settings.namespace, asyncio.get_running_loop(), threading.Event()
    )
    return World(settings, cache, objects, router, source, source, clock=time.time), watches


def router_of(
    settings: ControllerSettings, objects: Objects, cache: Cache, *, urgent: Objects, is_new_gateway: bool
) -> ChosenRouter:
    """The routers of both meshes and both kinds of ownership, with one picture of the world and of istiod."""
    clock, istio = time.monotonic, settings.istio_settle_seconds
    settle, warm = settings.gateway_settle_seconds, settings.gateway_warm_seconds
    comparator = _comparator(settings)
    mesh = Istiod(settings.istiod_url, timeout_seconds=_ISTIOD_SECONDS) if settings.istiod_url else None
    http_route = SharedHTTPRoute(
        cache, clock=clock, settle_seconds=settle, warm_seconds=warm, is_new_envoy_gateway=is_new_gateway
    )
    virtual_service = SharedVirtualService(cache, clock=clock, settle_seconds=istio, mesh=mesh)
    return ChosenRouter(
        http_route=GatewayApiRouter(
            objects,
            cache,
            urgent=urgent,
            settle_seconds=settle,
            warm_seconds=warm,
            drain_seconds=settings.drain_seconds,
            is_new_envoy_gateway=is_new_gateway,
            comparator=comparator,
        ),
        virtual_service=IstioRouter(
            objects, cache, urgent=urgent, clock=clock, settle_seconds=istio, mesh=mesh, comparator=comparator
        ),
        shared_http_route=SharedRouter(http_route, objects, cache, urgent=urgent, clock=clock),
        shared_virtual_service=SharedRouter(virtual_service, objects, cache, urgent=urgent, clock=clock),
    )


def _comparator(settings: ControllerSettings) -> Comparator | None:
    if settings.comparator is None:
        return None
    namespace, _, service = settings.comparator.partition("/")
    name, _, port = service.partition(":")
    return Comparator(namespace, name, int(port), settings.cluster_domain)


async def until_the_first_ends(
    stop: asyncio.Event, watches: watching.Watches, parts: Sequence[Coroutine[Any, Any, None]]
) -> None:
    """Runs the parts; when one of them ends, all end, and that is a fault unless it was asked for."""
    tasks = [asyncio.create_task(part) for part in parts]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    was_asked = stop.is_set()
    stop.set()
    watches.stop.set()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    if not was_asked:
        faults = [each for each in ended if isinstance(each, Exception)]
        raise ExceptionGroup("each part must run until told to stop", faults or [RuntimeError("a part has ended")])


async def relisting(watches: watching.Watches, stop: asyncio.Event) -> None:
    """Lists everything again now and then, until told to stop; ends where there is a new kind of object to watch.

    Soon after the start as well: what is deleted before the watches stand is told by nobody.

    Raises:
        ModelExperimentError: where there is such a kind, which only a new process can watch.
    """
    for pause in chain(_FIRST_RELISTS_SECONDS, repeat(_RELIST_SECONDS)):
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), timeout=pause)
            return
        try:
            await watches.relist()
            appeared = await watches.appeared()
        except ModelExperimentError as error:
            log.warning("%s; listed again later", error)
            continue
        if appeared:
            names = ", ".join(f"{kind.plural}.{kind.group}" for kind in appeared)
            raise ModelExperimentError(f"{names} must be watched, which only a new process can; this one ends")


async def _timed_tick(world: World, key: Key) -> float | None:
    health.TICKS.inc()
    with health.TICK_SECONDS.time():
        return await tick(world, key)


def _source(settings: ControllerSettings) -> PrometheusSource:
    limits = Limits(
        deadline_seconds=settings.query_timeout_seconds,
        stale_after_seconds=settings.stale_after_seconds,
        threads=_READING_THREADS,
    )
    return PrometheusSource(settings.prometheus_url, limits=limits)


def _require_kinds(kinds: Sequence[object]) -> None:
    for wanted in ((MODEL_EXPERIMENT,), (HTTP_ROUTE, VIRTUAL_SERVICE)):
        if not any(kind in kinds for kind in wanted):
            names = " or ".join(f"{kind.name} ({kind.api_version})" for kind in wanted)
            raise ModelExperimentError(f"the cluster must serve {names}, found no such custom resource definition")
