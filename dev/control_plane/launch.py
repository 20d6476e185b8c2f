"""Becomes a command that dies with its parent, if wished with a path bound elsewhere or in a network of its own.

For: everything that needs the kernel before ``exec``. It runs as a script in a fresh interpreter (standard library
only), because user namespaces need a process with one thread, and because code between ``fork`` and ``exec`` in a
parent with threads may deadlock. Nothing here touches the machine outside the namespaces it makes.

The traps: the death signal is tied to the parent's *thread* that forked, so only a main thread may start children;
and the kernel forgets it when credentials change, so it is asked for last.
"""

import argparse
import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys
from pathlib import Path

_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_PR_SET_PDEATHSIG = 1
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def _unshare(flags: int) -> bool:
    """Leaves the given namespaces; says whether it took a user namespace, because the privilege was missing."""
    user, group = os.getuid(), os.getgid()
    try:
        _checked(_libc.unshare(flags), "unshare")
    except PermissionError:
        _checked(_libc.unshare(flags | _CLONE_NEWUSER), "unshare with a user namespace")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
        return True
    return False


def _mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    arguments = [text.encode() if text is not None else None for text in (source, target, kind)]
    _checked(_libc.mount(*arguments, ctypes.c_ulong(flags), None), f"mount on {target}")


def _bind(source: str, target: str, *, root: str) -> None:
    """Shows a file or folder at a path that exists, or a folder at one directly below ``/`` that need not exist.

    Only this process and its children see it. Where the path does not exist, a new root is made of every top-level
    folder of the old one, on the empty folder ``root``, because a mount point cannot be made in ``/`` without leaving a
    trace on the machine.
    """
    _unshare(_CLONE_NEWNS)
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    if Path(target).exists():
        _mount(source, target, None, _MS_BIND | _MS_REC)
        return
    shown = {f"/{entry.name}": str(entry) for entry in Path("/").iterdir() if entry.is_dir()}
    _mount("tmpfs", root, "tmpfs", 0)
    for place, folder in (shown | {target: source}).items():
        Path(f"{root}{place}").mkdir()
        _mount(folder, f"{root}{place}", None, _MS_BIND | _MS_REC)
    here = Path.cwd()
    os.chroot(root)
    os.chdir(here)


def _raise_loopback() -> None:
    """A new network namespace begins with a loopback that is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))


def _die_with(parent: int) -> None:
    _checked(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    if os.getppid() != parent:  # it died before the kernel was asked to tell
        sys.exit(f"the parent {parent} is gone")


def _isolate(wish: argparse.Namespace) -> None:
    if wish.own_network:
        with_user = _unshare(_CLONE_NEWNET)
        os.environ["CONTROL_PLANE_NETWORK"] = "own, with a user namespace" if with_user else "own"
        _raise_loopback()
    if wish.bind:
        source, target, root = wish.bind
        _bind(source, target, root=root)


def main() -> None:
    """Reads the wishes, fulfils them and becomes the command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, help="die with this process")
    parser.add_argument("--own-network", action="store_true", help="a network with nothing but loopback")
    parser.add_argument("--bind", nargs=3, metavar=("SOURCE", "PATH", "ROOT"), help="show SOURCE at PATH")
    parser.add_argument("command", nargs="+")
    wish = parser.parse_args()
    try:
        _isolate(wish)
    except OSError as error:
        sys.exit(
            f"{error}: this needs root or user namespaces "
            "(Ubuntu forbids them until `sysctl kernel.apparmor_restrict_unprivileged_userns=0`)"
        )
    if wish.parent:
        _die_with(wish.parent)
    os.execvp(wish.command[0], wish.command)  # noqa: S606 - becoming another program is this script's purpose


if __name__ == "__main__":
    main()
