"""Envoy Gateway, which runs Envoy itself: the layout without pods (Custom provider, Host infrastructure).

Envoy Gateway reads its objects from the API server and its certificates from ``/certs``, an absolute path in its
source; so it runs unmodified in a mount namespace where that folder is ours. Envoy dies with it.

The traps: the ports in ``FIXED_PORTS`` cannot be chosen, and all but one are bound on *every* address, so that no
server may use them on any 127.x address. ``routingType: Service`` makes Envoy send to a Service's own address, which is
where a test's server listens.
"""

import base64
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from control_plane import building
from control_plane.api import Manifest
from control_plane.ports import free_port
from control_plane.process import Bind, Command, Process, answers

FIXED_PORTS: Mapping[int, str] = {
    8080: "Envoy Gateway's metrics",
    8081: "Envoy Gateway's readiness",
    9443: "Envoy Gateway's webhook",
    18000: "Envoy Gateway's configuration stream",
    18002: "Envoy Gateway's extensions",
    19000: "Envoy Gateway's administration",
    19003: "Envoy's readiness",
}
NAMESPACE = "envoy-gateway-system"
GATEWAY = {"name": "gateway", "namespace": "default"}
_EXTENSION = "gateway.envoyproxy.io/v1alpha1"
_CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
_GATEWAY_API = "gateway.networking.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class EnvoyGateway:
    """An Envoy Gateway, the URL of its one Gateway, and where Envoy's access log goes over gRPC."""

    process: Process
    url: str
    access_log: str
    folder: Path

    def objects(self) -> list[Manifest]:
        """What it must find in the API server, in an order in which they can be created."""
        port, (host, log_port) = int(self.url.rsplit(":", 1)[1]), self.access_log.rsplit(":", 1)
        return [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
            *self._secrets(),
            _manifest(
                _EXTENSION, "Backend", "access-log", {"endpoints": [{"ip": {"address": host, "port": int(log_port)}}]}
            ),
            _manifest(_EXTENSION, "EnvoyProxy", "local", _proxy(self.folder / "access.jsonl", int(log_port))),
            _gateway_class(),
            _gateway(port),
        ]

    def _secrets(self) -> list[Manifest]:
        return [_secret(folder) for folder in sorted((self.folder / "config/certs").iterdir())]


def create(folder: Path, *, kubeconfig: Path) -> EnvoyGateway:
    """An Envoy Gateway that is not started yet; its certificates are made here."""
    folder.mkdir()
    program = str(building.program(building.ENVOY_GATEWAY, "envoy-gateway"))
    home = folder / "config"
    done = subprocess.run(
        [program, "certgen", "--local", "--config-home", str(home)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"envoy-gateway certgen must succeed, but it said: {done.stdout}{done.stderr}")
    _lay_out_envoy(folder / "data")
    (folder / "root").mkdir()
    config = folder / "envoy-gateway.json"
    config.write_text(json.dumps(_configuration(folder)))
    url = f"http://127.0.0.1:{free_port()}"
    command = Command(
        "envoy-gateway",
        [program, "server", "--config-path", str(config)],
        folder / "envoy-gateway.log",
        ready=lambda: answers(url, status=None),  # 404: Envoy answers and has no route yet
        environment={"KUBECONFIG": str(kubeconfig)},
        bind=Bind(home / "certs" / "envoy-gateway", "/certs", folder / "root"),
    )
    return EnvoyGateway(Process(command), url, f"127.0.0.1:{free_port()}", folder)


def _lay_out_envoy(data: Path) -> None:
    """Puts Envoy where Envoy Gateway looks before it would download one."""
    binary, version = building.envoy()
    place = data / "envoy-versions" / version / "bin"
    place.mkdir(parents=True)
    (place / "envoy").symlink_to(binary)


def _configuration(folder: Path) -> dict[str, Any]:
    host = {f"{name}Home": str(folder / name) for name in ("config", "data", "state")}  # all must differ
    kubernetes = {"leaderElection": {"disable": True}, "client": {"rateLimit": {"qps": 200, "burst": 400}}}
    custom = {
        "resource": {"type": "Kubernetes", "kubernetes": kubernetes},
        "infrastructure": {"type": "Host", "host": {**host, "runtimeDir": str(folder / "run")}},
    }
    return {
        "apiVersion": _EXTENSION,
        "kind": "EnvoyGateway",
        "gateway": {"controllerName": _CONTROLLER},
        "provider": {"type": "Custom", "custom": custom},
        "extensionApis": {"enableBackend": True, "enableLua": True},
        "telemetry": {"metrics": {"prometheus": {"disable": True}}},
    }


def _proxy(file: Path, log_port: int) -> dict[str, Any]:
    backend = {"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "access-log", "port": log_port}
    headers = {"requestHeaders": ["x-user-id"], "responseHeaders": ["x-variant"]}
    stream = {
        "type": "ALS",
        "als": {"logName": "model-experiment", "type": "HTTP", "backendRefs": [backend], "http": headers},
    }
    fields = {
        "time": "%START_TIME(%s.%3f)%",
        "route": "%ROUTE_NAME%",
        "cluster": "%UPSTREAM_CLUSTER%",
        "user": "%REQ(x-user-id)%",
        "variant": "%RESP(x-variant)%",
        "code": "%RESPONSE_CODE%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "flags": "%RESPONSE_FLAGS%",
        "milliseconds": "%DURATION%",
    }
    settings = [
        {"type": "Route", "sinks": [stream]},
        {
            "type": "Route",
            "format": {"type": "JSON", "json": fields},
            "sinks": [{"type": "File", "file": {"path": str(file)}}],
        },
    ]
    return {
        "provider": {"type": "Host", "host": {"envoyVersion": building.envoy()[1]}},
        "routingType": "Service",
        "concurrency": 2,
        "shutdown": {
            "drainTimeout": "2s"
        },  # how long old connections are kept after a change of filters; 60 s otherwise
        # Without hot restart no shared memory is left on the machine, which another user's Envoy could not open.
        "extraArgs": ["--disable-hot-restart", "--file-flush-interval-msec", "200"],  # written after 200 ms, not 10 s
        "telemetry": {"accessLog": {"settings": settings}},
    }


def _manifest(api_version: str, kind: str, name: str, spec: Mapping[str, Any]) -> Manifest:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


def _gateway_class() -> Manifest:
    parameters = {"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": "local", "namespace": NAMESPACE}
    spec = {"controllerName": _CONTROLLER, "parametersRef": parameters}
    return {"apiVersion": _GATEWAY_API, "kind": "GatewayClass", "metadata": {"name": "envoy"}, "spec": spec}


def _gateway(port: int) -> Manifest:
    listener = {"name": "http", "protocol": "HTTP", "port": port, "allowedRoutes": {"namespaces": {"from": "All"}}}
    spec = {"gatewayClassName": "envoy", "listeners": [listener]}
    return {"apiVersion": _GATEWAY_API, "kind": "Gateway", "metadata": GATEWAY, "spec": spec}


def _secret(folder: Path) -> Manifest:
    data = {file.name: base64.b64encode(file.read_bytes()).decode() for file in sorted(folder.iterdir())}
    metadata = {"name": folder.name, "namespace": NAMESPACE, "labels": {"control-plane": "envoy-gateway"}}
    kind = "kubernetes.io/tls" if "tls.key" in data else "Opaque"
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "data": data}
