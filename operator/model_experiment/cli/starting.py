"""What the processes have in common on the command line: flags first, then the process itself."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from model_experiment.errors import SettingsError
from model_experiment.process import flags


def start(name: str, does: str, kind: type[Any], arguments: Sequence[str]) -> int:
    """Runs a process until SIGTERM: 0 after a stop, 2 with a sentence for wrong settings, 1 if a part of it broke."""
    parser = ArgumentParser(prog=f"mexp {name}", description=does)
    try:
        settings = flags.read(kind, parser, arguments, os.environ)
    except SettingsError as error:
        sys.stderr.write(f"mexp {name}: {error}\n")
        return flags.WRONG_SETTINGS
    code: int = import_module(f"model_experiment.{name}.main").run(settings)  # its libraries take a second to load
    return code
