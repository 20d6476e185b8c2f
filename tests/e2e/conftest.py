"""A whole operator on a real control plane, one for each story."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from control_plane.plane import ControlPlane
from demo.operator_process import start_collector, start_controller
from given.experiments import install_definition, route_manifest
from given.model_servers import ModelServer
from given.stages import Stage


@pytest.fixture
def stage(
    control_plane: ControlPlane, namespace: str, model_server: Callable[..., ModelServer], tmp_path: Path
) -> Iterator[Stage]:
    install_definition(control_plane)
    champion, challenger = model_server("ranker-v7"), model_server("ranker-v8")
    control_plane.api.create(route_manifest(namespace, control_plane.gateway_ref, path=f"/{namespace}"))
    with ExitStack() as stack:
        collector = start_collector(control_plane, tmp_path)
        stack.callback(collector.process.stop)
        controller = start_controller(control_plane, tmp_path)
        stack.callback(controller.process.stop)
        gateway = control_plane.gateway
        yield Stage(control_plane, namespace, champion, challenger, collector, controller, gateway)
