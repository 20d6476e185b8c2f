"""InferenceServices and InferencePools as manifests, and Services with and without endpoints.

KServe itself does not run here: what it would write, the status and the Services, is written by the test.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from control_plane import istio
from control_plane.api import address
from control_plane.plane import ControlPlane
from control_plane.ports import free_port
from given.model_servers import ModelServer, introduce, serving
from given.tokens import policy_manifest

Manifest = dict[str, Any]

KSERVE: Manifest = {"group": "serving.kserve.io", "kind": "InferenceService"}


def inference_service(
    name: str,
    *,
    namespace: str = "shop",
    mode: str = "Standard",
    ready: str = "True",
    url: str = "",
    status: Manifest | None = None,
    **spec: Any,
) -> Manifest:
    """An InferenceService with the status that KServe writes; of other keywords reason and message are Ready's."""
    said = {key: spec.pop(key) for key in ("reason", "message") if key in spec}
    entry = "transformer" if "transformer" in spec else "predictor"
    written = {
        "deploymentMode": mode,
        "address": {"url": url or f"http://{name}-{entry}.{namespace}.svc.cluster.local"},
        "conditions": [{"type": "PredictorReady", "status": "True"}, {"type": "Ready", "status": ready, **said}],
    }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"predictor": {"model": {"modelFormat": {"name": "sklearn"}}}, **spec},
        "status": written if status is None else status,
    }


def two_inference_services(**port: int) -> Manifest:
    """What an experiment between two of them changes of its spec."""
    v7, v8 = (
        {"name": variant, "backendRef": {**KSERVE, "name": f"ranker-{variant}", **port}} for variant in ("v7", "v8")
    )
    return {"champion": v7, "challengers": [v8]}


def inference_pool(namespace: str, name: str) -> Manifest:
    """A pool of pods and who picks among them."""
    picker = {"name": f"{name}-picker", "port": {"number": 9002}}
    spec = {"selector": {"matchLabels": {"app": name}}, "targetPorts": [{"number": 8000}], "endpointPickerRef": picker}
    return {
        "apiVersion": "inference.networking.k8s.io/v1",
        "kind": "InferencePool",
        "metadata": {"namespace": namespace, "name": name},
        "spec": spec,
    }


def write(plane: ControlPlane, manifest: Manifest) -> None:
    """Creates an InferenceService, or changes its status alone, as KServe does."""
    if plane.api.get(manifest) is None:
        plane.api.create(manifest)
    status, path = {"status": manifest["status"]}, f"{address(manifest)}/status"
    plane.api.call("PATCH", path, status, content="application/merge-patch+json")


BY_ENDPOINTS: Manifest = {"routingType": "Endpoint"}
"""What a BackendTrafficPolicy says so that the gateway sends to endpoints, as it does unless told otherwise."""

NOWHERE: Manifest = {"name": "nowhere", "port": 8000}
"""A Service without endpoints, as a route names it."""
HERE: Manifest = {"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "here"}
"""A backend that has an endpoint: the API server takes none of loopback for a Service."""


def half_there(plane: ControlPlane, namespace: str, server: ModelServer) -> None:
    """Creates ``HERE``, which is the server, and ``NOWHERE``, for a gateway that then sends to endpoints."""
    plane.create_service(namespace, "nowhere")
    endpoint = {"ip": {"address": server.host, "port": server.port}}
    metadata = {"namespace": namespace, "name": "here"}
    kind = {"apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "Backend"}
    plane.api.create({**kind, "metadata": metadata, "spec": {"endpoints": [endpoint]}})
    plane.api.create(policy_manifest(namespace, "BackendTrafficPolicy", name="routing", **BY_ENDPOINTS))


@dataclass(frozen=True, slots=True)
class MeshEndpoints:
    """The only endpoint of a Service as Istio knows it."""

    plane: ControlPlane
    namespace: str
    service: str
    service_port: int
    port: int

    def give(self) -> None:
        self.plane.api.apply(self._entry())

    def take(self) -> None:
        entry = self._entry()
        del entry["spec"]["endpoints"]
        entry["spec"]["workloadSelector"] = {"labels": {"app": "none-of-these"}}
        self.plane.api.apply(entry)

    def _entry(self) -> Manifest:
        port = {"number": self.service_port, "name": "http", "protocol": "HTTP", "targetPort": self.port}
        return istio.service_entry(self.namespace, self.service, address="127.0.0.1", ports=[port])


@contextmanager
def behind_in_mesh(plane: ControlPlane, namespace: str, service: str, *, port: int = 8000) -> Iterator[MeshEndpoints]:
    """A Service of Istio's registry with a model server behind its only endpoint."""
    plane.create_service(namespace, service, port=port)
    endpoints = MeshEndpoints(plane, namespace, service, port, free_port())
    endpoints.give()
    with serving(ModelServer(service, "127.0.0.1", endpoints.port, introduce(service))):
        yield endpoints
