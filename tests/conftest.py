"""What every test may ask for: a control plane for the whole session, a namespace and model servers for itself.

A test that asks for ``control_plane`` is a cluster test without saying so.
"""

import secrets
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from control_plane import isolation
from control_plane.plane import ControlPlane, running
from given.model_servers import Answer, ModelServer, introduce, serving


def pytest_addoption(parser: pytest.Parser) -> None:
    choice = "where cluster tests run: a control plane of plain processes, or kind"
    parser.addoption("--cluster", choices=["local", "kind"], default="local", help=choice)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "control_plane" in getattr(item, "fixturenames", ()):
            item.add_marker("cluster")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Makes room for the control plane before the first test: the session may start again in its own network."""
    config = session.config
    wanted = any(item.get_closest_marker("cluster") for item in session.items)
    if not wanted or config.option.collectonly or config.option.cluster != "local" or hasattr(config, "workerinput"):
        return
    if capture := config.pluginmanager.getplugin("capturemanager"):
        capture.suspend_global_capture(in_=True)  # the program that takes over needs the real output
    isolation.ensure_room()
    if capture:
        capture.resume_global_capture()


@pytest.fixture(scope="session")
def control_plane(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One control plane for all tests; its logs stay in pytest's temporary folder."""
    with running(tmp_path_factory.mktemp("control-plane")) as plane:
        yield plane


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A fresh namespace; it is being deleted when the test ends."""
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"test-{secrets.token_hex(4)}"}}
    control_plane.api.create(manifest)
    yield manifest["metadata"]["name"]
    control_plane.api.delete(manifest)


@pytest.fixture
def model_server(control_plane: ControlPlane, namespace: str) -> Iterator[Callable[..., ModelServer]]:
    """Starts model servers, each behind a Service of its own in the test's namespace."""
    with ExitStack() as stack:

        def start(name: str, answer: Answer | None = None) -> ModelServer:
            host, port = control_plane.create_service(namespace, name)
            return stack.enter_context(serving(ModelServer(name, host, port, answer or introduce(name))))

        yield start
