"""The comparator's settings: flags of ``mexp comparator``, each with an environment variable beside it."""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from model_experiment.errors import SettingsError
from model_experiment.process import flags

_DOMAIN = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class ComparatorSettings:
    """Where the comparator listens, what it reads and writes, and how much it may hold.

    Neither side asks who calls, so the addresses are loopback by default; in a cluster a NetworkPolicy says who may
    reach them. Port 0 takes any free port. ``body_bytes`` bounds the bodies of all pairs together, ``answer_bytes``
    each body, also when it is unpacked.
    """

    mirror_address: str = "127.0.0.1:9203"
    http_address: str = "127.0.0.1:9204"
    database: str = "sqlite:///mexp-comparator.db"
    cluster_domain: str = "svc"
    pairs_per_second: int = 500
    pairs_under_way: int = 256
    body_bytes: int = 67_108_864
    answer_bytes: int = 1_048_576
    kubeconfig: str | None = None
    namespace: str | None = None
    log_level: str = "INFO"

    def __post_init__(self) -> None:
        faults = [*_faults(self)]
        if faults:
            raise SettingsError("; ".join(faults))


_MEANINGS = {
    "mirror_address": "where the mesh mirrors requests to, as host:port (HTTP/1.1)",
    "http_address": "where metrics and health are shown, as host:port",
    "database": "URL of the evidence: sqlite:///PATH, or postgresql+psycopg://... to scale out",
    "cluster_domain": "what stands behind name.namespace of a Service, such as svc.cluster.local",
    "pairs_per_second": "how many requests are asked again a second at most; further ones are left out",
    "pairs_under_way": "how many pairs are asked at once at most; further ones are not comparable",
    "body_bytes": "how many bytes of bodies are held at most, of all pairs together",
    "answer_bytes": "how many bytes a body may have, also unpacked",
    "kubeconfig": "file with access to the API server; default: the pod's service account",
    "namespace": "compare experiments of this namespace alone; default: all",
    "log_level": f"one of {', '.join(flags.LEVELS)}",
}


def add_flags(parser: ArgumentParser) -> None:
    """One flag a setting, named after it."""
    flags.add_flags(parser, ComparatorSettings, _MEANINGS)


def from_flags(given: Namespace, environment: Mapping[str, str]) -> ComparatorSettings:
    """Settings from flags, else from the environment (``MEXP_MIRROR_ADDRESS`` ...), else the defaults.

    Raises:
        SettingsError: if one is wrong; the text names all faults.
    """
    return flags.from_flags(ComparatorSettings, given, environment)


def _faults(settings: ComparatorSettings) -> Iterator[str]:
    yield from flags.address_faults(settings, "mirror_address", "http_address")
    if not _DOMAIN.fullmatch(settings.cluster_domain):
        yield f"cluster-domain must be a DNS name such as svc.cluster.local, found {settings.cluster_domain!r}"
    for field in fields(settings):
        if field.type is int and getattr(settings, field.name) < 1:
            yield f"{flags.flag(field.name)} must be 1 or more, found {getattr(settings, field.name)}"
    if settings.answer_bytes > settings.body_bytes:
        yield f"answer-bytes must be at most body-bytes, found {settings.answer_bytes} and {settings.body_bytes}"
    yield from flags.level_faults(settings.log_level)
