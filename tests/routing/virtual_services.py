"""VirtualServices and Gateways of Istio as the API server holds them; a test names only what matters to it."""

from typing import Any

Manifest = dict[str, Any]

NETWORKING = "networking.istio.io/v1"
MATCH: list[Manifest] = [{"uri": {"prefix": "/"}}]
GATEWAY_NAME = "gateways/edge"


def destination(service: str = "ranker-v7", **entry: Any) -> Manifest:
    """An entry of a rule's ``route``."""
    return {"destination": {"host": service, "port": {"number": 8000}}, **entry}


def delegating(namespace: str = "shop", **fields: Any) -> Manifest:
    """The rule that hands over to the experiment."""
    return {"name": "experiment", "match": MATCH, "delegate": {"name": "ranker-mexp", "namespace": namespace}, **fields}


def champion(**fields: Any) -> Manifest:
    """The plain rule after it."""
    return {"name": "champion", "match": MATCH, "route": [destination()], **fields}


def user_virtual_service(
    *rules: Manifest, namespace: str = "shop", gateways: Any = (GATEWAY_NAME,), **metadata: Any
) -> Manifest:
    """The user's own; without rules it has the two that it must have."""
    return {
        "apiVersion": NETWORKING,
        "kind": "VirtualService",
        "metadata": {"name": "ranker", "namespace": namespace, **metadata},
        "spec": {"hosts": ["*"], "gateways": [*gateways], "http": [*rules] or [delegating(namespace), champion()]},
    }


def gateway(name: str = "edge", namespace: str = "gateways", **selector: str) -> Manifest:
    """A Gateway of Istio's own kind."""
    return {
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": selector or {"istio": "edge"}},
    }
