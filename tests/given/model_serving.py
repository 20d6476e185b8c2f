"""InferenceServices and InferencePools as manifests, and Services whose endpoints a test gives and takes.

KServe itself does not run here: what it would write, the status and the Services, is written by the test.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import NOT_FOUND
from typing import Any

import requests

from control_plane import istio
from control_plane.api import address
from control_plane.plane import ControlPlane
from control_plane.ports import free_port
from control_plane.process import wait_until
from given.experiments import route_manifest
from given.model_servers import ModelServer, introduce, serving

Manifest = dict[str, Any]


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


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The only endpoint of a Service, given and taken as Kubernetes does it when the pod is ready or gone.

    The API server takes no address of loopback, so it is a name that Envoy resolves to loopback by itself. Once taken
    it is better not given again under the same route: Envoy Gateway changes the type of the cluster for it.
    """

    plane: ControlPlane
    namespace: str
    service: str
    port: int

    def give(self) -> None:
        self.plane.api.create(self._slice())

    def take(self) -> None:
        self.plane.api.delete(self._slice())

    def _slice(self) -> Manifest:
        labels = {"kubernetes.io/service-name": self.service}
        return {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"namespace": self.namespace, "name": self.service, "labels": labels},
            "addressType": "FQDN",
            "ports": [{"name": "http", "port": self.port, "protocol": "TCP"}],
            "endpoints": [{"addresses": [f"{self.service}.models.localhost"], "conditions": {"ready": True}}],
        }


@contextmanager
def behind(plane: ControlPlane, namespace: str, service: str, *, port: int = 8000) -> Iterator[Endpoints]:
    """A Service with a model server behind its only endpoint."""
    plane.create_service(namespace, service, port=port)
    endpoints = Endpoints(plane, namespace, service, free_port())
    endpoints.give()
    with serving(ModelServer(service, "127.0.0.1", endpoints.port, introduce(service))):
        yield endpoints


@contextmanager
def routed(plane: ControlPlane, namespace: str, *, champion: Manifest | None = None) -> Iterator[None]:
    """The user's route to Services that have endpoints; it and the experiment's end before the Services do.

    Otherwise Envoy Gateway makes clusters without endpoints and takes them away at once. Envoy waits 15 s for such
    endpoints, and takes no cluster of any other test meanwhile.
    """
    backend = champion or {"name": "ranker-v7", "port": 8000}
    plane.api.create(route_manifest(namespace, plane.gateway_ref, path=f"/{namespace}", backendRefs=[backend]))
    yield
    for name in ("ranker", "ranker-mexp"):
        plane.api.delete(route_manifest(namespace, {}, name=name))
    url = f"{plane.gateway}/{namespace}"
    wait_until(lambda: requests.get(url, timeout=5).status_code == NOT_FOUND, "the routes are gone")


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
