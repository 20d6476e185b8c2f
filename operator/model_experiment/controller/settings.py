"""The controller's settings: flags of ``mexp controller``, each with an environment variable beside it.

For: what a cluster's administrator decides (where metrics come from, how often to look). Not for: what an experiment's
author decides; that is the spec. An author never names a URL or a Secret, so no experiment can make the operator send
a request anywhere.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from urllib.parse import urlsplit

from model_experiment.errors import SettingsError
from model_experiment.process.flags import LEVELS, address_faults, domain_faults, flag, level_faults, setting

_SERVICE = re.compile("[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-a-z0-9]*[a-z0-9])?:[1-9][0-9]{0,4}")


@dataclass(frozen=True, slots=True)
class ControllerSettings:
    """How the controller runs."""

    prometheus_url: str = setting("URL of the Prometheus that scrapes collector and comparator")
    kubeconfig: str | None = setting("file with access to the API server; default: the pod's service account", None)
    namespace: str | None = setting("run experiments of this namespace alone; default: all", None)
    poll_seconds: float = setting("time between two evaluations of an experiment", 5.0)
    query_timeout_seconds: float = setting("longest wait for an answer of Prometheus", 4.0)
    api_timeout_seconds: float = setting("longest wait for an answer of the API server", 10.0)
    stale_after_seconds: float = setting("counts older than this are stale; three scrape intervals", 45.0)
    blindness_budget_seconds: float = setting("how long a challenger may keep traffic that nobody can judge", 300.0)
    gateway_settle_seconds: float = setting("how long proxies may lag behind what their gateway has accepted", 2.0)
    gateway_warm_seconds: float = setting(
        "how long a new route stands parked at least: Envoy may wait 15 s for endpoints of new clusters, and answers"
        " 500 meanwhile",
        20.0,
    )
    drain_seconds: float = setting(
        "longer than the gateway keeps old connections after a change of its policies; 60 s in Envoy Gateway, unless"
        " its EnvoyProxy has another spec.shutdown.drainTimeout",
        65.0,
    )
    istiod_url: str | None = setting("where istiod's debug pages tell what its proxies took; default: not asked", None)
    istio_settle_seconds: float = setting(
        "when a write counts as taken where istiod is not asked: its PILOT_DEBOUNCE_MAX, 10 s, and a moment", 12.0
    )
    comparator: str | None = setting(
        "Service that takes mirrored requests, as namespace/service:port; default: no shadow experiments", None
    )
    cluster_domain: str = setting(
        "what completes that Service's name where a route wants a full one", "svc.cluster.local"
    )
    checkpoint_seconds: float = setting("time between two checkpoints of an experiment", 60.0)
    status_refresh_seconds: float = setting("time between two writes of numbers that merely grow", 60.0)
    slots: int = setting("how many experiments are looked at once", 64)
    health_address: str = setting(
        "where probes and scrapes come to, from outside the pod, as host:port", "0.0.0.0:8090"
    )
    log_level: str = setting(f"one of {', '.join(LEVELS)}", "INFO")

    def __post_init__(self) -> None:
        faults = [*_faults(self)]
        if faults:
            raise SettingsError("; ".join(faults))


def _faults(settings: ControllerSettings) -> Iterator[str]:
    for name in ("prometheus_url", "istiod_url"):
        url = getattr(settings, name)
        if url is not None and urlsplit(url).scheme not in ("http", "https"):
            yield f"{flag(name)} must be an http or https URL, found {url!r}"
    if settings.comparator is not None and not _SERVICE.fullmatch(settings.comparator):
        yield f"comparator must be namespace/service:port, found {settings.comparator!r}"
    yield from domain_faults(settings.cluster_domain)
    for field in fields(settings):
        if field.type is float and not 0 < (value := getattr(settings, field.name)) < math.inf:
            yield f"{flag(field.name)} must be greater than 0 and finite, found {value:g}"
    if settings.slots < 1:
        yield f"slots must be 1 or more, found {settings.slots}"
    yield from address_faults(settings, "health_address")
    yield from level_faults(settings.log_level)
