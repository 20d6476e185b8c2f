"""The collector's settings: flags of ``mexp collector``, each with an environment variable beside it."""

from dataclasses import dataclass

from model_experiment.errors import SettingsError
from model_experiment.process.flags import LEVELS, address_faults, level_faults, setting


@dataclass(frozen=True, slots=True)
class CollectorSettings:
    """Where the collector listens, and what it reads and writes.

    Neither side asks who calls, so the addresses are loopback by default; in a cluster a NetworkPolicy says
    who may reach them. Port 0 takes any free port.
    """

    als_address: str = setting("where Envoy sends its access log, as host:port (gRPC)", "127.0.0.1:9201")
    http_address: str = setting("where outcomes are taken and metrics shown, as host:port", "127.0.0.1:9202")
    database: str = setting(
        "URL of the assignment log: sqlite:///PATH, or postgresql+psycopg://... to scale out",
        "sqlite:///mexp-collector.db",
    )
    kubeconfig: str | None = setting("file with access to the API server; default: the pod's service account", None)
    namespace: str | None = setting("count experiments of this namespace alone; default: all", None)
    log_level: str = setting(f"one of {', '.join(LEVELS)}", "INFO")

    def __post_init__(self) -> None:
        faults = [*address_faults(self, "als_address", "http_address"), *level_faults(self.log_level)]
        if faults:
            raise SettingsError("; ".join(faults))
