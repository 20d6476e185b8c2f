"""The whole control plane: started in the right order, stopped again, and what a test or a demonstration needs of it.

::

    with running(folder) as plane:                      # 10 to 20 s; `folder` is new and keeps logs and data
        plane.kubeconfig                                      # of the administrator
        plane.user_kubeconfig("operator", groups=[])          # of anybody else: may do what RBAC grants
        plane.api.apply({...manifest...})                     # the API server as the administrator
        host, port = plane.create_service("shop", "ranker")   # bind a server there and it is that Service
        requests.get(plane.gateway, headers=...)              # the real Gateway; plane.gateway_ref is its parentRef
        plane.access_log                                      # "host:port" where Envoy streams its access log (gRPC)
        plane.add_scrape_target("collector", "127.0.0.1:9")   # Prometheus at plane.prometheus_url
        plane.prometheus.process.stop() / .start()            # an outage, on the same port and data

The trap: it must be started from the main thread (the processes die with the thread that started them).
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from control_plane import building, envoy_gateway, etcd, kubernetes, prometheus
from control_plane.api import Api, Manifest, connected
from control_plane.envoy_gateway import EnvoyGateway
from control_plane.identity import create_authority
from control_plane.isolation import claimed_network
from control_plane.kubernetes import ApiServer
from control_plane.ports import free_port
from control_plane.process import Process
from control_plane.prometheus import Prometheus


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """A running control plane."""

    folder: Path
    api: Api
    api_server: ApiServer
    envoy_gateway: EnvoyGateway
    prometheus: Prometheus
    kubeconfig: Path

    @property
    def gateway(self) -> str:
        """The URL of the Gateway."""
        return self.envoy_gateway.url

    @property
    def gateway_ref(self) -> dict[str, str]:
        """What a route names in ``parentRefs`` to be served by the Gateway."""
        return dict(envoy_gateway.GATEWAY)

    @property
    def access_log(self) -> str:
        """``host:port`` to which Envoy streams its access log; a collector that listens there hears of every request."""
        return self.envoy_gateway.access_log

    @property
    def prometheus_url(self) -> str:
        return self.prometheus.url

    def add_scrape_target(self, job: str, address: str) -> None:
        """Lets Prometheus scrape ``http://<address>/metrics`` every second."""
        self.prometheus.add_target(job, address)

    def user_kubeconfig(self, name: str, groups: Sequence[str] = ()) -> Path:
        """A kubeconfig for a user of that name and groups, who may do what RBAC grants them, at first nothing."""
        file = self.folder / f"user-{name.replace(':', '-').replace('/', '-')}.json"
        return self.api_server.write_kubeconfig(file, name=name, groups=tuple(groups))

    def create_service(
        self, namespace: str, name: str, *, port: int = 8000, cluster_ip: str | None = None
    ) -> tuple[str, int]:
        """Creates a Service without pods and returns the address that a server must bind to be behind it."""
        spec = {"ports": [{"name": "http", "port": port}]} | ({"clusterIP": cluster_ip} if cluster_ip else {})
        metadata = {"name": name, "namespace": namespace}
        created = self.api.create({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
        return created["spec"]["clusterIP"], port


@contextmanager
def running(folder: Path) -> Iterator[ControlPlane]:
    """Starts everything in a folder that is empty or absent; stops everything at the end, also after an error.

    Raises:
        NoRoomError: where another control plane or program holds a port that cannot be chosen.
        BuildError: where a binary has not been built.
        ProcessError: where a part does not come up; the text has the last lines of its log.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(claimed_network())
        yield _start(folder, stack)


def _start(folder: Path, stack: ExitStack) -> ControlPlane:
    """Starts what waits for nobody first; while the API server starts, makes what Envoy Gateway will need."""
    store, store_url = etcd.create(folder)
    _start_one(store, stack)
    authority = create_authority(folder / "pki")
    api_server = kubernetes.create_api_server(folder, etcd=store_url, authority=authority)
    kubeconfig = api_server.write_kubeconfig(folder / "kubeconfig.json", name="admin", groups=("system:masters",))
    store.wait_ready()
    _start_one(api_server.process, stack)
    gateway = envoy_gateway.create(folder / "gateway", kubeconfig=kubeconfig, access_log=f"127.0.0.1:{free_port()}")
    api_server.process.wait_ready()
    controllers = kubernetes.create_controllers(folder, api_server=api_server)
    metrics = prometheus.create(folder)
    _start_one(controllers, stack)
    _start_one(metrics.process, stack)
    api = stack.enter_context(connected(kubeconfig))
    api.install(building.definitions())
    for manifest in gateway.objects():
        api.apply(manifest)
    _start_one(gateway.process, stack)
    for process in (controllers, metrics.process, gateway.process):
        process.wait_ready()
    return ControlPlane(folder, api, api_server, gateway, metrics, kubeconfig)


def _start_one(process: Process, stack: ExitStack) -> None:
    stack.callback(process.stop)
    process.start()
