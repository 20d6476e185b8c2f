"""What the parents of an HTTPRoute have said about it. Pure.

The trap: a gateway never takes its word back. What it said about a parent that the route does not name any more stays
in the status for ever, and so does what it said before it was deleted.
"""

from collections.abc import Collection, Iterable
from typing import Any

from model_experiment.objects import HTTP_ROUTE, Manifest


def words_of_parents(route: Manifest) -> list[Manifest]:
    """What is said in the name of the parents that the route names now."""
    return [words for ref in _refs(route) for words in _words_of(ref, route)]


def silent_parents(route: Manifest, kinds: Collection[str]) -> list[str]:
    """The parents that have not said yet, in conditions of these kinds, what they make of the route as it stands."""
    return [_name(ref, route) for ref in _refs(route) if not speak_of(_words_of(ref, route), route, kinds)]


def speak_of(said: Iterable[Manifest], manifest: Manifest, kinds: Collection[str]) -> bool:
    """Whether something is said about an object, and all of it about the object as it stands."""
    conditions = [each for words in said for each in words.get("conditions", []) if each["type"] in kinds]
    generation = manifest["metadata"]["generation"]
    return bool(conditions) and all(each.get("observedGeneration") == generation for each in conditions)


def _refs(route: Manifest) -> list[Manifest]:
    refs: list[Manifest] = route["spec"].get("parentRefs", [])
    return refs


def _words_of(ref: Manifest, route: Manifest) -> list[Manifest]:
    said: list[Manifest] = route.get("status", {}).get("parents", [])
    return [words for words in said if _identity(words["parentRef"], route) == _identity(ref, route)]


def _identity(ref: Manifest, route: Manifest) -> tuple[Any, ...]:
    """A reference with what it leaves out, as Gateway API completes it."""
    defaults = {"group": HTTP_ROUTE.group, "kind": "Gateway", "namespace": route["metadata"]["namespace"]}
    return tuple({**defaults, **ref}.get(key) for key in ("group", "kind", "namespace", "name", "sectionName", "port"))


def _name(ref: Manifest, route: Manifest) -> str:
    _, kind, namespace, name, section, port = _identity(ref, route)
    part = f", section {section}" if section else f", port {port}" if port else ""
    return f"{kind} {namespace}/{name}{part}"
