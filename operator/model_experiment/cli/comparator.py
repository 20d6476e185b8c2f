"""``mexp comparator``: reads the flags, and says in one line what is wrong with them."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence

from model_experiment.comparator.settings import add_flags, from_flags
from model_experiment.errors import SettingsError
from model_experiment.process.flags import WRONG_SETTINGS


def main(arguments: Sequence[str]) -> int:
    """Compares until SIGTERM; 0 after a stop, 2 for wrong settings, 1 if a part of the comparator broke."""
    parser = ArgumentParser(
        prog="mexp comparator", description="Asks both models of shadow experiments again and compares their answers."
    )
    add_flags(parser)
    try:
        settings = from_flags(parser.parse_args(arguments), os.environ)
    except SettingsError as error:
        sys.stderr.write(f"mexp comparator: {error}\n")
        return WRONG_SETTINGS
    from model_experiment.comparator.main import run  # noqa: PLC0415 - HTTP and SQL take a second to load

    return run(settings)
