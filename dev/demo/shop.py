"""The world around the operator: a namespace, two models behind Services, the user's own route, and users.

For: the demonstration and the end-to-end tests; each may have its own namespace. Processes are made here, and started
and stopped by the caller.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml

from control_plane.api import ApiError, Manifest
from control_plane.plane import ControlPlane
from control_plane.process import Command, Process, answers, wait_until
from demo import numbers
from demo.model_server import HEALTH
from demo.numbers import Numbers
from demo.operator_process import Collector
from demo.scenario import CHALLENGER, CHAMPION, Scenario

MANIFEST = Path(__file__).with_name("experiment.yaml")
DEFINITIONS = Path(__file__).parents[2] / "crds"
ROUTE = "ranker"
PORT = 8000
_PYTHONPATH = {"PYTHONPATH": str(Path(__file__).parents[1])}


@dataclass(frozen=True, slots=True)
class Shop:
    """One namespace with its route and experiment; ``folder`` takes the logs of its processes."""

    plane: ControlPlane
    folder: Path
    namespace: str = "shop"

    @property
    def host(self) -> str:
        """The host name under which users ask for predictions."""
        return f"{ROUTE}.{self.namespace}.test"

    @property
    def experiment(self) -> Manifest:
        """The experiment's manifest, in this namespace."""
        manifest: Manifest = yaml.safe_load(MANIFEST.read_text())
        manifest["metadata"]["namespace"] = self.namespace
        return manifest

    @property
    def label(self) -> str:
        """The experiment as applications name it to the collector."""
        return f"{self.namespace}/{self.experiment['metadata']['name']}"


def install_definition(plane: ControlPlane) -> None:
    """Makes the API server know ModelExperiments, and waits until it can list them, which takes a moment more."""
    plane.install(DEFINITIONS)
    wait_until(lambda: _can_list(plane), "ModelExperiments can be listed")


def _can_list(plane: ControlPlane) -> bool:
    try:
        plane.api.call("GET", "/apis/modelexperiment.io/v1alpha1/modelexperiments")
    except ApiError:
        return False
    return True


def open_route(shop: Shop, backend: str = CHAMPION) -> Manifest:
    """Points the user's own route at one model, creating it where it is not there."""
    rule = {"backendRefs": [{"name": service_of(backend), "port": PORT}]}
    spec = {"parentRefs": [shop.plane.gateway_ref], "hostnames": [shop.host], "rules": [rule]}
    metadata = {"name": ROUTE, "namespace": shop.namespace}
    manifest = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": metadata, "spec": spec}
    return shop.plane.api.apply(manifest)


def service_of(variant: str) -> str:
    """The name of the Service of a model."""
    return f"{ROUTE}-{variant}"


def create_models(shop: Shop, scenario: Scenario, *, seed: int) -> list[Process]:
    """The namespace, and two model servers behind Services that are not started yet."""
    shop.plane.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": shop.namespace}})
    breaks: Mapping[str, float | None] = {CHAMPION: None, CHALLENGER: scenario.breaks_after_seconds}
    return [_create_model(shop, variant, seed=seed, breaks=after) for variant, after in breaks.items()]


def _create_model(shop: Shop, variant: str, *, seed: int, breaks: float | None) -> Process:
    name = service_of(variant)
    host, port = shop.plane.create_service(shop.namespace, name, port=PORT)
    flags = [f"--name={name}", f"--host={host}", f"--port={port}", f"--seed={seed}"]
    if breaks is not None:
        flags.append(f"--breaks-after-seconds={breaks:g}")
    return _python(shop, name, "demo.model_server", flags, ready=f"http://{host}:{port}{HEALTH}")


def create_users(shop: Shop, collector: Collector, scenario: Scenario, *, seed: int) -> Process:
    """The users, who have not set out yet."""
    flags = [
        f"--gateway={shop.plane.gateway}",
        f"--host={shop.host}",
        f"--outcomes={collector.outcomes}",
        f"--experiment={shop.label}",
        f"--scenario={scenario.name}",
        f"--seed={seed}",
        f"--numbers={_numbers_file(shop)}",
    ]
    return _python(shop, "users", "demo.users", flags)


def is_served(shop: Shop) -> bool:
    """Whether the gateway answers users of the shop."""
    with requests.Session() as session:
        session.trust_env = False  # a proxy cannot reach loopback
        try:
            return session.get(f"{shop.plane.gateway}/predict", headers={"Host": shop.host}, timeout=2).ok
        except requests.RequestException:
            return False


def read_experiment(shop: Shop) -> Mapping[str, Any]:
    """The experiment as the API server has it; empty where there is none."""
    return shop.plane.api.get(shop.experiment) or {}


def read_events(shop: Shop) -> tuple[Mapping[str, Any], ...]:
    """The Kubernetes events about the experiment, oldest first."""
    answer = shop.plane.api.call("GET", f"/api/v1/namespaces/{shop.namespace}/events") or {}
    about = [event for event in answer.get("items", []) if event["involvedObject"]["kind"] == "ModelExperiment"]
    return tuple(sorted(about, key=lambda event: int(event["metadata"]["resourceVersion"])))


def read_numbers(shop: Shop) -> Numbers:
    """What the users have seen so far."""
    return numbers.read(_numbers_file(shop))


def _numbers_file(shop: Shop) -> Path:
    return shop.folder / "users.json"


def _python(shop: Shop, name: str, module: str, flags: Sequence[str], *, ready: str | None = None) -> Process:
    shop.folder.mkdir(parents=True, exist_ok=True)
    return Process(
        Command(
            name,
            [sys.executable, "-m", module, *flags],
            shop.folder / f"{name}.log",
            ready=lambda: ready is None or answers(ready),
            environment=_PYTHONPATH,
        )
    )
