"""The comparator's settings: flags of ``mexp comparator``, each with an environment variable beside it."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

from model_experiment.errors import SettingsError
from model_experiment.process.flags import LEVELS, address_faults, domain_faults, flag, level_faults, setting


@dataclass(frozen=True, slots=True)
class ComparatorSettings:
    """Where the comparator listens, what it reads and writes, and how much it may hold.

    Neither side asks who calls, so the addresses are loopback by default; in a cluster a NetworkPolicy says who may
    reach them. Port 0 takes any free port. ``body_bytes`` bounds the bodies of all pairs together, ``answer_bytes``
    each body, also when it is unpacked.
    """

    mirror_address: str = setting("where the mesh mirrors requests to, as host:port (HTTP/1.1)", "127.0.0.1:9203")
    http_address: str = setting("where metrics and health are shown, as host:port", "127.0.0.1:9204")
    database: str = setting(
        "URL of the evidence: sqlite:///PATH, or postgresql+psycopg://... to scale out", "sqlite:///mexp-comparator.db"
    )
    cluster_domain: str = setting("what stands behind name.namespace of a Service, such as svc.cluster.local", "svc")
    pairs_per_second: int = setting(
        "how many requests are asked again a second at most; further ones are left out", 500
    )
    pairs_under_way: int = setting("how many pairs are asked at once at most; further ones are not comparable", 256)
    body_bytes: int = setting("how many bytes of bodies are held at most, of all pairs together", 67_108_864)
    answer_bytes: int = setting("how many bytes a body may have, also unpacked", 1_048_576)
    kubeconfig: str | None = setting("file with access to the API server; default: the pod's service account", None)
    namespace: str | None = setting("compare experiments of this namespace alone; default: all", None)
    log_level: str = setting(f"one of {', '.join(LEVELS)}", "INFO")

    def __post_init__(self) -> None:
        faults = [*_faults(self)]
        if faults:
            raise SettingsError("; ".join(faults))


def _faults(settings: ComparatorSettings) -> Iterator[str]:
    yield from address_faults(settings, "mirror_address", "http_address")
    yield from domain_faults(settings.cluster_domain)
    for field in fields(settings):
        if field.type is int and getattr(settings, field.name) < 1:
            yield f"{flag(field.name)} must be 1 or more, found {getattr(settings, field.name)}"
    if settings.answer_bytes > settings.body_bytes:
        yield f"answer-bytes must be at most body-bytes, found {settings.answer_bytes} and {settings.body_bytes}"
    yield from level_faults(settings.log_level)
