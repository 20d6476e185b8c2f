"""Where a model answers: the port, and Services of the cluster behind it.

The trap: a spec names backends, never URLs, so that no experiment can make this process send a request anywhere else.
"""

from typing import Protocol

from model_experiment.api.variants import BackendRef


class Backends(Protocol):
    """Knows where backends answer."""

    def url(self, namespace: str, backend: BackendRef) -> str | None:
        """Scheme, host and port, such as ``http://ranker-v7.shop.svc:8080``; None where it cannot be known."""
        ...


class Services:
    """The Services of a cluster, by their names in its DNS."""

    def __init__(self, domain: str) -> None:
        self._domain = domain

    def url(self, namespace: str, backend: BackendRef) -> str | None:
        """The Service's address; None for a backend of another kind."""
        if (backend.group, backend.kind) != ("", "Service"):
            return None
        return f"http://{backend.name}.{namespace}.{self._domain}:{backend.port}"
