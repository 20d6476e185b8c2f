"""Writes of the objects that an experiment makes: created, patched under guards, deleted, and known afterwards.

For: any router. What the API server answered to our own write is remembered at once, because a watch may be late. The
trap: an object may carry defaults that we never wrote, so what stands is told by a digest and the generation that our
own write made.
"""

from collections.abc import Mapping

from model_experiment.errors import ClusterError
from model_experiment.objects import Kind, Manifest, Objects
from model_experiment.routing.port import View
from model_experiment.routing.reading import WRITTEN, contains, digest, stands


class OwnObjects:
    """Objects of ours in one cluster."""

    def __init__(self, objects: Objects, view: View) -> None:
        self._objects = objects
        self._view = view
        self._generations: dict[str, int] = {}  # by UID: what our own last write of an object made

    def stands(self, own: Manifest, spec: Manifest) -> bool:
        """Whether an object is as it should be."""
        return stands(own, spec, generation=self._generations.get(own["metadata"]["uid"]))

    async def create(self, kind: Kind, metadata: Manifest, spec: Manifest) -> Manifest:
        """A new object of ours, as it was created."""
        metadata = {**metadata, "annotations": {WRITTEN: digest(spec)}}
        manifest = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": spec}
        created = await self._objects.create(kind, manifest)
        self._know(kind, created)
        return created

    async def write(
        self,
        kind: Kind,
        own: Manifest,
        spec: Manifest,
        *,
        metadata: Manifest,
        marks: Mapping[str, str] | None = None,
        objects: Objects | None = None,
    ) -> None:
        """One guarded write of the whole spec; ``objects`` are other connections than the usual ones.

        The guard is the generation, not the resourceVersion: the gateway's status writes must not starve a take-back.

        Raises:
            ClusterError: if the answer does not hold what was written.
        """
        held = own["metadata"]
        annotations = {**held.get("annotations", {}), **(marks or {}), WRITTEN: digest(spec)}
        operations = [
            {"op": "test", "path": "/metadata/uid", "value": held["uid"]},
            {"op": "test", "path": "/metadata/generation", "value": held["generation"]},
            {"op": "add", "path": "/metadata/annotations", "value": annotations},
            *(
                {"op": "add", "path": "/metadata/ownerReferences", "value": owners}
                for owners in [metadata.get("ownerReferences")]
                if owners
            ),
            {"op": "replace", "path": "/spec", "value": spec},
        ]
        changed = await (objects or self._objects).patch(kind, held["namespace"], held["name"], operations=operations)
        if changed is None:
            self._view.forget(kind, own)
            return
        self._know(kind, changed)
        if not contains(changed["spec"], spec):
            raise ClusterError(
                f"{kind.name} {held['name']} must stand as it was written, found another one in the answer of the"
                " API server"
            )

    async def delete(self, kind: Kind, own: Manifest) -> None:
        """Deletes exactly this object."""
        held = own["metadata"]
        await self._objects.delete(kind, held["namespace"], held["name"], uid=held["uid"])
        self._generations.pop(held["uid"], None)
        self._view.forget(kind, own)

    async def read_again(self, kind: Kind, namespace: str, name: str) -> None:
        """What the API server has now: a watch may be late, or dead."""
        known = self._view.get(kind, namespace, name)
        found = await self._objects.get(kind, namespace, name)
        if found is not None:
            self._view.remember(kind, found)
        elif known is not None:
            self._view.forget(kind, known)

    def _know(self, kind: Kind, manifest: Manifest) -> None:
        self._generations[manifest["metadata"]["uid"]] = manifest["metadata"]["generation"]
        self._view.remember(kind, manifest)
