"""The comparator as a process."""

import asyncio
import logging
import random
import time
from functools import partial

from model_experiment.comparator.backends import Services
from model_experiment.comparator.catalogue import catalogue_of, shadowed_from
from model_experiment.comparator.deletions import Deletions
from model_experiment.comparator.serving import Addresses, Listener, Outside, serve
from model_experiment.comparator.settings import ComparatorSettings
from model_experiment.process import running
from model_experiment.process.following import ClusterSource, Reader, follow

logger = logging.getLogger(__name__)


def run(settings: ComparatorSettings) -> int:
    """Compares until SIGTERM or SIGINT; returns the exit code."""
    return running.run("comparator", partial(_compare, settings), log_level=settings.log_level)


async def _compare(settings: ComparatorSettings, stop: asyncio.Event) -> None:
    async with await running.access(settings.kubeconfig) as api:
        source = ClusterSource(api, namespace=settings.namespace)
        await serve(
            settings,
            partial(_follow, source),
            Services(settings.cluster_domain),
            outside=Outside(clock=time.time, chance=random.random),
            stop=stop,
            listening=_say,
        )


async def _follow(source: ClusterSource, listener: Listener) -> None:
    reader = Reader(shadowed_from, otherwise="is not compared")
    told = Deletions(source, listener.forget)
    await follow(told, reader, lambda found: listener.know(catalogue_of(found)), broke=listener.broke)


def _say(addresses: Addresses) -> None:
    logger.info("mirrored requests at %s, metrics at %s", addresses.mirror, addresses.http)
