"""Writes of the objects that an experiment makes: created, patched under guards, deleted, and known afterwards.

For: any router. What the API server answered to our own write is remembered at once, because a watch may be late. The
trap: an object may carry defaults that we never wrote, so what stands is told by a digest and the generation that our
own write made.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from model_experiment.decision.observation import Experiment
from model_experiment.errors import ClusterError
from model_experiment.objects import Kind, Manifest, Objects
from model_experiment.routing.ownership import owned
from model_experiment.routing.port import View

TAKEN_BACK = "modelexperiment.io/taken-back"
WRITTEN = "modelexperiment.io/written"


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

    async def write_route(
        self,
        kind: Kind,
        own: Manifest,
        spec: Manifest,
        *,
        experiment: Experiment,
        taken_back: str,
        objects: Objects | None = None,
    ) -> bool:
        """Writes a route of ours where something differs, with why it was taken back, and says whether it did."""
        if self.stands(own, spec) and taken_back == written_reason(own) and own["metadata"].get("ownerReferences"):
            return False
        marks = {TAKEN_BACK: taken_back}
        await self.write(kind, own, spec, metadata=owned(experiment), marks=marks, objects=objects)
        return True

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


def written_reason(own: Manifest) -> str:
    """Why the route was taken back, as written together with the take-back."""
    reason: str = own["metadata"].get("annotations", {}).get(TAKEN_BACK, "")
    return reason


def digest(spec: Manifest) -> str:
    """What was written, in a few characters: what the user has taken away since cannot be seen in the object."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]


def stands(own: Manifest, spec: Manifest, *, generation: int | None) -> bool:
    """Whether an object is as wanted: literally, or as it was written and of the generation that this write made.

    Another generation means that somebody changed it, perhaps by adding what a comparison would take for a default.
    """
    written = own["metadata"].get("annotations", {}).get(WRITTEN)
    return bool(own["spec"] == spec) or (written == digest(spec) and own["metadata"]["generation"] == generation)


def contains(found: Any, wanted: Any) -> bool:
    """Whether everything that we wrote still stands; fields that the API server added by default are not ours."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            key in found and contains(found[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(found) == len(wanted)
            and all(contains(here, there) for here, there in zip(found, wanted, strict=True))
        )
    return bool(found == wanted)
