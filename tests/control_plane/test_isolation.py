"""Who holds a port is said; where the network has no room, a program starts again in its own."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from control_plane import isolation, ports
from control_plane.isolation import NoRoomError, claimed_network

DEV = Path(__file__).parents[2] / "dev"
LOOK = """
from control_plane import isolation, ports
isolation.ensure_room()
print(isolation.is_roomy(), ports.is_free({}))
"""


@pytest.fixture
def taken(monkeypatch):
    """A port that this process holds and that stands for one of the fixed ports."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        monkeypatch.setattr(isolation, "FIXED_PORTS", {port: "the configuration stream"})
        monkeypatch.setattr(isolation, "_CLAIM", f"\0test-{port}")  # a control plane may run beside this test
        yield port


def test_a_taken_port_is_named_with_its_purpose_and_its_holder(taken):
    sentence = f"Port {taken} must be free for the configuration stream, but process {os.getpid()} ("
    with pytest.raises(NoRoomError, match=rf"^{re.escape(sentence)}.+\) listens there.$"), claimed_network():
        pass


def test_a_network_is_claimed_once(monkeypatch):
    monkeypatch.setattr(isolation, "FIXED_PORTS", {})
    monkeypatch.setattr(isolation, "_CLAIM", "\0test-claimed-once")
    with claimed_network():
        assert not isolation.is_roomy()
        with pytest.raises(NoRoomError, match=f"but process {os.getpid()} runs one: "), claimed_network():
            pass
    assert isolation.is_roomy()


def test_a_free_port_is_free_and_below_the_ports_of_outgoing_connections():
    port = ports.free_port()
    assert ports.is_free(port)
    assert port < int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert ports.holder(port) is None


def test_a_program_without_room_starts_again_in_a_network_of_its_own():
    if not isolation.can_isolate():
        pytest.skip("the kernel gives this user no network namespace")
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", 8081))
            server.listen()
        except OSError:
            pass  # taken already, which is as good
        ran = subprocess.run(
            [sys.executable, "-c", LOOK.format(8081)], cwd=DEV, capture_output=True, text=True, check=True
        )
    assert ran.stdout.splitlines() == [
        "the ports are taken on this network: starting again in a network of its own",
        "True True",
    ]
