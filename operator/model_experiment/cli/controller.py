"""``mexp controller``."""

from collections.abc import Sequence

from model_experiment.cli.starting import start
from model_experiment.controller.settings import ControllerSettings

_DOES = "The operator: steers, judges and decides."


def main(arguments: Sequence[str]) -> int:
    """Runs until SIGTERM."""
    return start("controller", _DOES, ControllerSettings, arguments)
