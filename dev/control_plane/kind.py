"""A kind cluster in place of the API server on this machine; every other part runs here as it always does.

For: the same tests against Kubernetes as others package it. It needs a Docker engine. The trap: kind must be created
with ``CONFIGURATION``, so that a Service has an address that a server on this machine can bind. Nothing inside kind
can reach a Service then, its name server included; no test has pods that would mind.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from control_plane.identity import Authority
from control_plane.kubernetes import ADMINISTRATORS, SERVICE_RANGE, Cluster

CONFIGURATION = json.dumps(
    {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "networking": {"serviceSubnet": SERVICE_RANGE},
    }
)


def why_not() -> str | None:
    """Why kind cannot run on this machine; None where a Docker engine answers."""
    try:
        done = subprocess.run(["docker", "info"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "kind needs Docker, but there is no program `docker` on PATH"
    if done.returncode != 0:
        return f"kind needs Docker, but no engine answers: {done.stderr.strip().splitlines()[-1]}"
    return None


@contextmanager
def adopted(folder: Path, *, name: str, kubeconfig: Path) -> Iterator[Cluster]:
    """A kind cluster that runs already; its certificate authority is copied, so that users can be made here."""
    pki = folder / "pki"
    pki.mkdir()
    for file in ("ca.crt", "ca.key"):
        source = f"{name}-control-plane:/etc/kubernetes/pki/{file}"
        subprocess.run(["docker", "cp", source, str(pki / file)], check=True, capture_output=True)
    (described,) = yaml.safe_load(kubeconfig.read_text())["clusters"]
    found = Cluster(described["cluster"]["server"], Authority(pki), folder / "kubeconfig.json")
    found.write_kubeconfig(found.kubeconfig, name="admin", groups=ADMINISTRATORS)
    yield found
