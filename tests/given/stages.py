"""A whole operator on a real control plane, and ways to look at it."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from control_plane.istio import Istio
from control_plane.plane import ControlPlane
from demo.operator_process import Collector, Controller, start_collector, start_controller
from given.experiments import SPEC, experiment_manifest, route_manifest
from given.model_servers import ModelServer
from given.shoppers import Shoppers
from given.traffic import Traffic

Manifest = dict[str, Any]

# Gateway, models and users share this machine: the usual 250 ms would judge how busy it is.
PATIENT = [SPEC["guardrails"][0], {"name": "slow", "limit": "5%", "source": {"latency": {"above": "2s"}}}]


@dataclass(slots=True)
class Stage:
    """Everything a story needs: two models, the user's route, the operator, and a way to look."""

    plane: ControlPlane
    namespace: str
    champion: ModelServer
    challenger: ModelServer
    collector: Collector
    controller: Controller
    gateway: str

    @property
    def url(self) -> str:
        return f"{self.gateway}/{self.namespace}"

    def apply(self, **changes: Any) -> Manifest:
        return self.plane.api.create(experiment_manifest(self.namespace, **{"guardrails": PATIENT, **changes}))

    def experiment(self) -> Manifest | None:
        return self.plane.api.get(experiment_manifest(self.namespace))

    def status(self) -> Manifest:
        return (self.experiment() or {}).get("status", {})

    def own_route(self) -> Manifest | None:
        return self.plane.api.get(route_manifest(self.namespace, {}, name="ranker-mexp"))

    def user_route(self) -> Manifest:
        return self.plane.api.get(route_manifest(self.namespace, {})) or {}

    def events(self) -> list[Manifest]:
        """What the operator said; others who write events in the namespace may leave out the time."""
        answer = self.plane.api.call("GET", f"/api/v1/namespaces/{self.namespace}/events") or {"items": []}
        ours = [event for event in answer["items"] if event["involvedObject"]["kind"] == "ModelExperiment"]
        return sorted(ours, key=lambda event: event["firstTimestamp"])

    def wait_for(self, what: Callable[[Manifest], bool], *, seconds: float = 60) -> Manifest:
        """The status, once it is as wanted."""
        until = time.monotonic() + seconds
        while not what(status := self.status()):
            assert time.monotonic() < until, f"the status stayed {status}"
            time.sleep(0.1)
        return status

    def shoppers(self, **options: Any) -> Shoppers:
        users = [f"user-{number}" for number in range(6000)]
        return Shoppers(Traffic(self.url, users), self.collector.outcomes, f"{self.namespace}/ranker", **options)


@contextmanager
def staged(
    plane: ControlPlane,
    namespace: str,
    servers: Sequence[ModelServer],
    folder: Path,
    *,
    istio: Istio | None = None,
    **settings: float | str,
) -> Iterator[Stage]:
    """Starts the operator behind the gateway of the control plane, or behind that of Istio; with further settings."""
    flags = {"istiod_url": istio.istiod_url, **settings} if istio else settings
    gateway = istio.url if istio else plane.gateway
    with ExitStack() as stack:
        collector = start_collector(plane, folder, access_log=istio.access_log if istio else None)
        stack.callback(collector.process.stop)
        controller = start_controller(plane, folder, **flags)
        stack.callback(controller.process.stop)
        champion, challenger = servers
        yield Stage(plane, namespace, champion, challenger, collector, controller, gateway)


def ready(status: Manifest) -> tuple[str, str]:
    """Status and reason of the Ready condition."""
    found = [condition for condition in status.get("conditions", []) if condition["type"] == "Ready"]
    return (found[0]["status"], found[0]["reason"]) if found else ("", "")


def phase_is(*phases: str) -> Callable[[Manifest], bool]:
    """Whether a status is in one of these phases."""
    return lambda status: status.get("phase") in phases
