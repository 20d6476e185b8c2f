"""What every test may ask for: a control plane for the whole session, a namespace and model servers for itself.

A test that asks for ``control_plane`` is a cluster test without saying so. With ``--cluster=kind`` the same tests use
the API server of a kind cluster; pytest-kind brings the options ``--cluster-name`` and ``--keep-cluster`` for it.
"""

import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.client import NOT_FOUND
from pathlib import Path

import pytest
import requests
from hypothesis import settings
from pytest_kind import KindCluster

from control_plane import building, isolation, kind
from control_plane.istio import Istio
from control_plane.plane import ControlPlane, running, with_istio
from control_plane.process import wait_until
from given.model_servers import Answer, ModelServer, introduce, serving
from given.proofs import Proofs
from model_experiment.objects import HTTP_ROUTE

MEASURED = pytest.StashKey[list[str]]()
DEFINITIONS = Path(__file__).parents[1] / "crds"

settings.register_profile("steady", deadline=None)  # how long one example takes says how busy the machine is
settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    choice = "where cluster tests run: a control plane of plain processes, or kind"
    parser.addoption("--cluster", choices=["local", "kind"], default="local", help=choice)
    page = "writes the table of what was proved on which provider into this page, between its marks"
    parser.addoption("--capabilities", type=Path, metavar="FILE", help=page)
    cases = "a JSON file with statistical cases, in place of tests/data/statistics.json"
    parser.addoption("--cases", type=Path, metavar="FILE", help=cases)


def pytest_configure(config: pytest.Config) -> None:
    if page := config.option.capabilities:
        config.pluginmanager.register(Proofs(page))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _needs_control_plane(item):
            item.add_marker("cluster")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Makes room for the control plane before the first test: the session may start again in its own network."""
    option = session.config.option
    is_worker = hasattr(session.config, "workerinput")  # of pytest-xdist: it cannot start itself again
    wanted = any(_needs_control_plane(item) for item in session.items)
    if not wanted or is_worker or option.collectonly or option.cluster != "local":
        return
    if capture := session.config.pluginmanager.getplugin("capturemanager"):
        capture.suspend_global_capture(in_=True)  # the program that takes over needs the real output
    isolation.ensure_room()
    if capture:
        capture.resume_global_capture()


def _needs_control_plane(item: pytest.Item) -> bool:
    return "control_plane" in getattr(item, "fixturenames", ())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What tests have measured, after their dots."""
    lines = config.stash.get(MEASURED, [])
    if lines:
        terminalreporter.section("measured")
        terminalreporter.write_line("\n".join(lines))


@pytest.fixture(scope="session")
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """A function that notes a line for the summary."""
    return request.config.stash.setdefault(MEASURED, []).append


@pytest.fixture(scope="session")
def control_plane(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One control plane for all tests; its logs stay in pytest's temporary folder."""
    is_worker = hasattr(request.config, "workerinput")
    assert not is_worker, "a test that gets the control plane through getfixturevalue must name it as well"
    folder = tmp_path_factory.mktemp("control-plane")
    start = _on_kind(request.config.option, folder) if request.config.option.cluster == "kind" else running(folder)
    with start as plane:
        plane.install(DEFINITIONS)
        yield plane


@contextmanager
def _on_kind(option, folder: Path) -> Iterator[ControlPlane]:
    if reason := kind.why_not():
        pytest.skip(reason)
    program = option.kind_bin or shutil.which("kind")
    if program is None:  # pytest-kind would download one of 2022, whose Kubernetes is too old
        pytest.skip("kind must be on PATH or given by --kind-bin")
    cluster = KindCluster(option.cluster_name, image=option.kind_image, kind_path=Path(program))
    configuration = folder.parent / "kind.json"
    configuration.write_text(kind.CONFIGURATION)
    cluster.create(configuration)
    try:
        with running(folder, partial(kind.adopted, name=cluster.name, kubeconfig=cluster.kubeconfig_path)) as plane:
            yield plane
    finally:
        if not option.keep_cluster:
            cluster.delete()


@pytest.fixture(scope="session")
def istio(control_plane: ControlPlane) -> Iterator[Istio]:
    """An istiod with its Envoy, beside the control plane's own gateway; started when a test first asks for it."""
    with with_istio(control_plane) as found:
        yield found


@pytest.fixture(scope="session")
def model_serving(control_plane: ControlPlane) -> None:
    """Lets the API server know InferenceServices and InferencePools, by the definitions that their projects publish."""
    control_plane.api.install(building.definitions(building.MODEL_SERVING))


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A fresh namespace; it is being deleted when the test ends, its routes first.

    Where clusters of one test go while those of the next come, Envoy Gateway may not tell Envoy the endpoints of
    either, and Envoy waits for 15 s before it takes any further cluster. Users without a name do not see our routes, so
    those go first: the gateway hears of deletions in their order.
    """
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"test-{secrets.token_hex(4)}"}}
    control_plane.api.create(manifest)
    name = manifest["metadata"]["name"]
    yield name
    routes = (control_plane.api.call("GET", HTTP_ROUTE.path(namespace=name)) or {"items": []})["items"]
    for route in sorted(routes, key=lambda route: not route["metadata"]["name"].endswith("-mexp")):
        control_plane.api.call("DELETE", HTTP_ROUTE.path(namespace=name, name=route["metadata"]["name"]))
    url = f"{control_plane.gateway}/{name}"
    wait_until(lambda: requests.get(url, timeout=5).status_code == NOT_FOUND, "the test's routes are gone")
    control_plane.api.delete(manifest)


@pytest.fixture
def model_server(control_plane: ControlPlane, namespace: str) -> Iterator[Callable[..., ModelServer]]:
    """Starts model servers, each behind a Service of its own in the test's namespace."""
    with ExitStack() as stack:

        def start(name: str, answer: Answer | None = None) -> ModelServer:
            host, port = control_plane.create_service(namespace, name)
            return stack.enter_context(serving(ModelServer(name, host, port, answer or introduce(name))))

        yield start
