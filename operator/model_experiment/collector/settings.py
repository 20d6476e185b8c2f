"""The collector's settings: flags of ``mexp collector``, each with an environment variable beside it."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import dataclass

from model_experiment.errors import SettingsError
from model_experiment.process import flags


@dataclass(frozen=True, slots=True)
class CollectorSettings:
    """Where the collector listens, and what it reads and writes.

    Neither side asks who calls, so the addresses are loopback by default; in a cluster a NetworkPolicy says
    who may reach them. Port 0 takes any free port.
    """

    als_address: str = "127.0.0.1:9201"
    http_address: str = "127.0.0.1:9202"
    database: str = "sqlite:///mexp-collector.db"
    kubeconfig: str | None = None
    namespace: str | None = None
    log_level: str = "INFO"

    def __post_init__(self) -> None:
        faults = [
            *flags.address_faults(self, "als_address", "http_address"),
            *flags.level_faults(self.log_level),
        ]
        if faults:
            raise SettingsError("; ".join(faults))


_MEANINGS = {
    "als_address": "where Envoy sends its access log, as host:port (gRPC)",
    "http_address": "where outcomes are taken and metrics shown, as host:port",
    "database": "URL of the assignment log: sqlite:///PATH, or postgresql+psycopg://... to scale out",
    "kubeconfig": "file with access to the API server; default: the pod's service account",
    "namespace": "count experiments of this namespace alone; default: all",
    "log_level": f"one of {', '.join(flags.LEVELS)}",
}


def add_flags(parser: ArgumentParser) -> None:
    """One flag a setting, named after it."""
    flags.add_flags(parser, CollectorSettings, _MEANINGS)


def from_flags(given: Namespace, environment: Mapping[str, str]) -> CollectorSettings:
    """Settings from flags, else from the environment (``MEXP_ALS_ADDRESS`` ...), else the defaults.

    Raises:
        SettingsError: if one is wrong; the text names all faults.
    """
    return flags.from_flags(CollectorSettings, given, environment)
