"""The collector's settings: flags of ``mexp collector``, each with an environment variable beside it."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from model_experiment.errors import SettingsError

PREFIX = "MEXP_"
WRONG_SETTINGS = 2  # exit code

_LARGEST_PORT = 65535
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


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
        faults = [*_faults(self)]
        if faults:
            raise SettingsError("; ".join(faults))


_HELP = {
    "als_address": "where Envoy sends its access log, as host:port (gRPC)",
    "http_address": "where outcomes are taken and metrics shown, as host:port",
    "database": "URL of the assignment log: sqlite:///PATH, or postgresql+psycopg://... to scale out",
    "kubeconfig": "file with access to the API server; default: the pod's service account",
    "namespace": "count experiments of this namespace alone; default: all",
    "log_level": f"one of {', '.join(_LEVELS)}",
}


def add_flags(parser: ArgumentParser) -> None:
    """One flag a setting, named after it."""
    for field in fields(CollectorSettings):
        default = f" (default {field.default})" if field.default is not None else ""
        parser.add_argument(f"--{_flag(field.name)}", help=_HELP[field.name] + default)


def from_flags(flags: Namespace, environment: Mapping[str, str]) -> CollectorSettings:
    """Settings from flags, else from the environment (``MEXP_ALS_ADDRESS`` ...), else the defaults.

    Raises:
        SettingsError: if one is wrong; the text names all faults.
    """
    given = {
        field.name: getattr(flags, field.name, None) or environment.get(PREFIX + field.name.upper())
        for field in fields(CollectorSettings)
    }
    return CollectorSettings(**{name: value for name, value in given.items() if value})


def host_and_port(address: str) -> tuple[str, int]:
    """The two parts of ``host:port``; an IPv6 host stands in brackets.

    Raises:
        ValueError: if there are no such parts.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > _LARGEST_PORT:
        raise ValueError(f"must be host:port with a port of at most {_LARGEST_PORT}, found {address!r}")
    return host.strip("[]"), int(port)


def _faults(settings: CollectorSettings) -> Iterator[str]:
    for name in ("als_address", "http_address"):
        try:
            host_and_port(getattr(settings, name))
        except ValueError as error:
            yield f"{_flag(name)} {error}"
    if settings.log_level not in _LEVELS:
        yield f"log-level must be one of {', '.join(_LEVELS)}, found {settings.log_level!r}"


def _flag(name: str) -> str:
    return name.replace("_", "-")
