"""The operator's own processes, as a cluster would run them: ``mexp collector``, ``comparator`` and ``controller``.

For: the demonstration and the end-to-end tests. All are started from the main thread, die with it, log into the
folder they are given, and can be paused, killed and started again through ``process``.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chart import permissions_of
from control_plane.plane import ControlPlane
from control_plane.ports import free_port
from control_plane.process import Bind, Command, Process, answers

_MEXP = (sys.executable, "-m", "model_experiment.cli.main")

COMPARATOR = "mexp-comparator"
"""The name of the comparator's Service."""

# An experiment of minutes is looked at every second; the defaults are made for experiments of days.
QUICK: Mapping[str, float] = {
    "poll_seconds": 1,
    "gateway_warm_seconds": 2,  # here nobody else's clusters come and go at the same moment
    "drain_seconds": 3,  # the gateway of the control plane drains in 2
    "stale_after_seconds": 5,
    "status_refresh_seconds": 1,
    "checkpoint_seconds": 5,
}


@dataclass(frozen=True, slots=True)
class Collector:
    """A running collector; ``address`` is the ``host:port`` of its HTTP side."""

    process: Process
    address: str

    @property
    def outcomes(self) -> str:
        """The URL that takes outcomes."""
        return f"http://{self.address}/v1/outcomes"

    @property
    def metrics(self) -> str:
        """The URL that Prometheus scrapes."""
        return f"http://{self.address}/metrics"


@dataclass(frozen=True, slots=True)
class Comparator:
    """A running comparator; ``service`` is where routes mirror to, as ``namespace/name:port``."""

    process: Process
    service: str
    address: str

    @property
    def metrics(self) -> str:
        """The URL that Prometheus scrapes."""
        return f"http://{self.address}/metrics"


@dataclass(frozen=True, slots=True)
class Controller:
    """A running controller; ``address`` is the ``host:port`` of its probes and metrics."""

    process: Process
    address: str


def start_collector(plane: ControlPlane, folder: Path, *, access_log: str | None = None) -> Collector:
    """Starts it where Envoy sends its access log, lets Prometheus scrape it, and waits until it is ready.

    ``access_log`` is where another Envoy than the gateway's sends it.

    Raises:
        ProcessError: if it does not become ready; then nothing is left running.
    """
    collector = create_collector(plane, folder, access_log=access_log)
    _start(collector.process)
    plane.add_scrape_target("collector", collector.address)
    return collector


def start_comparator(plane: ControlPlane, folder: Path, namespace: str) -> Comparator:
    """Starts it behind a Service of its own in a namespace, lets Prometheus scrape it, and waits until it is ready.

    It finds models by the names of their Services, as in a cluster: its hosts file is that of the control plane.

    Raises:
        ProcessError: if it does not become ready; then nothing is left running.
    """
    host, port = plane.create_service(namespace, COMPARATOR, port=9203)
    address = f"127.0.0.1:{free_port()}"
    arguments = [
        *_MEXP,
        "comparator",
        f"--mirror-address={host}:{port}",
        f"--http-address={address}",
        f"--database=sqlite:///{folder / 'comparator.db'}",
        f"--kubeconfig={kubeconfig_of(plane, 'comparator')}",
    ]
    hosts = Bind(plane.hosts, "/etc/hosts", folder)
    process = _process("comparator", arguments, folder=folder, address=address, bind=hosts)
    comparator = Comparator(process, f"{namespace}/{COMPARATOR}:{port}", address)
    _start(process)
    plane.add_scrape_target("comparator", address)
    return comparator


def start_controller(plane: ControlPlane, folder: Path, **flags: float | str) -> Controller:
    """Starts it with ``QUICK`` flags, or with those given (named as in ``ControllerSettings``), until it is ready.

    Raises:
        ProcessError: if it does not become ready; then nothing is left running.
    """
    controller = create_controller(plane, folder, **flags)
    _start(controller.process)
    return controller


def create_collector(plane: ControlPlane, folder: Path, *, access_log: str | None = None) -> Collector:
    """A collector that is not started and not scraped yet."""
    address = f"127.0.0.1:{free_port()}"
    arguments = [
        *_MEXP,
        "collector",
        f"--als-address={access_log or plane.access_log}",
        f"--http-address={address}",
        f"--database=sqlite:///{folder / 'collector.db'}",
        f"--kubeconfig={kubeconfig_of(plane, 'collector')}",
    ]
    return Collector(_process("collector", arguments, folder=folder, address=address), address)


def create_controller(plane: ControlPlane, folder: Path, **flags: float | str) -> Controller:
    """A controller that is not started yet."""
    address = f"127.0.0.1:{free_port()}"
    own = {
        "prometheus_url": plane.prometheus_url,
        "kubeconfig": str(kubeconfig_of(plane, "controller")),
        "health_address": address,
    }
    wanted = {**own, **QUICK, **flags}
    arguments = [*_MEXP, "controller", *(f"--{name.replace('_', '-')}={value}" for name, value in wanted.items())]
    return Controller(_process("controller", arguments, folder=folder, address=address), address)


def kubeconfig_of(plane: ControlPlane, part: str) -> Path:
    """As whom a part of the operator speaks to the API server: a user who may do what the chart grants."""
    user = f"mexp-{part}"
    values = {"prometheus": {"url": plane.prometheus_url}, "comparator": {"enabled": True}}
    for manifest in permissions_of(part, values, user=user):
        plane.api.apply(manifest)
    return plane.user_kubeconfig(user)


def _process(name: str, arguments: list[str], *, folder: Path, address: str, bind: Bind | None = None) -> Process:
    folder.mkdir(parents=True, exist_ok=True)
    is_ready = f"http://{address}/readyz"
    return Process(Command(name, arguments, folder / f"{name}.log", ready=lambda: answers(is_ready), bind=bind))


def _start(process: Process) -> None:
    process.start()
    try:
        process.wait_ready()
    except BaseException:  # Ctrl-C as well
        process.stop()
        raise
