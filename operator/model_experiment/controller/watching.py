"""The watches: kopf feeds the cache, and the cache wakes whoever is concerned.

For: everything that knows kopf. No handler here decides or writes anything. The trap: kopf would keep its own notes on
objects (annotations, finalizers, events); only ``on.event`` handlers are used, which leave objects alone.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import kopf
from kubernetes.aio import client

from model_experiment.controller.cache import Cache
from model_experiment.decision.observation import own_route_name
from model_experiment.errors import ClusterError, SettingsError, UnavailableError
from model_experiment.objects import (
    BACKEND_TRAFFIC_POLICY,
    CUSTOM_RESOURCE_DEFINITION,
    ENVOY_EXTENSION_POLICY,
    ENVOY_FILTER,
    HTTP_ROUTE,
    INFERENCE_SERVICE,
    ISTIO_GATEWAY,
    MODEL_EXPERIMENT,
    SECURITY_POLICY,
    VIRTUAL_SERVICE,
    Kind,
    Manifest,
    Objects,
)

log = logging.getLogger(__name__)

_PATIENCE = 60
POLICY_LABEL = "gateway.networking.k8s.io/policy"
_KNOWN_POLICIES = (BACKEND_TRAFFIC_POLICY, SECURITY_POLICY, ENVOY_EXTENSION_POLICY)
_ISTIO = (VIRTUAL_SERVICE, ISTIO_GATEWAY, ENVOY_FILTER)
_WATCHED = (MODEL_EXPERIMENT, HTTP_ROUTE, *_ISTIO, INFERENCE_SERVICE)
_KNOWN = (*_WATCHED, *_KNOWN_POLICIES)


async def definitions_of(objects: Objects) -> list[Manifest]:
    """What the cluster knows of kinds that are not Kubernetes' own."""
    return await patiently(partial(objects.all, CUSTOM_RESOURCE_DEFINITION))


def served_kinds(definitions: Iterable[Manifest]) -> tuple[tuple[Kind, ...], tuple[Kind, ...]]:
    """The kinds to watch, and those of them that are policies: the known ones, and whatever a CRD is labelled as."""
    served = {_kind_of(each): each["metadata"].get("labels", {}) for each in definitions if _is_namespaced(each)}
    policies = tuple(kind for kind, labels in served.items() if kind in _KNOWN_POLICIES or POLICY_LABEL in labels)
    return (*(kind for kind in _WATCHED if kind in served), *policies), policies


async def patiently(ask: Callable[[], Awaitable[list[Manifest]]]) -> list[Manifest]:
    """Asks again while the API server is away, too busy, or still busy with a new kind of object."""
    for _ in range(_PATIENCE):
        try:
            return await ask()
        except UnavailableError as error:
            log.info("%s; asked again", error)
            await asyncio.sleep(1)
    return await ask()


def _is_namespaced(definition: Manifest) -> bool:
    """A cluster-wide policy does not attach to a route by name."""
    return bool(definition["spec"]["scope"] == "Namespaced")


def _kind_of(definition: Manifest) -> Kind:
    """The kind in the version that this package knows, or else in the newest one that is served."""
    spec = definition["spec"]
    served = [version["name"] for version in spec["versions"] if version["served"]]
    known = [kind.version for kind in _KNOWN if (kind.group, kind.plural) == (spec["group"], spec["names"]["plural"])]
    version = next((version for version in known if version in served), served[0])
    return Kind(spec["group"], version, spec["names"]["plural"], spec["names"]["kind"])


@dataclass(frozen=True, slots=True)
class Watches:
    """What is watched, as whom, and where it is told.

    kopf runs in a thread and a loop of its own: at its end it cancels every task of its loop, and a tick in the middle
    of a take-back must not be one of them.
    """

    cache: Cache
    objects: Objects
    kinds: tuple[Kind, ...]
    configuration: client.Configuration
    namespace: str | None
    loop: asyncio.AbstractEventLoop
    stop: threading.Event

    async def relist(self) -> None:
        """Lists every kind and forgets what is gone.

        At the start, so that no decision is made on half a picture, and now and then afterwards, because a watch that
        was broken tells nothing of what was deleted meanwhile.

        Raises:
            SettingsError: if a kind may not be listed; the text says what to grant.
        """
        for kind in self.kinds:
            known = {manifest["metadata"]["uid"] for manifest in self.cache.all(kind)}
            listed = await self._listed(kind)
            self.cache.prime(kind, listed)
            gone = known - {manifest["metadata"]["uid"] for manifest in listed}
            for manifest in self.cache.all(kind):
                if manifest["metadata"]["uid"] in gone:
                    self.cache.forget(kind, manifest)

    async def appeared(self) -> tuple[Kind, ...]:
        """Kinds that the cluster serves by now and that are not watched: kopf cannot begin to while it runs.

        Raises:
            SettingsError: if one may not be listed. A new process could not start then, and nobody would watch at all.
        """
        served, _ = served_kinds(await definitions_of(self.objects))
        new = tuple(kind for kind in served if kind not in self.kinds)
        for kind in new:
            await self._listed(kind)
        return new

    async def _listed(self, kind: Kind) -> list[Manifest]:
        try:
            return await patiently(partial(self.objects.all, kind, namespace=self.namespace))
        except ClusterError as error:
            raise SettingsError(
                f"{kind.plural}.{kind.group} must be readable, because experiments depend on such objects; grant get,"
                f" list and watch (chart value extraPolicyKinds), found: {error}"
            ) from error

    def run(self) -> None:
        """Watches until told to stop; raises when a watch dies."""
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry)(partial(_login, self.configuration))
        for kind in self.kinds:
            handler = partial(self._seen, kind)
            kopf.on.event(kind.group, kind.version, kind.plural, id=f"seen-{kind.plural}", registry=registry)(handler)
        watching = kopf.operator(
            registry=registry,
            settings=_settings(),
            standalone=True,
            clusterwide=self.namespace is None,
            namespaces=[self.namespace] if self.namespace else [],
            stop_flag=self.stop,
        )
        asyncio.run(watching)

    async def _seen(self, kind: Kind, *, event: Any, **_: Any) -> None:
        tell = self.cache.forget if event["type"] == "DELETED" else self.cache.remember
        self.loop.call_soon_threadsafe(tell, kind, dict(event["object"]))


async def _login(configuration: client.Configuration, **_kwargs: Any) -> kopf.ConnectionInfo:
    """The very connection that the rest of the controller uses."""
    scheme, _, token = (await _authorization(configuration)).partition(" ")
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        scheme=scheme or None,
        token=token or None,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
    )


async def _authorization(configuration: client.Configuration) -> str:
    """The value of the Authorization header; empty where a client certificate speaks instead."""
    settings = await configuration.auth_settings()
    return str(settings.get("BearerToken", {}).get("value") or "")


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.watching.server_timeout = 300
    settings.watching.connect_timeout = 5
    settings.watching.inactivity_timeout = 70
    settings.watching.chunk_size = 500
    settings.networking.request_timeout = 10
    settings.networking.connect_timeout = 3
    settings.networking.error_backoffs = (0.5, 1, *(2,) * 26)
    settings.networking.enforce_retry_after = True
    settings.queueing.error_delays = (1, 2, 5, 10)
    settings.process.ultimate_exiting_timeout = 25
    return settings


def concerned(cache: Cache, kind: Kind, manifest: Manifest) -> list[tuple[str, str]]:
    """The experiments that a change of an object concerns: all of its namespace for a policy that is nobody's own.

    Gateways of Istio and filters for them stand in any namespace, so they concern every experiment on Istio.
    """
    namespace, name = manifest["metadata"]["namespace"], manifest["metadata"]["name"]
    if kind == MODEL_EXPERIMENT:
        return [(namespace, name)]
    if kind in (ISTIO_GATEWAY, ENVOY_FILTER):
        everybody = (each for each in cache.all(MODEL_EXPERIMENT) if _route_of(each, VIRTUAL_SERVICE))
        return [(each["metadata"]["namespace"], each["metadata"]["name"]) for each in everybody]
    experiments = [
        experiment for experiment in cache.all(MODEL_EXPERIMENT) if experiment["metadata"]["namespace"] == namespace
    ]
    own = [experiment for experiment in experiments if own_route_name(experiment["metadata"]["name"]) == name]
    is_route = kind in _USER_ROUTES
    others = [experiment for experiment in experiments if not is_route or name == _route_of(experiment, kind)]
    return [(namespace, experiment["metadata"]["name"]) for experiment in own or others]


_USER_ROUTES = {HTTP_ROUTE: "httpRoute", VIRTUAL_SERVICE: "virtualService"}


def _route_of(experiment: Manifest, kind: Kind) -> str:
    route: str = experiment["spec"].get("routing", {}).get(_USER_ROUTES[kind], {}).get("name", "")
    return route


Waker = Callable[[tuple[str, str]], None]


def wake_concerned(cache: Cache, wake: Waker, kind: Kind, manifest: Manifest) -> None:
    """Tells the scheduler about a change."""
    for key in concerned(cache, kind, manifest):
        wake(key)
