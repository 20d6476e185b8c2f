"""The API server over HTTPS, for setting the stage: create, read, apply, delete manifests.

For: the control plane's own objects, tests and demonstrations. Not for the operator, which has its own guarded client.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import requests
import yaml

from control_plane.process import wait_until

Manifest = dict[str, Any]

_ANSWER_SECONDS = 30.0
_AT_ONCE = 4
_MISSING = 404
_FIRST_ERROR = 400


class ApiError(Exception):
    """The API server refused; the text is its own sentence."""


@dataclass(frozen=True, slots=True)
class Api:
    """One user's view of the API server."""

    session: requests.Session
    server: str

    def call(
        self, method: str, path: str, body: object = None, *, content: str = "application/json"
    ) -> Manifest | None:
        """The answer, or None where there is no such object.

        Raises:
            ApiError: with the API server's sentence where it refuses.
        """
        answer = self.session.request(
            method, self.server + path, json=body, headers={"Content-Type": content}, timeout=_ANSWER_SECONDS
        )
        if answer.status_code == _MISSING and method in ("GET", "DELETE"):
            return None
        if answer.status_code >= _FIRST_ERROR:
            raise ApiError(f"{method} {path} answered {answer.status_code}: {_sentence(answer)}")
        read: Manifest = answer.json()
        return read

    def create(self, manifest: Manifest) -> Manifest:
        """Creates one object and returns what the API server made of it."""
        return self.call("POST", collection(manifest), manifest) or {}

    def create_all(self, manifests: Sequence[Manifest]) -> None:
        """Creates independent objects, a few at once."""
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            list(threads.map(self.create, manifests))

    def apply(self, manifest: Manifest) -> Manifest:
        """Creates or changes one object by server-side apply."""
        path = f"{address(manifest)}?fieldManager=control-plane&force=true"
        return self.call("PATCH", path, manifest, content="application/apply-patch+yaml") or {}

    def get(self, manifest: Manifest) -> Manifest | None:
        """The object of that kind, namespace and name as it stands now; None where there is none."""
        return self.call("GET", address(manifest))

    def delete(self, manifest: Manifest) -> None:
        """Asks for the object's deletion; fine where it is gone."""
        self.call("DELETE", address(manifest))

    def install(self, definitions: Sequence[Manifest]) -> None:
        """Creates or changes CustomResourceDefinitions and waits until the API server serves their kinds."""
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            list(threads.map(self.apply, definitions))
        for definition in definitions:
            wait_until(partial(self._is_served, definition), f"{definition['metadata']['name']} is served")

    def _is_served(self, definition: Manifest) -> bool:
        spec = definition["spec"]
        served = [edition["name"] for edition in spec["versions"] if edition["served"]]
        answers = [self.call("GET", f"/apis/{spec['group']}/{edition}") for edition in served]
        plural = spec["names"]["plural"]
        return all(a is not None and plural in {r["name"] for r in a["resources"]} for a in answers)


def _sentence(answer: requests.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):  # not the API server's own form
        return answer.text[:1000]


@contextmanager
def connected(kubeconfig: Path) -> Iterator[Api]:
    """The API server as the kubeconfig's current user; its connections are closed at the end."""
    with requests.Session() as session:
        yield _api(session, yaml.safe_load(kubeconfig.read_text()))


def _api(session: requests.Session, config: Manifest) -> Api:
    (cluster,), (user,) = config["clusters"], config["users"]
    session.trust_env = False  # a proxy cannot reach loopback
    session.verify = cluster["cluster"]["certificate-authority"]
    session.cert = (user["user"]["client-certificate"], user["user"]["client-key"])
    return Api(session, cluster["cluster"]["server"])


def collection(manifest: Manifest) -> str:
    """The path under which the objects of a manifest's kind (and namespace) are listed and created."""
    group = manifest["apiVersion"]
    root = f"/apis/{group}" if "/" in group else f"/api/{group}"
    namespace = manifest["metadata"].get("namespace")
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{scope}/{plural(manifest['kind'])}"


def address(manifest: Manifest) -> str:
    """The path of one object."""
    return f"{collection(manifest)}/{manifest['metadata']['name']}"


def plural(kind: str) -> str:
    """The plural of a kind as the API spells it: Gateway, gateways; EnvoyProxy, envoyproxies; GatewayClass, ..."""
    word = kind.lower()
    if word.endswith("s"):
        return f"{word}es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}s"
