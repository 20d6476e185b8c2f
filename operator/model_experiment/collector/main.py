"""The collector as a process."""

import asyncio
import logging
import time
from functools import partial

from model_experiment.collector.serving import Addresses, serve
from model_experiment.collector.settings import CollectorSettings
from model_experiment.collector.watching import follow
from model_experiment.process import running
from model_experiment.process.following import ClusterSource

logger = logging.getLogger(__name__)


def run(settings: CollectorSettings) -> int:
    """Collects until SIGTERM or SIGINT; returns the exit code."""
    return running.run("collector", partial(_collect, settings), log_level=settings.log_level)


async def _collect(settings: CollectorSettings, stop: asyncio.Event) -> None:
    async with await running.access(settings.kubeconfig) as api:
        source = ClusterSource(api, namespace=settings.namespace)
        await serve(settings, partial(follow, source), clock=time.time, stop=stop, listening=_say)


def _say(addresses: Addresses) -> None:
    logger.info("access log at %s, outcomes and metrics at %s", addresses.als, addresses.http)
