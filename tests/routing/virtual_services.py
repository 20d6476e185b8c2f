"""VirtualServices and Gateways of Istio as the API server holds them; a test names only what matters to it."""

from typing import Any

from given.experiments import marks

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


def shared_virtual_service(
    namespace: str = "shop", *, gateways: Any = (GATEWAY_NAME,), variants: Any = ("v8", "v7"), **match: Any
) -> Manifest:
    """A VirtualService that the user shares with an experiment; everything goes to the champion until that starts."""
    matches = [match] if match else MATCH
    carries = [{**each, "headers": {"x-user-id": {"regex": ".+"}}} for each in matches]
    entries = [
        destination(f"ranker-{each}", weight=100 if each == "v7" else 0, headers=set_marks(namespace, each))
        for each in variants
    ]
    rules = [
        {"name": f"virtualservice/{namespace}/ranker-mexp", "match": carries, "route": entries},
        champion(match=matches),
    ]
    return user_virtual_service(*rules, namespace=namespace, gateways=gateways)


def set_marks(namespace: str, variant: str) -> Manifest:
    """The headers that say which variant answers."""
    return {direction: {"set": headers} for direction, headers in marks(namespace, variant).items()}


def hashing_filter(namespace: str, place: str = "gateways", **labels: str) -> Manifest:
    """The user's own EnvoyFilter that lets the gateway choose by a hash of the assignment header."""
    by_user = {
        "hash_policy": [{"header": {"header_name": "x-user-id"}}],
        "weighted_clusters": {"use_hash_policy": True},
    }
    route = {"name": f"virtualservice/{namespace}/ranker-mexp"}
    patch = {
        "applyTo": "HTTP_ROUTE",
        "match": {"context": "GATEWAY", "routeConfiguration": {"vhost": {"route": route}}},
        "patch": {"operation": "MERGE", "value": {"route": by_user}},
    }
    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"name": f"{namespace}-by-user", "namespace": place},
        "spec": {"workloadSelector": {"labels": labels or {"istio": "edge"}}, "configPatches": [patch]},
    }
