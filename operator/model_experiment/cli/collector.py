"""``mexp collector``."""

from collections.abc import Sequence

from model_experiment.cli.starting import start
from model_experiment.collector.settings import CollectorSettings

_DOES = "Counts exposures, requests and outcomes of the experiments."


def main(arguments: Sequence[str]) -> int:
    """Runs until SIGTERM."""
    return start("collector", _DOES, CollectorSettings, arguments)
