"""A process from its start to its exit code: signals, access to the API server, one line for wrong settings."""

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import yaml
from kubernetes.aio import client
from kubernetes.aio.config import ConfigException

from model_experiment.errors import ModelExperimentError, SettingsError
from model_experiment.objects import connect
from model_experiment.process.flags import WRONG_SETTINGS

BROKEN = 1

logger = logging.getLogger(__name__)


def run(name: str, work: Callable[[asyncio.Event], Awaitable[None]], *, log_level: str) -> int:
    """Works until SIGTERM or SIGINT sets the event; returns the exit code."""
    logging.basicConfig(level=log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    code = 0
    try:
        asyncio.run(_until_told(work))
    except* SettingsError as wrong:
        code = _told(name, wrong.exceptions, WRONG_SETTINGS)
    except* ModelExperimentError as broken:
        code = _told(name, broken.exceptions, BROKEN)
    except* Exception:
        logger.exception("the %s broke", name)
        code = BROKEN
    return code


def _told(name: str, errors: Sequence[BaseException], code: int) -> int:
    sys.stderr.writelines(f"mexp {name}: {error}\n" for error in errors)
    return code


async def access(kubeconfig: str | None, *, connections: int = 2) -> client.ApiClient:
    """A client of the API server, from a file or from the pod's service account.

    Raises:
        SettingsError: if there is no way to it; whether it answers is not asked.
    """
    if kubeconfig and not await asyncio.to_thread(Path(kubeconfig).is_file):
        raise SettingsError(f"kubeconfig must be a file, found none at {kubeconfig}")
    try:
        return await connect(kubeconfig, connections=connections)
    except (ConfigException, yaml.YAMLError, OSError, AttributeError, LookupError, TypeError, ValueError) as error:
        where = kubeconfig or "the pod's service account"
        raise SettingsError(f"access to the API server must be found in {where}, found: {error}") from error


async def _until_told(work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await work(stop)
    logger.info("stopped")
