"""Guarded writes of the objects that belong to an experiment, and what the last write made of each.

For: creating, changing and deleting what is ours and nothing else. The trap: a guard on the resourceVersion would let
the gateway's status writes starve a take-back, so the guard is the generation.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from model_experiment.decision.observation import Experiment
from model_experiment.objects import Kind, Manifest, Objects
from model_experiment.routing.ownership import owned
from model_experiment.routing.port import View
from model_experiment.routing.reading import WRITTEN, digest, stands


class Writer:
    """Writes through a connection pool and tells the view; every object has the experiment's route name."""

    def __init__(self, objects: Objects, view: View) -> None:
        self._objects = objects
        self._view = view
        self._generations: dict[str, int] = {}  # by UID: what our own last write of an object made

    def stands(self, own: Manifest, spec: Manifest) -> bool:
        """Whether an object says what it must."""
        return stands(own, spec, generation=self._generations.get(own["metadata"]["uid"]))

    async def create(
        self, kind: Kind, experiment: Experiment, spec: Manifest, *, until: Manifest | None = None
    ) -> Manifest:
        """A new object; one that may not go before another stands ``until`` that one is gone."""
        metadata = owned(experiment, until=until) | {"annotations": {WRITTEN: digest(spec)}}
        manifest = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": spec}
        created = await self._objects.create(kind, manifest)
        self._know(kind, created)
        return created

    async def patch(
        self,
        kind: Kind,
        experiment: Experiment,
        own: Manifest,
        spec: Manifest,
        *,
        marks: Mapping[str, str] | None = None,
        until: Manifest | None = None,
        objects: Objects | None = None,
    ) -> Manifest | None:
        """One guarded write of the whole spec, over other connections where they are given; None where it is gone."""
        annotations = {**own["metadata"].get("annotations", {}), **(marks or {}), WRITTEN: digest(spec)}
        operations: list[dict[str, Any]] = [
            {"op": "test", "path": "/metadata/uid", "value": own["metadata"]["uid"]},
            {"op": "test", "path": "/metadata/generation", "value": own["metadata"]["generation"]},
            {"op": "add", "path": "/metadata/annotations", "value": annotations},
            {
                "op": "add",
                "path": "/metadata/ownerReferences",
                "value": owned(experiment, until=until)["ownerReferences"],
            },
            {"op": "replace", "path": "/spec", "value": spec},
        ]
        namespace, name = experiment.namespace, experiment.route_name
        changed = await (objects or self._objects).patch(kind, namespace, name, operations=operations)
        if changed is None:
            self._view.forget(kind, own)
        else:
            self._know(kind, changed)
        return changed

    async def delete(self, kind: Kind, experiment: Experiment, own: Manifest) -> None:
        """Deletes exactly this object."""
        uid = own["metadata"]["uid"]
        await self._objects.delete(kind, experiment.namespace, experiment.route_name, uid=uid)
        self._generations.pop(uid, None)
        self._view.forget(kind, own)

    async def read_again(self, kinds: Iterable[Kind], experiment: Experiment) -> None:
        """What the API server has now: a watch may be late, or dead."""
        for kind in kinds:
            known = self._view.get(kind, experiment.namespace, experiment.route_name)
            found = await self._objects.get(kind, experiment.namespace, experiment.route_name)
            if found is not None:
                self._view.remember(kind, found)
            elif known is not None:
                self._view.forget(kind, known)

    def _know(self, kind: Kind, manifest: Manifest) -> None:
        self._generations[manifest["metadata"]["uid"]] = manifest["metadata"]["generation"]
        self._view.remember(kind, manifest)
