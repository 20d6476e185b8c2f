"""``mexp comparator``."""

from collections.abc import Sequence

from model_experiment.cli.starting import start
from model_experiment.comparator.settings import ComparatorSettings

_DOES = "Asks both models of shadow experiments again and compares their answers."


def main(arguments: Sequence[str]) -> int:
    """Runs until SIGTERM."""
    return start("comparator", _DOES, ComparatorSettings, arguments)
