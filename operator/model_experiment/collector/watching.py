"""Follows the ModelExperiments of the API server, and keeps the catalogue of what is counted."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

from model_experiment.collector.catalogue import Catalogue, catalogue_of, counted_from
from model_experiment.collector.health import Health
from model_experiment.process import following
from model_experiment.process.following import Source


async def follow(
    source: Source,
    deliver: Callable[[Catalogue], None],
    health: Health,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> NoReturn:
    """Delivers the catalogue, again with every change of what is counted; never ends and never raises."""
    reader = following.Reader(counted_from, otherwise="is not counted")
    await following.follow(
        source,
        reader,
        lambda counted: deliver(catalogue_of(counted)),
        broke=health.catalogue_breaks.inc,
        sleep=sleep,
    )
