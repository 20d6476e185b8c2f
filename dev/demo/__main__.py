"""``python -m demo``: one whole experiment on this machine, from ``apply`` to the decision, in about two minutes.

Exit code 0 where the experiment ended as the truth behind the scenario deserves, 1 where it did not or a part died,
130 after Ctrl-C; nothing is left running in any case.
"""

import argparse
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import requests

from control_plane import isolation
from control_plane.api import ApiError
from control_plane.building import BuildError
from control_plane.process import ProcessError
from demo.scenario import SCENARIOS, Scenario, fault_of
from demo.show import choose_show
from demo.story import CONTROL_PLANE, play

RUNS = Path(__file__).parents[2] / ".run"
INTERRUPTED = 130
_FAULTS = (ApiError, BuildError, ProcessError, isolation.NoRoomError, requests.RequestException)


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the flags, plays the scenario and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="A whole experiment on this machine.")
    parser.add_argument("--scenario", choices=SCENARIOS, default="win", help="what is true of the challenger")
    parser.add_argument("--seed", type=int, default=7, help="the same seed tells the same story")
    parser.add_argument("--folder", type=Path, help="a new folder for logs and data (default .run/demo-TIME)")
    flags = parser.parse_args(arguments)
    folder = flags.folder or RUNS / time.strftime("demo-%Y%m%d-%H%M%S")
    if folder.exists():
        parser.error(f"--folder must not be there yet, because it is all of this run, found {folder}")
    isolation.ensure_room()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    return _run(SCENARIOS[flags.scenario], seed=flags.seed, folder=folder.resolve())


def _run(scenario: Scenario, *, seed: int, folder: Path) -> int:
    show = choose_show(f"experiment shop/ranker, scenario {scenario.name}, seed {seed}")
    show.say(f"A demonstration on loopback, not for production. Logs: {folder}")
    show.say(f"The truth, which the operator does not know: {scenario.story}.")
    try:
        last = play(scenario, seed=seed, folder=folder, show=show)
    except KeyboardInterrupt:
        show.close()
        show.say("\nstopped by a signal; nothing is left running")
        return INTERRUPTED
    except _FAULTS as error:
        show.close()
        print(f"demo: {error}\nAll logs are in {folder}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder / CONTROL_PLANE / "etcd", ignore_errors=True)  # 70 MB that say nothing any more
    if fault := fault_of(scenario, last.status):
        print(f"demo: {fault}\nAll logs are in {folder}", file=sys.stderr)
        return 1
    return 0


def _interrupt(_number: int, _frame: object) -> None:
    """The first signal stops everything in order; later ones are ignored, so that nothing is left behind."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
