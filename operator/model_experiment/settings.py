"""The operator's own settings: flags of ``mexp controller``, each with an environment variable of the same meaning.

For: what a cluster's administrator decides (where metrics come from, how often to look). Not for: what an experiment's
author decides; that is the spec. An author never names a URL or a Secret, so no experiment can make the operator send
a request anywhere.
"""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import dataclass, fields
from urllib.parse import urlsplit

from model_experiment.errors import SettingsError

_PREFIX = "MEXP_"


@dataclass(frozen=True, slots=True)
class ControllerSettings:
    """How the controller runs.

    ``poll_seconds`` is the time between two evaluations of an experiment. ``stale_after_seconds`` should be three
    scrape intervals. ``blindness_budget_seconds`` is how long a challenger may keep traffic that nobody can judge.
    """

    prometheus_url: str
    kubeconfig: str | None = None
    namespace: str | None = None
    poll_seconds: float = 5.0
    query_timeout_seconds: float = 4.0
    api_timeout_seconds: float = 10.0
    stale_after_seconds: float = 45.0
    blindness_budget_seconds: float = 300.0
    checkpoint_seconds: float = 60.0
    status_refresh_seconds: float = 60.0
    slots: int = 64
    health_address: str = "0.0.0.0:8090"  # probes and scrapes come from outside the pod
    log_level: str = "INFO"

    def __post_init__(self) -> None:
        faults = list(_faults(self))
        if faults:
            raise SettingsError("; ".join(faults))


def _faults(settings: ControllerSettings) -> list[str]:
    scheme = urlsplit(settings.prometheus_url).scheme
    faults = []
    if scheme not in ("http", "https"):
        faults.append(f"prometheus-url must be an http or https URL, found {settings.prometheus_url!r}")
    faults.extend(
        f"{_flag(field.name)} must be greater than 0, found {value:g}"
        for field in fields(settings)
        if field.name.endswith("_seconds") and (value := getattr(settings, field.name)) <= 0
    )
    if settings.slots < 1:
        faults.append(f"slots must be 1 or more, found {settings.slots}")
    return faults


def add_flags(parser: ArgumentParser) -> None:
    """One flag a setting, named after it."""
    for field in fields(ControllerSettings):
        parser.add_argument(f"--{_flag(field.name)}", default=None, metavar=field.name.split("_")[-1].upper())


def from_flags(flags: Namespace) -> ControllerSettings:
    """Settings from flags, else from the environment, else the defaults; all faults in one error.

    Raises:
        SettingsError: if one is missing or wrong.
    """
    given: dict[str, str] = {}
    for field in fields(ControllerSettings):
        value = getattr(flags, field.name, None) or os.environ.get(_PREFIX + field.name.upper())
        if value is not None:
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
