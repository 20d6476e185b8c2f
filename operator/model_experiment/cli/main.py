"""``mexp``: finds the command and hands the rest of the line over.

Not for: doing anything. The trap is start-up time: what a command needs is imported when it is called, so that
``mexp --help`` needs none of it.
"""

import sys
from argparse import REMAINDER, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from importlib import import_module

Command = Callable[[Sequence[str]], int]

_DESCRIPTION = """\
Experiments between models on live traffic.

commands:
  controller   the operator: steers, judges and decides
  collector    counts exposures, requests and outcomes of the experiments
  comparator   asks both models of shadow experiments again and compares their answers
  shadow       shows where the answers of two models differ
"""


_COMMANDS = {
    "controller": "model_experiment.cli.controller",
    "collector": "model_experiment.cli.collector",
    "comparator": "model_experiment.cli.comparator",
    "shadow": "model_experiment.cli.shadow",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; a command line that cannot be understood ends with 2."""
    parser = ArgumentParser(
        prog="mexp", description=_DESCRIPTION, formatter_class=RawDescriptionHelpFormatter, usage="mexp COMMAND ..."
    )
    parser.add_argument("command", choices=_COMMANDS, metavar="COMMAND", help="one of the above")
    parser.add_argument("arguments", nargs=REMAINDER, metavar="...", help="mexp COMMAND --help tells them")
    line = parser.parse_args(arguments)
    return _command(line.command)(line.arguments)


def _command(name: str) -> Command:
    command: Command = import_module(_COMMANDS[name]).main
    return command


if __name__ == "__main__":
    sys.exit(main())
