"""``mexp shadow diff NAME``: shows the newest pairs of answers that differ, from the comparator's database."""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from model_experiment.comparator.printing import visible
from model_experiment.comparator.settings import ComparatorSettings
from model_experiment.errors import ModelExperimentError
from model_experiment.process.flags import PREFIX, WRONG_SETTINGS

if TYPE_CHECKING:
    from model_experiment.comparator.evidence import Difference


def main(arguments: Sequence[str]) -> int:
    """Prints; 0 also where nothing differs, 2 where there is no evidence to read."""
    line = _parser().parse_args(arguments)
    from model_experiment.comparator.store import newest  # noqa: PLC0415 - SQL takes a second to load

    try:
        found = newest(line.database, f"{line.namespace}/{line.name}", most=line.most)
    except ModelExperimentError as error:
        sys.stderr.write(f"mexp shadow diff: {error}\n")
        return WRONG_SETTINGS
    sys.stdout.write("\n".join(map(visible, _report(line, found))) + "\n")
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="mexp shadow", description="What shadow experiments found.")
    commands = parser.add_subparsers(required=True, metavar="diff")
    diff = commands.add_parser("diff", help="the newest pairs of answers that differ")
    diff.add_argument("name", metavar="NAME", help="name of the experiment")
    diff.add_argument("-n", "--namespace", default="default", help="its namespace (default default)")
    default = os.environ.get(f"{PREFIX}DATABASE") or ComparatorSettings().database
    diff.add_argument(
        "--database", default=default, help=f"URL of the evidence (default {ComparatorSettings().database})"
    )
    diff.add_argument("--most", type=int, default=10, help="how many pairs to show (default 10)")
    return parser


def _report(line: Namespace, found: "Sequence[Difference]") -> Iterator[str]:
    if not found:
        yield f"{line.namespace}/{line.name}: no pair of answers that differ is stored"
    for difference in found:
        yield from _lines(difference)


def _lines(difference: "Difference") -> Iterator[str]:
    seen = datetime.fromtimestamp(difference.seen, UTC)
    yield f"{seen:%Y-%m-%dT%H:%M:%SZ}  {difference.request}  {difference.request_id}"
    yield f"  {difference.variant} differs from the champion in {', '.join(difference.fields)}"
    for name, body in (("champion", difference.champion), (difference.variant, difference.answer)):
        if body is not None:
            yield f"  {name}: {body}"
