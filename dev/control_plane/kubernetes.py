"""The API server, and the controllers that make deletion real: owner references, namespaces, service accounts.

RBAC is on and every call is in the audit log. Nobody runs pods. The trap: Services take their addresses from a range
inside 127/8, so that a server on this machine can bind the address of a Service and be one.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from control_plane import building
from control_plane.identity import Authority, Pair, write_kubeconfig
from control_plane.ports import free_port
from control_plane.process import Command, Process, answers

SERVICE_RANGE = "127.96.0.0/16"
_CONTROLLERS = "garbage-collector-controller,namespace-controller,serviceaccount-controller"

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
class ApiServer:
    """An API server, the files that prove who is who, and its audit log (JSON lines)."""

    process: Process
    url: str
    authority: Authority
    serving: Pair
    audit_log: Path

    def write_kubeconfig(self, path: Path, *, name: str, groups: tuple[str, ...] = ()) -> Path:
        """A kubeconfig for a user of that name and groups, who may do what RBAC grants them."""
        user = self.authority.issue(path.stem, name=name, groups=groups)
        return write_kubeconfig(path, server=self.url, authority=self.authority.pair.certificate, user=user)


def create_api_server(folder: Path, *, etcd: str, authority: Authority) -> ApiServer:
    """An API server that is not started yet."""
    port = free_port()
    url, audit_log, policy = f"https://127.0.0.1:{port}", folder / "audit.jsonl", folder / "audit-policy.json"
    policy.write_text(json.dumps(_AUDIT_POLICY))
    serving = authority.issue("kube-apiserver", name="kube-apiserver", alternatives="IP:127.0.0.1,DNS:localhost")
    arguments = [
        str(building.program(building.KUBERNETES, "kube-apiserver")),
        f"--etcd-servers={etcd}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        f"--client-ca-file={authority.pair.certificate}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={serving.certificate}",
        f"--service-account-signing-key-file={serving.key}",
        "--authorization-mode=RBAC",
        "--disable-admission-plugins=ServiceAccount",  # it would wait for controllers that no pod needs here
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--advertise-address=10.0.0.1",  # loopback is refused; nobody uses it
        "--endpoint-reconciler-type=none",
        f"--audit-policy-file={policy}",
        f"--audit-log-path={audit_log}",
    ]
    command = Command(
        "kube-apiserver",
        arguments,
        folder / "kube-apiserver.log",
        ready=lambda: answers(f"{url}/readyz", authority=authority.pair.certificate),
    )
    return ApiServer(Process(command), url, authority, serving, audit_log)


def create_controllers(folder: Path, *, api_server: ApiServer) -> Process:
    """A controller manager that is not started yet."""
    port, kubeconfig = free_port(), folder / "kube-controller-manager.json"
    api_server.write_kubeconfig(kubeconfig, name="kube-controller-manager", groups=("system:masters",))
    arguments = [
        str(building.program(building.KUBERNETES, "kube-controller-manager")),
        f"--kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--tls-cert-file={api_server.serving.certificate}",
        f"--tls-private-key-file={api_server.serving.key}",
        "--leader-elect=false",
        f"--controllers={_CONTROLLERS}",
    ]
    command = Command(
        "kube-controller-manager",
        arguments,
        folder / "kube-controller-manager.log",
        ready=lambda: answers(f"https://127.0.0.1:{port}/healthz", authority=api_server.authority.pair.certificate),
    )
    return Process(command)
