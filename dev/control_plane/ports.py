"""Ports: free ones to choose, and who holds a taken one."""

import random
import socket
from itertools import cycle, islice
from pathlib import Path

_CHOICES = range(20_000, 30_000)  # below the ports that Linux gives to outgoing connections
_IN_TURN = cycle(random.sample(_CHOICES, len(_CHOICES)))  # a port that was given may not be taken yet
_ATTEMPTS = 200
_LISTEN = "0A"


def free_port() -> int:
    """A port on which nobody listens now, on any address; the server should take it soon."""
    for port in islice(_IN_TURN, _ATTEMPTS):
        if is_free(port):
            return port
    raise OSError(f"one of {_ATTEMPTS} random ports in {_CHOICES} must be free, but all are taken")


def is_free(port: int) -> bool:
    """Whether a server could listen on this port on every address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # old connections do not hinder a server
        try:
            probe.bind(("", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def holder(port: int) -> tuple[int, str] | None:
    """The process that listens on a port and its command line; None where this user may not see it."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(link.readlink().as_posix() in sockets for link in (process / "fd").iterdir()):
                return int(process.name), command_line(process)
        except OSError:  # it ended meanwhile, or belongs to somebody else
            continue
    return None


def command_line(process: Path) -> str:
    return process.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()[:200]


def _listening_inodes(port: int) -> set[str]:
    rows = [
        line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return {row[9] for row in rows if row[3] == _LISTEN and int(row[1].rsplit(":", 1)[1], 16) == port}
