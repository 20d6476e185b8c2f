"""The collector as a process: the connection to the API server, signals and exit codes."""

import asyncio
import logging
import signal
import sys
import time
from functools import partial
from pathlib import Path

import yaml
from kubernetes.aio import client
from kubernetes.aio.config import ConfigException

from model_experiment.collector.serving import Addresses, serve
from model_experiment.collector.settings import WRONG_SETTINGS, CollectorSettings
from model_experiment.collector.watching import ClusterSource, follow
from model_experiment.errors import SettingsError
from model_experiment.objects import connect

BROKEN = 1

logger = logging.getLogger(__name__)


def run(settings: CollectorSettings) -> int:
    """Collects until SIGTERM or SIGINT; returns the exit code."""
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    code = 0
    try:
        asyncio.run(_collect(settings))
    except* SettingsError as wrong:
        for error in wrong.exceptions:
            sys.stderr.write(f"mexp collector: {error}\n")
        code = WRONG_SETTINGS
    except* Exception:
        logger.exception("the collector broke")
        code = BROKEN
    return code


async def _collect(settings: CollectorSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with await _connect(settings.kubeconfig) as api:
        source = ClusterSource(api, namespace=settings.namespace)
        await serve(settings, partial(follow, source), clock=time.time, stop=stop, listening=_say)
    logger.info("stopped")


async def _connect(kubeconfig: str | None) -> client.ApiClient:
    if kubeconfig and not await asyncio.to_thread(Path(kubeconfig).is_file):
        raise SettingsError(f"kubeconfig must be a file, found none at {kubeconfig}")
    try:
        return await connect(kubeconfig, connections=2)
    except (ConfigException, yaml.YAMLError, OSError, AttributeError, LookupError, TypeError, ValueError) as error:
        where = kubeconfig or "the pod's service account"
        raise SettingsError(f"access to the API server must be found in {where}, found: {error}") from error


def _say(addresses: Addresses) -> None:
    logger.info("access log at %s, outcomes and metrics at %s", addresses.als, addresses.http)
