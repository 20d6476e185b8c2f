"""A whole operator on a real control plane, one for each story."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from control_plane.plane import ControlPlane
from given.experiments import install_definition, route_manifest
from given.model_servers import ModelServer
from given.stages import Stage, staged
from given.traffic import once_served


@pytest.fixture
def stage(
    control_plane: ControlPlane, namespace: str, model_server: Callable[..., ModelServer], tmp_path: Path
) -> Iterator[Stage]:
    install_definition(control_plane)
    servers = [model_server(f"ranker-{variant}") for variant in ("v7", "v8")]
    control_plane.api.create(route_manifest(namespace, control_plane.gateway_ref, path=f"/{namespace}"))
    once_served(f"{control_plane.gateway}/{namespace}")
    with staged(control_plane, namespace, servers, tmp_path) as stage:
        yield stage
