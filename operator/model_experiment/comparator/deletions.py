"""Tells which experiments are deleted, beside what follows them.

For: removing what is stored of them. The trap: an experiment that can no longer be read leaves the catalogue too, and
is not gone; and one that is deleted between two lists has no event. So this looks at the UIDs of all objects, read or
not. What was deleted before this process began is not known to it.
"""

from collections.abc import AsyncIterator, Callable

from model_experiment.process.following import Manifest, Source


class Deletions:
    """A source like the one it asks, which tells the UID of each object that goes."""

    def __init__(self, source: Source, deleted: Callable[[str], None]) -> None:
        self._source = source
        self._deleted = deleted
        self._present: set[str] = set()

    async def all(self) -> tuple[list[Manifest], str]:
        """All there are, and the resourceVersion of that list."""
        manifests, resource_version = await self._source.all()
        present = {_uid(manifest) for manifest in manifests}
        for uid in self._present - present:
            self._deleted(uid)
        self._present = present
        return manifests, resource_version

    async def changes(self, resource_version: str) -> AsyncIterator[tuple[str, Manifest]]:
        """What changed since."""
        async for change, manifest in self._source.changes(resource_version):
            uid = _uid(manifest)
            if change == "DELETED":
                self._present.discard(uid)
                self._deleted(uid)
            else:
                self._present.add(uid)
            yield change, manifest


def _uid(manifest: Manifest) -> str:
    uid: str = manifest["metadata"]["uid"]
    return uid
