"""The API server, and the controllers that make deletion real: owner references and namespaces.

RBAC is on and every call is in the audit log. Nobody runs pods. The trap: Services take their addresses from a range
inside 127/8, so that a server on this machine can bind the address of a Service and be one.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from control_plane import building, etcd
from control_plane.identity import Authority, Pair, create_authority, write_kubeconfig
from control_plane.ports import free_port
from control_plane.process import Command, Process, answers, started

SERVICE_RANGE = "127.96.0.0/16"
ADMINISTRATORS = ("system:masters",)
_CONTROLLERS = (
    "clusterrole-aggregation-controller",  # fills the roles view, edit and admin
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
)

# Requests about experiments and routes are kept with their bodies: a test can read who wrote what.
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Request", "resources": [{"group": "modelexperiment.io"}, {"group": "gateway.networking.k8s.io"}]},
        {"level": "Metadata"},
    ],
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """An API server, who signs its users, its administrator's kubeconfig, and the processes here that run it.

    The audit log has one JSON object a line; it is None where the API server runs elsewhere.
    """

    url: str
    authority: Authority
    kubeconfig: Path
    audit_log: Path | None = None
    processes: tuple[Process, ...] = ()

    def write_kubeconfig(self, path: Path, *, name: str, groups: tuple[str, ...] = ()) -> Path:
        """A kubeconfig for a user of that name and groups, who may do what RBAC grants them."""
        user = self.authority.issue(path.stem, name=name, groups=groups)
        return write_kubeconfig(path, server=self.url, authority=self.authority.pair.certificate, user=user)


@contextmanager
def local(folder: Path) -> Iterator[Cluster]:
    """etcd, the API server and the controllers as processes on this machine; they end with the block."""
    store, store_url = etcd.create(folder)
    authority = create_authority(folder / "pki")
    serving = authority.issue("serving", name="kube-apiserver", alternatives="IP:127.0.0.1,DNS:localhost")
    url = f"https://127.0.0.1:{free_port()}"
    access = Cluster(url, authority, folder / "kubeconfig.json", folder / "audit.jsonl")
    access.write_kubeconfig(access.kubeconfig, name="admin", groups=ADMINISTRATORS)
    api_server = _api_server(folder, access, serving=serving, store_url=store_url)
    controllers = _controllers(folder, access, serving=serving)
    with started(store), started(api_server), started(controllers):
        yield replace(access, processes=(store, api_server, controllers))


def _api_server(folder: Path, access: Cluster, *, serving: Pair, store_url: str) -> Process:
    policy = folder / "audit-policy.json"
    policy.write_text(json.dumps(_AUDIT_POLICY))
    arguments = [
        f"--etcd-servers={store_url}",
        "--bind-address=127.0.0.1",
        f"--secure-port={access.url.rsplit(':', 1)[1]}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        f"--client-ca-file={access.authority.pair.certificate}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={serving.certificate}",
        f"--service-account-signing-key-file={serving.key}",
        "--authorization-mode=RBAC",
        "--disable-admission-plugins=ServiceAccount",  # nobody runs pods, so nobody needs to wait for their accounts
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--advertise-address=10.0.0.1",  # it must not be loopback; nobody uses it
        "--endpoint-reconciler-type=none",
        f"--audit-policy-file={policy}",
        f"--audit-log-path={access.audit_log}",
    ]
    return _process("kube-apiserver", arguments, folder=folder, ready=f"{access.url}/readyz", access=access)


def _controllers(folder: Path, access: Cluster, *, serving: Pair) -> Process:
    port, kubeconfig = free_port(), folder / "kube-controller-manager.json"
    access.write_kubeconfig(kubeconfig, name="kube-controller-manager", groups=ADMINISTRATORS)
    arguments = [
        f"--kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        "--leader-elect=false",
        f"--controllers={','.join(_CONTROLLERS)}",
    ]
    ready = f"https://127.0.0.1:{port}/healthz"
    return _process("kube-controller-manager", arguments, folder=folder, ready=ready, access=access)


def _process(name: str, arguments: list[str], *, folder: Path, ready: str, access: Cluster) -> Process:
    program, authority = building.program(building.KUBERNETES, name), access.authority.pair.certificate
    log = folder / f"{name}.log"
    return Process(Command(name, [str(program), *arguments], log, lambda: answers(ready, authority=authority)))
