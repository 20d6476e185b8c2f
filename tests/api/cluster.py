"""ModelExperiments on a real API server, through the official client."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from kubernetes import client

from model_experiment.api.spec import GROUP, PLURAL, VERSION


class RefusedError(Exception):
    """The API server refused an object; the text has one line a cause, ``path: sentence``."""


@dataclass(frozen=True)
class Experiments:
    """The ModelExperiments of one namespace, or objects of another kind."""

    api: client.CustomObjectsApi
    namespace: str
    group: str = GROUP
    version: str = VERSION
    plural: str = PLURAL

    def create(self, thing: dict[str, Any], *, keep: bool = False) -> dict[str, Any]:
        """What the API server would store, or stores."""
        dry = {} if keep else {"dry_run": "All"}
        return self._answer(self.api.create_namespaced_custom_object, body=thing, field_validation="Strict", **dry)

    def read(self, name: str) -> dict[str, Any]:
        return self._answer(self.api.get_namespaced_custom_object, name=name)

    def replace(self, thing: dict[str, Any]) -> dict[str, Any]:
        name = thing["metadata"]["name"]
        return self._answer(self.api.replace_namespaced_custom_object, name=name, body=thing)

    def replace_status(self, thing: dict[str, Any]) -> dict[str, Any]:
        name = thing["metadata"]["name"]
        return self._answer(self.api.replace_namespaced_custom_object_status, name=name, body=thing)

    def delete(self, name: str) -> None:
        self._answer(self.api.delete_namespaced_custom_object, name=name)

    def _answer(self, method, **arguments) -> dict[str, Any]:
        try:
            return method(
                group=self.group, version=self.version, namespace=self.namespace, plural=self.plural, **arguments
            )
        except client.ApiException as error:
            raise RefusedError("\n".join(_causes(json.loads(error.body)))) from error


def _causes(answer: dict[str, Any]) -> Iterator[str]:
    causes = answer.get("details", {}).get("causes", [])
    yield from (f"{cause.get('field')}: {cause['message']}" for cause in causes)
    if not causes:
        yield answer["message"]


def install(
    definition: dict[str, Any],
    connection: client.ApiClient,
    *,
    group: str = GROUP,
    version: str = VERSION,
    plural: str = PLURAL,
) -> None:
    """Makes the definition the API server's, and waits until it serves the kind."""
    definitions = client.ApiextensionsV1Api(connection)
    name = definition["metadata"]["name"]
    try:
        definitions.create_custom_resource_definition(definition)
    except client.ApiException as error:
        if error.status != 409:
            raise
        present = definitions.read_custom_resource_definition(name).metadata.resource_version
        definition["metadata"]["resourceVersion"] = present
        definitions.replace_custom_resource_definition(name, definition)
    served = partial(client.CustomObjectsApi(connection).list_cluster_custom_object, group, version, plural)
    _wait_until_served(served)


def _wait_until_served(ask: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            ask()
        except client.ApiException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
