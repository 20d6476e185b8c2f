"""``mexp``: finds the command and hands the rest of the line over.

Not for: doing anything. The trap is start-up time: what a command needs is imported when it is called, so that
``mexp --help`` needs none of it.
"""

import sys
from argparse import REMAINDER, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence

Command = Callable[[Sequence[str]], int]

_DESCRIPTION = """\
Experiments between models on live traffic.

commands:
  controller   the operator: steers, judges and decides
  collector    counts exposures, requests and outcomes of the experiments
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; a command line that cannot be understood ends with 2."""
    parser = ArgumentParser(
        prog="mexp", description=_DESCRIPTION, formatter_class=RawDescriptionHelpFormatter, usage="mexp COMMAND ..."
    )
    parser.add_argument("command", choices=("controller", "collector"), metavar="COMMAND", help="one of the above")
    parser.add_argument("arguments", nargs=REMAINDER, metavar="...", help="mexp COMMAND --help tells them")
    line = parser.parse_args(arguments)
    return _command(line.command)(line.arguments)


def _command(name: str) -> Command:
    if name == "controller":
        from model_experiment.controller.main import main as controller_main  # noqa: PLC0415 - see the head

        return controller_main
    from model_experiment.cli.collector import main as collector_main  # noqa: PLC0415 - see the head

    return collector_main


if __name__ == "__main__":
    sys.exit(main())
