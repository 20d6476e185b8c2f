"""A controller's surroundings for tests of one part: real values, and only the parts that a test hands in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

from controller.answering import objects_of
from controller.stored import Stored
from given.deciding import START
from model_experiment.controller.cache import Cache
from model_experiment.controller.main import router_of
from model_experiment.controller.settings import ControllerSettings
from model_experiment.controller.world import World
from model_experiment.metrics.source import History, NoData
from model_experiment.objects import BACKEND_TRAFFIC_POLICY, Kind, Objects

SETTINGS = ControllerSettings("http://prometheus.example", status_refresh_seconds=60)
_MOMENT = 1e-9
AT_ONCE = replace(
    SETTINGS,
    gateway_settle_seconds=_MOMENT,
    gateway_warm_seconds=_MOMENT,
    drain_seconds=_MOMENT,
    istio_settle_seconds=_MOMENT,
)


def world_of(*, objects: Objects | None = None, router: Any = None, source: Any = None, fields: Any = None) -> World:
    """A world in which it is always START; a part that is not given must not be used."""
    return World(SETTINGS, Cache(()), cast(Any, objects), router, source, fields, clock=lambda: START)


class NoCounts:
    """A source that has not heard of anybody."""

    async def read(self, *_: Any, at: float) -> NoData:
        return NoData(f"no counts at {at}")

    async def read_range(self, *_: Any, end: float, **_times: float) -> History:
        return History(((end, await self.read(at=end)),))


@asynccontextmanager
async def stored_world(*manifests: tuple[Kind, dict[str, Any]]) -> AsyncIterator[tuple[World, Stored]]:
    """A world with routers of all kinds, where these objects stand; what is written has settled at the next look."""
    stored, cache = Stored(), Cache((BACKEND_TRAFFIC_POLICY,))
    for kind, manifest in manifests:
        cache.remember(kind, stored.put(kind, manifest))
    async with objects_of(stored.answer) as objects:
        router = router_of(AT_ONCE, objects, cache, urgent=objects, is_new_gateway=True)
        source = cast(Any, NoCounts())
        yield World(AT_ONCE, cache, objects, router, source, source, clock=lambda: START), stored
