"""One control plane a network: the fixed ports of its parts, and a private network where they are taken.

Envoy Gateway has ports that cannot be chosen, so two control planes cannot share a network. ``ensure_room`` keeps the
machine's own network where it can, else it starts the same command again in a network namespace with nothing but
loopback, else it says which port is taken and by whom.

The trap: between looking at the ports and binding them others may look too. So the first thing a control plane does
is to claim the network, by a name that the kernel keeps once a network namespace and frees when its owner dies.
"""

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from control_plane.envoy_gateway import FIXED_PORTS
from control_plane.ports import command_line, holder, is_free

_CLAIM = "\0model-experiment-control-plane"
_LAUNCH = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launch.py")), "--own-network", "--"]
_CREDENTIALS = struct.Struct("3i")


class NoRoomError(Exception):
    """Another program holds a port that this control plane needs; the text says which, and who."""


@contextmanager
def claimed_network() -> Iterator[None]:
    """Holds this network for one control plane.

    Raises:
        NoRoomError: where another control plane or program holds what it needs.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as claim:
        try:
            claim.bind(_CLAIM)
        except OSError as error:
            raise NoRoomError(_claimed_by()) from error
        claim.listen()
        if taken := [port for port in FIXED_PORTS if not is_free(port)]:
            raise NoRoomError(" ".join(_sentence(port) for port in taken))
        yield


def is_roomy() -> bool:
    """Whether a control plane could start in this network now."""
    try:
        with claimed_network():
            return True
    except NoRoomError:
        return False


def ensure_room() -> None:
    """Returns where this network has room, else starts this program again in a network of its own, if it may.

    Where it may not, it returns as well: the start of the control plane will then say what is taken.
    """
    if not is_roomy() and can_isolate():
        isolate()


def how_to_enter() -> str | None:
    """The command that starts a shell in this program's own network; None where it runs in the machine's."""
    match os.environ.get("CONTROL_PLANE_NETWORK"):
        case None:
            return None
        case "own":
            return f"nsenter --target {os.getpid()} --net"
        case _:
            return f"nsenter --target {os.getpid()} --user --net --preserve-credentials"


def can_isolate() -> bool:
    """Whether the kernel gives this user a network namespace."""
    return subprocess.run([*_LAUNCH, "true"], capture_output=True, check=False).returncode == 0


def isolate() -> NoReturn:
    """Starts this program again, with the same process id, in a network with nothing but loopback."""
    print("the ports are taken on this network: starting again in a network of its own", flush=True)
    sys.stderr.flush()
    os.execv(_LAUNCH[0], [*_LAUNCH, sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - no shell is the point


def _claimed_by() -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        try:
            asking.connect(_CLAIM)
            raw = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        except OSError:
            return "this network must be free of other control planes, but one is just starting or stopping"
    process = _CREDENTIALS.unpack(raw)[0]
    return (
        "this network must be free of other control planes, "
        f"but process {process} runs one: {command_line(Path('/proc') / str(process))}"
    )


def _sentence(port: int) -> str:
    found = holder(port)
    who = f"process {found[0]} ({found[1]})" if found else "a process of another user"
    return f"Port {port} must be free for {FIXED_PORTS[port]}, but {who} listens there."
