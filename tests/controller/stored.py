"""An API server of a few lines: it keeps what is written, and gateways accept everything at once.

For: what a tick leaves behind, write by write. Not for: anything that depends on how a real one answers.
"""

from copy import deepcopy
from typing import Any

import jsonpatch
from aiohttp import web

from model_experiment.objects import Kind
from routing.manifests import condition, parent

Manifest = dict[str, Any]
CREATED = {"creationTimestamp": "2027-01-15T08:00:00Z"}


class Stored:
    """Objects by their paths; ``writes`` are the method and the path of each write that went through.

    Writes of the ``contested`` plural never do.
    """

    def __init__(self) -> None:
        self.objects: dict[str, Manifest] = {}
        self.writes: list[tuple[str, str]] = []
        self.contested = ""
        self._versions = 0

    def put(self, kind: Kind, manifest: Manifest) -> Manifest:
        """An object that stands already, or a new version of it."""
        metadata = {"generation": 1, **CREATED, "uid": manifest["metadata"]["name"], **manifest["metadata"]}
        path = kind.path(namespace=metadata["namespace"], name=metadata["name"])
        changed = {"kind": kind.name, **deepcopy(manifest), "metadata": metadata}
        return self._kept(path, _counted(self.objects.get(path, changed), changed))

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        return self.objects.get(kind.path(namespace=namespace, name=name))

    async def answer(self, request: web.Request) -> web.Response:
        """Answers a request as an API server would."""
        path, subresource, _ = request.path.partition("/status")
        match request.method:
            case method if method != "GET" and self.contested and f"/{self.contested}" in path:
                return web.json_response({"message": "somebody else wrote"}, status=409)
            case "POST":
                body = await request.json()
                path = f"{path}/{body['metadata']['name']}"
                if path in self.objects:
                    return web.json_response({"message": "already exists"}, status=409)
                changed: Manifest | None = {
                    **body,
                    "metadata": {"generation": 1, "uid": f"u{self._versions}", **body["metadata"]},
                }
            case _ if path not in self.objects:
                return web.json_response({"message": "not found"}, status=404)
            case "GET":
                return web.json_response(self.objects[path])
            case "DELETE":
                changed = None
            case _:
                try:
                    changed = self._patched(self.objects[path], await request.json())
                except jsonpatch.JsonPatchTestFailed as failed:
                    return web.json_response({"message": str(failed)}, status=422)
        self.writes.append((request.method, path + subresource))
        if changed is None:
            return web.json_response(self.objects.pop(path))
        return web.json_response(self._kept(path, changed))

    def _patched(self, held: Manifest, operations: list[Manifest]) -> Manifest | None:
        changed = _counted(held, jsonpatch.apply_patch(held, operations))
        is_gone = "deletionTimestamp" in changed["metadata"] and not changed["metadata"].get("finalizers")
        return None if is_gone else changed

    def _kept(self, path: str, manifest: Manifest) -> Manifest:
        self._versions += 1
        manifest["metadata"]["resourceVersion"] = str(self._versions)
        said = [parent(condition(generation=manifest["metadata"]["generation"]))]
        if manifest["kind"] == "HTTPRoute":
            manifest["status"] = {"parents": said}
        if manifest["kind"].endswith("Policy"):
            manifest["status"] = {"ancestors": said}
        self.objects[path] = manifest
        return deepcopy(manifest)


def _counted(held: Manifest, changed: Manifest) -> Manifest:
    """The generation counts the versions of the spec."""
    generation = held["metadata"]["generation"] + (changed.get("spec") != held.get("spec"))
    return {**changed, "metadata": {**changed["metadata"], "generation": generation}}
