"""What the watches have seen: objects by kind, namespace and name.

For: reading the world without asking the API server at every tick. The trap is the past: a watch may deliver an older
version after a write of our own was answered, so an object is only ever replaced by a newer one.
"""

from collections.abc import Callable, Iterable

from model_experiment.objects import Kind, Manifest

Key = tuple[Kind, str, str]
_REMEMBERED_DELETIONS = 1000


class Cache:
    """The newest known version of each watched object; tells a listener about every change."""

    def __init__(self, policy_kinds: tuple[Kind, ...]) -> None:
        self._objects: dict[Key, Manifest] = {}
        self._deleted: dict[str, None] = {}  # UIDs; late events of a deleted object must not bring it back
        self._policy_kinds = policy_kinds
        self.on_change: Callable[[Kind, Manifest], None] = lambda _kind, _manifest: None

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """One object, or None where there is none."""
        return self._objects.get((kind, namespace, name))

    def all(self, kind: Kind) -> list[Manifest]:
        """Every object of a kind."""
        return [manifest for (held, _, _), manifest in self._objects.items() if held == kind]

    def policy_kinds(self) -> tuple[Kind, ...]:
        """The kinds that attach to routes by name."""
        return self._policy_kinds

    def prime(self, kind: Kind, manifests: Iterable[Manifest]) -> None:
        """What a list returned, before any watch has spoken."""
        for manifest in manifests:
            self.remember(kind, {"kind": kind.name, **manifest})

    def remember(self, kind: Kind, manifest: Manifest) -> None:
        """A version that was read or written; older ones are passed over."""
        metadata = manifest["metadata"]
        key = (kind, metadata["namespace"], metadata["name"])
        held = self._objects.get(key)
        if metadata["uid"] in self._deleted or (held is not None and _version(held) >= _version(manifest)):
            return
        self._objects[key] = manifest
        self.on_change(kind, manifest)

    def forget(self, kind: Kind, manifest: Manifest) -> None:
        """An object that is gone; a newer one of the same name stays."""
        metadata = manifest["metadata"]
        self._deleted[metadata["uid"]] = None
        if len(self._deleted) > _REMEMBERED_DELETIONS:
            self._deleted.pop(next(iter(self._deleted)))
        key = (kind, metadata["namespace"], metadata["name"])
        held = self._objects.get(key)
        if held is not None and held["metadata"]["uid"] == metadata["uid"]:
            del self._objects[key]
            self.on_change(kind, manifest)


def _version(manifest: Manifest) -> int:
    """Resource versions of one object are comparable as numbers (guaranteed since Kubernetes 1.35)."""
    return int(manifest["metadata"]["resourceVersion"])
