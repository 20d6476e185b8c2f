"""Istio: istiod, and a plain Envoy that istiod programs as a gateway. No pods, no sidecars, no certificates.

istiod reads its objects from the API server and streams configuration to its Envoy. Two can run side by side: each
Gateway, EnvoyFilter and Telemetry selects its Envoy by ``labels``.

The traps: this Envoy has no filters of Istio's own, and a resource that it cannot take, or a cluster that waits for
certificates, holds back every later one without a word; so all that needs them is off. istiod takes the servers of a
Service from EndpointSlices, which refuse loopback: a ``service_entry`` of the same host tells it the address instead.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from control_plane import building
from control_plane.api import Manifest
from control_plane.ports import free_port
from control_plane.process import Command, Process, answers

NAMESPACE = "istio-system"
_NETWORKING = "networking.istio.io/v1"
_ACCESS_LOG = "access-log"
_NODE_ADDRESS = "10.1.1.1"  # a proxy must have one, and not loopback; nobody uses it

# Without hot restart no shared memory is left on the machine, where other Envoys would meet it. Misc warns of each
# route of istiod's, which still has a deprecated field.
_ENVOY_ARGUMENTS = (
    *("--concurrency", "2", "--disable-hot-restart"),
    *("--log-level", "warning", "--component-log-level", "misc:error"),
)
_SETTINGS = {
    "PILOT_ENABLE_METADATA_EXCHANGE": "false",  # a filter that only Istio's own Envoy has
    "PILOT_ENABLE_ALPN_FILTER": "false",  # another one
    "ENABLE_CA_SERVER": "false",  # nobody needs certificates, and it would write its root into every namespace
    # The Gateway API is Envoy Gateway's here: istiod would add two classes of its own and watch every route.
    "PILOT_ENABLE_GATEWAY_API": "false",
}


@dataclass(frozen=True, slots=True)
class Istio:
    """An istiod and its Envoy; ``url`` is its gateway's, and Envoy streams its access log to ``access_log`` (gRPC).

    Below ``istiod_url`` are ``/debug/syncz`` and ``/metrics``, below ``admin_url`` is Envoy's ``/config_dump``.
    """

    name: str
    istiod: Process
    envoy: Process
    url: str
    access_log: str
    istiod_url: str
    admin_url: str

    @property
    def gateway(self) -> str:
        """What a VirtualService names in ``gateways`` to be served."""
        return f"{NAMESPACE}/{self.name}"

    @property
    def labels(self) -> dict[str, str]:
        """By which an EnvoyFilter in ``NAMESPACE`` selects this Envoy."""
        return _labels(self.name)

    def objects(self) -> list[Manifest]:
        """What it must find in the API server, in an order in which they can be created."""
        port = {"number": _port(self.url), "name": "http", "protocol": "HTTP"}
        server = {"bind": "127.0.0.1", "port": port, "hosts": ["*"]}
        log_port = {"number": _port(self.access_log), "name": "grpc", "protocol": "GRPC"}
        log = {"providers": [{"name": _ACCESS_LOG}]}
        telemetry = {"selector": {"matchLabels": self.labels}, "accessLogging": [log]}
        return [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
            _manifest(_NETWORKING, "Gateway", self.name, {"selector": self.labels, "servers": [server]}),
            service_entry(NAMESPACE, f"{self.name}-{_ACCESS_LOG}", address="127.0.0.1", ports=[log_port]),
            _manifest("telemetry.istio.io/v1", "Telemetry", self.name, telemetry),
        ]


def create(folder: Path, *, kubeconfig: Path, debounce: str) -> Istio:
    """An Istio that is not started yet and has the folder's name.

    ``debounce`` (as in ``100ms``, Istio's own choice) is how long istiod waits for further changes before it pushes.
    """
    folder.mkdir()
    stream, access_log = (f"127.0.0.1:{free_port()}" for _ in range(2))
    url, istiod_url, admin_url = (f"http://127.0.0.1:{free_port()}" for _ in range(3))
    mesh, bootstrap = folder / "mesh.json", folder / "envoy.json"
    mesh.write_text(json.dumps(_mesh(folder.name, log_port=_port(access_log))))
    bootstrap.write_text(json.dumps(_bootstrap(folder.name, stream_port=_port(stream), admin_port=_port(admin_url))))
    istiod = Command(
        "istiod",
        _istiod(mesh, kubeconfig=kubeconfig, stream=stream, http=istiod_url.removeprefix("http://")),
        folder / "istiod.log",
        ready=lambda: answers(f"{istiod_url}/ready"),
        environment={**_SETTINGS, "PILOT_DEBOUNCE_AFTER": debounce},
    )
    envoy = Command(
        "envoy",
        [str(building.envoy()[0]), "-c", str(bootstrap), *_ENVOY_ARGUMENTS],
        folder / "envoy.log",
        ready=lambda: answers(url, status=None),  # 404: it has its listener and no route yet
    )
    return Istio(folder.name, Process(istiod), Process(envoy), url, access_log, istiod_url, admin_url)


def host(namespace: str, name: str) -> str:
    """How a VirtualService names a Service as its destination."""
    return f"{name}.{namespace}.svc.cluster.local"


def service_entry(namespace: str, name: str, *, address: str, ports: Sequence[Manifest]) -> Manifest:
    """Tells Istio at which address the server behind a Service of that name listens."""
    spec = {
        "hosts": [host(namespace, name)],
        "location": "MESH_EXTERNAL",
        "resolution": "STATIC",
        "ports": list(ports),
        "endpoints": [{"address": address}],
    }
    return _manifest(_NETWORKING, "ServiceEntry", name, spec, namespace=namespace)


def _istiod(mesh: Path, *, kubeconfig: Path, stream: str, http: str) -> list[str]:
    return [
        str(building.program(building.ISTIO, "pilot-discovery")),
        "discovery",
        f"--kubeconfig={kubeconfig}",
        f"--meshConfig={mesh}",
        f"--grpcAddr={stream}",
        f"--httpAddr={http}",
        "--monitoringAddr=",  # its metrics are at the HTTP address too
        "--secureGRPCAddr=",
        "--httpsAddr=",
        "--ctrlz_port=0",  # a free one, because it has one in any case
    ]


def _mesh(name: str, *, log_port: int) -> dict[str, Any]:
    log = {
        "service": host(NAMESPACE, f"{name}-{_ACCESS_LOG}"),
        "port": log_port,
        "logName": "model-experiment",
        "additionalRequestHeadersToLog": ["x-user-id"],
        "additionalResponseHeadersToLog": ["x-variant"],
    }
    return {"enableAutoMtls": False, "extensionProviders": [{"name": _ACCESS_LOG, "envoyHttpAls": log}]}


def _bootstrap(name: str, *, stream_port: int, admin_port: int) -> dict[str, Any]:
    metadata = {"NAMESPACE": NAMESPACE, "LABELS": _labels(name)}
    workload = f"{name}.{NAMESPACE}"
    node = f"router~{_NODE_ADDRESS}~{workload}~{NAMESPACE}.svc.cluster.local"
    by_stream = {"ads": {}, "resource_api_version": "V3"}
    return {
        "node": {"id": node, "cluster": workload, "metadata": metadata},
        "admin": {"address": _address(admin_port)},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [{"envoy_grpc": {"cluster_name": "istiod"}}],
            },
            "lds_config": by_stream,
            "cds_config": by_stream,
        },
        "static_resources": {"clusters": [_istiod_cluster(stream_port)]},
    }


def _istiod_cluster(port: int) -> dict[str, Any]:
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    http2 = {"@type": f"type.googleapis.com/{options}", "explicit_http_config": {"http2_protocol_options": {}}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}]
    return {
        "name": "istiod",
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {options: http2},
        "load_assignment": {"cluster_name": "istiod", "endpoints": endpoints},
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _labels(name: str) -> dict[str, str]:
    return {"istio": name}


def _port(address: str) -> int:
    return int(address.rsplit(":", 1)[1])


def _manifest(api_version: str, kind: str, name: str, spec: dict[str, Any], *, namespace: str = NAMESPACE) -> Manifest:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}
