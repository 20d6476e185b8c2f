"""The operator's own settings: flags of ``mexp controller``, each with an environment variable of the same meaning.

For: what a cluster's administrator decides (where metrics come from, how often to look). Not for: what an experiment's
author decides; that is the spec. An author never names a URL or a Secret, so no experiment can make the operator send
a request anywhere.
"""

import math
import os
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, dataclass, fields
from urllib.parse import urlsplit

from model_experiment.errors import SettingsError

_PREFIX = "MEXP_"
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SERVICE = re.compile(f"{_LABEL}/{_LABEL}:[1-9][0-9]{{0,4}}")
_DOMAIN = re.compile(f"{_LABEL}([.]{_LABEL})*")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True, slots=True)
class ControllerSettings:
    """How the controller runs.

    ``poll_seconds`` is the time between two evaluations of an experiment. ``stale_after_seconds`` should be three
    scrape intervals. ``blindness_budget_seconds`` is how long a challenger may keep traffic that nobody can judge.
    ``gateway_settle_seconds`` is how long proxies may lag behind what their gateway has accepted;
    ``gateway_warm_seconds`` is how long a route that was just made stands parked at least.
    ``drain_seconds`` must be longer than the gateway keeps old connections after a change of its policies.
    ``istiod_url`` is where istiod's debug pages tell what its proxies took; without it a write counts as taken after
    ``istio_settle_seconds``, which must be istiod's longest wait (PILOT_DEBOUNCE_MAX) or more.
    ``comparator`` is the Service that takes mirrored requests, as ``namespace/service:port``; without one there are no
    shadow experiments. ``cluster_domain`` completes its name where a route wants a full one.
    """

    prometheus_url: str
    kubeconfig: str | None = None
    namespace: str | None = None
    poll_seconds: float = 5.0
    query_timeout_seconds: float = 4.0
    api_timeout_seconds: float = 10.0
    stale_after_seconds: float = 45.0
    blindness_budget_seconds: float = 300.0
    gateway_settle_seconds: float = 2.0
    gateway_warm_seconds: float = 20.0  # Envoy may wait 15 for endpoints of new clusters, and answers 500 meanwhile
    drain_seconds: float = 65.0  # Envoy Gateway: 60, unless its EnvoyProxy has another spec.shutdown.drainTimeout
    istiod_url: str | None = None
    istio_settle_seconds: float = 12.0  # istiod: PILOT_DEBOUNCE_MAX is 10, and the push takes a moment
    comparator: str | None = None
    cluster_domain: str = "svc.cluster.local"
    checkpoint_seconds: float = 60.0
    status_refresh_seconds: float = 60.0
    slots: int = 64
    health_address: str = "0.0.0.0:8090"  # probes and scrapes come from outside the pod
    log_level: str = "INFO"

    def __post_init__(self) -> None:
        faults = list(_faults(self))
        if faults:
            raise SettingsError("; ".join(faults))


def _faults(settings: ControllerSettings) -> Iterator[str]:
    if urlsplit(settings.prometheus_url).scheme not in ("http", "https"):
        yield f"prometheus-url must be an http or https URL, found {settings.prometheus_url!r}"
    if settings.istiod_url is not None and urlsplit(settings.istiod_url).scheme not in ("http", "https"):
        yield f"istiod-url must be an http or https URL, found {settings.istiod_url!r}"
    if settings.comparator is not None and not _SERVICE.fullmatch(settings.comparator):
        yield f"comparator must be namespace/service:port, found {settings.comparator!r}"
    if not _DOMAIN.fullmatch(settings.cluster_domain):
        yield f"cluster-domain must be a DNS name such as svc.cluster.local, found {settings.cluster_domain!r}"
    for field in fields(settings):
        if field.name.endswith("_seconds") and not 0 < (value := getattr(settings, field.name)) < math.inf:
            yield f"{_flag(field.name)} must be greater than 0 and finite, found {value:g}"
    if settings.slots < 1:
        yield f"slots must be 1 or more, found {settings.slots}"
    if settings.log_level not in _LEVELS:
        yield f"log-level must be one of {', '.join(_LEVELS)}, found {settings.log_level!r}"
    host, _, port = settings.health_address.rpartition(":")
    if not host or not port.isdigit():
        yield f"health-address must be host:port, found {settings.health_address!r}"


def add_flags(parser: ArgumentParser) -> None:
    """One flag a setting, named after it; its default is said where it has one."""
    for field in fields(ControllerSettings):
        default = "" if field.default in (None, MISSING) else f", default {field.default}"
        environment = _PREFIX + field.name.upper()
        parser.add_argument(f"--{_flag(field.name)}", metavar="VALUE", help=f"or {environment}{default}")


def from_flags(flags: Namespace) -> ControllerSettings:
    """Settings from flags, else from the environment, else the defaults; an empty variable is none.

    Raises:
        SettingsError: if one is missing or wrong.
    """
    given: dict[str, str] = {}
    for field in fields(ControllerSettings):
        if value := getattr(flags, field.name, None) or os.environ.get(_PREFIX + field.name.upper()):
            given[field.name] = value
    if "prometheus_url" not in given:
        raise SettingsError("prometheus-url must be given, by --prometheus-url or MEXP_PROMETHEUS_URL")
    return ControllerSettings(**{name: _typed(name, value) for name, value in given.items()})  # type: ignore[arg-type]


def _typed(name: str, value: str) -> str | float | int:
    try:
        if name == "slots":
            return int(value)
        return float(value) if name.endswith("_seconds") else value
    except ValueError as error:
        raise SettingsError(f"{_flag(name)} must be a number, found {value!r}") from error


def _flag(name: str) -> str:
    return name.replace("_", "-")


def parse(arguments: Sequence[str]) -> ControllerSettings:
    """Settings from a command line."""
    parser = ArgumentParser(prog="mexp controller", description="The operator: steers, judges and decides.")
    add_flags(parser)
    return from_flags(parser.parse_args(arguments))
