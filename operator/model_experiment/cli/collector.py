"""``mexp collector``: reads the flags, and says in one line what is wrong with them."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence

from model_experiment.collector.settings import add_flags, from_flags
from model_experiment.errors import SettingsError
from model_experiment.process.flags import WRONG_SETTINGS


def main(arguments: Sequence[str]) -> int:
    """Collects until SIGTERM; 0 after a stop, 2 for wrong settings, 1 if a part of the collector broke."""
    parser = ArgumentParser(
        prog="mexp collector", description="Counts exposures, requests and outcomes of the experiments."
    )
    add_flags(parser)
    try:
        settings = from_flags(parser.parse_args(arguments), os.environ)
    except SettingsError as error:
        sys.stderr.write(f"mexp collector: {error}\n")
        return WRONG_SETTINGS
    from model_experiment.collector.main import run  # noqa: PLC0415 - gRPC and SQL take a second to load

    return run(settings)
