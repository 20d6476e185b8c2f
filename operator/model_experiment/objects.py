"""Kubernetes objects as plain dictionaries: read, create, patch with guards, delete.

For: what the controller asks of the API server, one object or one list at a time. Not for: watching (kopf does that,
and ``process.following`` for processes that only read) or knowing what an object means. The trap: the client library
has no deadline of its own (five minutes), so every call here carries one.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from kubernetes.aio import client, config

from model_experiment.api.spec import GROUP, KIND, PLURAL, VERSION
from model_experiment.errors import ClusterError, ConflictError, UnavailableError

Manifest = dict[str, Any]
Operation = Mapping[str, Any]

_MISSING = 404
_CONFLICT = 409
_TOO_BUSY = 429
_SERVER_FAULT = 500
_UNPROCESSABLE = 422  # a JSON Patch whose `test` does not hold, but also an object that is not valid


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object and where the API server serves it."""

    group: str
    version: str
    plural: str
    name: str

    @property
    def api_version(self) -> str:
        """The ``apiVersion`` of a manifest of this kind."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, *, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """The path of a collection, an object or a subresource."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{namespace}" if namespace else ""
        return "".join([root, scope, f"/{self.plural}", *(f"/{part}" for part in (name, subresource) if part)])


MODEL_EXPERIMENT = Kind(GROUP, VERSION, PLURAL, KIND)
HTTP_ROUTE = Kind("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute")
BACKEND_TRAFFIC_POLICY = Kind("gateway.envoyproxy.io", "v1alpha1", "backendtrafficpolicies", "BackendTrafficPolicy")
SECURITY_POLICY = Kind("gateway.envoyproxy.io", "v1alpha1", "securitypolicies", "SecurityPolicy")
ENVOY_EXTENSION_POLICY = Kind("gateway.envoyproxy.io", "v1alpha1", "envoyextensionpolicies", "EnvoyExtensionPolicy")
VIRTUAL_SERVICE = Kind("networking.istio.io", "v1", "virtualservices", "VirtualService")
ISTIO_GATEWAY = Kind("networking.istio.io", "v1", "gateways", "Gateway")
ENVOY_FILTER = Kind("networking.istio.io", "v1alpha3", "envoyfilters", "EnvoyFilter")
INFERENCE_SERVICE = Kind("serving.kserve.io", "v1beta1", "inferenceservices", "InferenceService")
CUSTOM_RESOURCE_DEFINITION = Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition")
CONFIG_MAP = Kind("", "v1", "configmaps", "ConfigMap")
EVENT = Kind("", "v1", "events", "Event")


class Objects:
    """The API server, seen through one connection pool.

    The take-back of traffic uses a pool of its own, so that it never queues behind status writes.
    """

    def __init__(self, api: client.ApiClient, *, timeout_seconds: float) -> None:
        self._api = api
        self._timeout_seconds = timeout_seconds

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """One object, or None where there is none."""
        return await self._call("GET", kind.path(namespace=namespace, name=name))

    async def all(self, kind: Kind, *, namespace: str | None = None) -> list[Manifest]:
        """All objects of a kind; empty as well where the cluster does not serve that kind."""
        answer = await self._call("GET", kind.path(namespace=namespace))
        return list(answer["items"]) if answer else []

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        """A new object.

        Raises:
            ConflictError: if it exists already.
        """
        namespace = manifest["metadata"]["namespace"]
        return self._present(await self._call("POST", kind.path(namespace=namespace), body=manifest), manifest)

    async def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        *,
        operations: Sequence[Operation],
        subresource: str | None = None,
    ) -> Manifest | None:
        """A JSON Patch, whose ``test`` operations are its guards; None where the object is gone.

        Raises:
            ConflictError: if a guard does not hold.
        """
        path = kind.path(namespace=namespace, name=name, subresource=subresource)
        return await self._call("PATCH", path, body=list(operations), content="application/json-patch+json")

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str) -> None:
        """Deletes exactly the object with that UID; one that is gone, or another of the same name, is left."""
        body = {"preconditions": {"uid": uid}}
        try:
            await self._call("DELETE", kind.path(namespace=namespace, name=name), body=body)
        except ConflictError:
            return

    async def _call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        content: str = "application/json",
    ) -> Manifest | None:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                request = await self._api.param_serialize(
                    method,
                    path,
                    header_params={"Accept": "application/json", "Content-Type": content},
                    body=body,
                    auth_settings=["BearerToken"],
                )
                response = await self._api.call_api(*request, _request_timeout=self._timeout_seconds)
                text = await response.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise UnavailableError(f"{method} {path} got no answer: {type(error).__name__} {error}") from error
        return _decoded(method, path, status=response.status, text=text)

    @staticmethod
    def _present(answer: Manifest | None, manifest: Manifest) -> Manifest:
        if answer is None:
            raise ClusterError(f"the cluster does not serve {manifest['apiVersion']} {manifest['kind']}")
        return answer


def _decoded(method: str, path: str, *, status: int, text: bytes) -> Manifest | None:
    if status == _MISSING:
        return None
    if status == _CONFLICT or (status == _UNPROCESSABLE and not _has_causes(text)):
        raise ConflictError(f"{method} {path}: {_message(text)}")
    if status == _TOO_BUSY or status >= _SERVER_FAULT:
        raise UnavailableError(f"{method} {path} answered {status}: {_message(text)}")
    if status >= 400:  # noqa: PLR2004 - HTTP's own boundary
        raise ClusterError(f"{method} {path} answered {status}: {_message(text)}")
    try:
        decoded: Manifest = json.loads(text)
    except ValueError as error:
        raise ClusterError(f"{method} {path} must answer with JSON, found {text[:80]!r}") from error
    return decoded


def _has_causes(text: bytes) -> bool:
    """Whether the API server names fields that are wrong, as it does for an invalid object only."""
    try:
        return bool(json.loads(text).get("details", {}).get("causes"))
    except (ValueError, AttributeError):
        return False


def _message(text: bytes) -> str:
    try:
        return str(json.loads(text)["message"])[:1000]
    except (ValueError, KeyError, TypeError):
        return text[:200].decode(errors="replace")


async def connect(kubeconfig: str | None, *, connections: int) -> client.ApiClient:
    """A client with its own pool, from a kubeconfig file, or from the pod's service account where none is given."""
    configuration = client.Configuration()
    if kubeconfig:
        await config.load_kube_config(config_file=kubeconfig, client_configuration=configuration)
    else:
        config.load_incluster_config(client_configuration=configuration)
    configuration.connection_pool_maxsize = connections
    return client.ApiClient(configuration)
