"""etcd: where the API server keeps its objects. It never syncs to disk, because this control plane is thrown away."""

from pathlib import Path

from control_plane import building
from control_plane.ports import free_port
from control_plane.process import Command, Process, answers


def create(folder: Path) -> tuple[Process, str]:
    """An etcd that is not started yet, and the URL where it will answer."""
    client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    arguments = [
        str(building.program(building.ETCD, "etcd")),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]
    command = Command("etcd", arguments, folder / "etcd.log", ready=lambda: answers(f"{client}/health"))
    return Process(command), client
