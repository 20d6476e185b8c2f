"""``python -m control_plane build`` and ``up``: what ``make dev`` runs."""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from control_plane import building, isolation
from control_plane.isolation import NoRoomError
from control_plane.plane import ControlPlane, running
from control_plane.process import ProcessError

_DEFINITIONS = Path(__file__).parents[2] / "crds"
_LOOK_SECONDS = 1.0


def main() -> None:
    """Reads the command line; a failure that is no bug ends with its sentence alone."""
    parser = argparse.ArgumentParser(prog="python -m control_plane", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="build what is not installed, once on this machine")
    up = commands.add_parser("up", help="run a control plane until Ctrl-C")
    up.add_argument("--folder", type=Path, help="an empty folder that keeps logs and data; else a temporary one")
    wish = parser.parse_args()
    try:
        building.build(building.missing())
        if wish.command == "up":
            _up(wish.folder)
    except (building.BuildError, FileExistsError, NoRoomError, ProcessError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("\nstopped")


def _up(folder: Path | None) -> None:
    isolation.ensure_room()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite end stops everything in order too
    began = time.monotonic()
    print("starting a control plane (10 to 20 s)", flush=True)
    with _state(folder) as state, running(state) as plane:
        plane.install(_DEFINITIONS)
        print(_welcome(plane, time.monotonic() - began), flush=True)
        while True:
            plane.check()
            time.sleep(_LOOK_SECONDS)


@contextmanager
def _state(folder: Path | None) -> Iterator[Path]:
    if folder:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="control-plane-") as temporary:
        yield Path(temporary)


def _welcome(plane: ControlPlane, seconds: float) -> str:
    return f"""
=== NOT FOR PRODUCTION: one API server, no replicas, nothing is synced to disk ===
up after {seconds:.0f} s; logs and data are in {plane.folder}

  kubeconfig   {plane.kubeconfig}
  gateway      {plane.gateway}
  Prometheus   {plane.prometheus_url}
  access log   Envoy streams it to {plane.access_log}

In another terminal:

{_shell()}  export KUBECONFIG={plane.kubeconfig}
  curl -i {plane.gateway}
  curl '{plane.prometheus_url}/api/v1/query?query=up'

Ctrl-C stops everything.
"""


def _shell() -> str:
    command = isolation.how_to_enter()
    return f"  {command}   # this control plane has a network of its own\n" if command else ""


if __name__ == "__main__":
    main()
