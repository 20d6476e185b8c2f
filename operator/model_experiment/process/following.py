"""Follows the ModelExperiments of the API server, read-only, for as long as the process lives.

One list, then changes from its resourceVersion; whenever the changes end or anything breaks (410 Gone, a
closed connection, an API server that restarts), a new list. While the API server is away what was delivered last
stays in force.

The trap is a connection that dies without a sign: changes would simply never come. So every watch is asked to
end after a minute, and is given up where it does not.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, NoReturn, Protocol, TypeVar

from kubernetes.aio import client, watch

from model_experiment.objects import MODEL_EXPERIMENT

WATCH_SECONDS = 60
LIST_SECONDS = 20.0
LONGEST_PAUSE_SECONDS = 30.0

Manifest = Mapping[str, Any]
Read = TypeVar("Read")

logger = logging.getLogger(__name__)


class Source(Protocol):
    """Where ModelExperiments come from."""

    async def all(self) -> tuple[list[Manifest], str]:
        """All there are, and the resourceVersion of that list."""
        ...

    def changes(self, resource_version: str) -> AsyncIterator[tuple[str, Manifest]]:
        """What changed since, as (ADDED | MODIFIED | DELETED, object); it may end at any time."""
        ...


class ClusterSource:
    """The ModelExperiments of a cluster, or of one namespace of it."""

    def __init__(self, api: client.ApiClient, *, namespace: str | None) -> None:
        objects: Any = client.CustomObjectsApi(api)
        self._kind = {
            "group": MODEL_EXPERIMENT.group,
            "version": MODEL_EXPERIMENT.version,
            "plural": MODEL_EXPERIMENT.plural,
        }
        if namespace is None:
            self._call = objects.list_cluster_custom_object
        else:
            self._call = partial(objects.list_namespaced_custom_object, namespace=namespace)

    async def all(self) -> tuple[list[Manifest], str]:
        """All there are, and the resourceVersion of that list."""
        answer = await self._call(**self._kind, _request_timeout=LIST_SECONDS)
        return answer["items"], answer["metadata"]["resourceVersion"]

    async def changes(self, resource_version: str) -> AsyncIterator[tuple[str, Manifest]]:
        """What changed since; ends after a minute."""
        async with watch.Watch() as watching:
            stream = watching.stream(
                self._call,
                **self._kind,
                resource_version=resource_version,
                timeout_seconds=WATCH_SECONDS,
                _request_timeout=WATCH_SECONDS + LIST_SECONDS,
            )
            async for event in stream:
                yield event["type"], event["object"]


async def follow(
    source: Source,
    reader: "Reader[Read]",
    deliver: Callable[[tuple[Read, ...]], None],
    *,
    broke: Callable[[], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> NoReturn:
    """Delivers all experiments as read, again with every change of what is read; never ends and never raises."""
    delivered: tuple[Read, ...] | None = None
    failures = 0
    while True:
        try:
            async for experiments in reader.experiments(source):
                failures = 0
                if experiments != delivered:
                    delivered = experiments
                    deliver(experiments)
        except Exception as error:  # noqa: BLE001 - whatever breaks, the answer is a new list
            broke()
            logger.warning("following the experiments broke off and begins again: %s", _cause(error))
            await sleep(min(0.5 * 2**failures, LONGEST_PAUSE_SECONDS))
            failures = min(failures + 1, 10)


@dataclass(frozen=True, slots=True)
class Reader(Generic[Read]):
    """What a process reads from an object: None where it has nothing to do with it.

    ``read`` raises ValueError for an object that cannot be read; ``otherwise`` is what then becomes of it, in words.
    """

    read: Callable[[Manifest], Read | None]
    otherwise: str

    async def experiments(self, source: Source) -> AsyncIterator[tuple[Read, ...]]:
        """All that can be read, again with each change."""
        manifests, resource_version = await source.all()
        known = {_key(manifest): self._read(manifest) for manifest in manifests}
        yield _present(known)
        async for change, manifest in source.changes(resource_version):
            known[_key(manifest)] = None if change == "DELETED" else self._read(manifest)
            yield _present(known)

    def _read(self, manifest: Manifest) -> Read | None:
        """Nothing for an object that cannot be read: no one may work by one half understood."""
        try:
            return self.read(manifest)
        except ValueError as error:
            logger.warning("ModelExperiment %s/%s %s: %s", *_key(manifest), self.otherwise, error)
            return None


def _present(known: Mapping[tuple[str, str], Read | None]) -> tuple[Read, ...]:
    return tuple(experiment for experiment in known.values() if experiment is not None)


def _key(manifest: Manifest) -> tuple[str, str]:
    return manifest["metadata"]["namespace"], manifest["metadata"]["name"]


def _cause(error: Exception) -> str:
    """One line; the client library's own text repeats every header of the answer."""
    if isinstance(error, client.ApiException):
        return f"the API server answered {error.status} {error.reason}"
    return f"{type(error).__name__} {error}".strip()
