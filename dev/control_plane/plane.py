"""The whole control plane: started in the right order, stopped again, and what a test or a demonstration needs of it.

::

    with running(folder) as plane:                            # 10 to 20 s; `folder` is new and keeps logs and data
        plane.kubeconfig                                      # of the administrator
        plane.user_kubeconfig("operator", groups=[])          # of anybody else: may do what RBAC grants
        plane.api.apply({...manifest...})                     # the API server as the administrator
        host, port = plane.create_service("shop", "ranker")   # bind a server there and it is that Service
        requests.get(plane.gateway, headers=...)              # the real Gateway; plane.gateway_ref is its parentRef
        plane.access_log                                      # "host:port" where Envoy streams its access log (gRPC)
        plane.add_scrape_target("collector", "127.0.0.1:9")   # Prometheus at plane.prometheus_url
        plane.prometheus.process.stop() / .start()            # an outage, on the same port and data

        with with_istio(plane) as istio:                      # 4 s; istiod and an Envoy, beside Envoy Gateway
            plane.create_service_entry("shop", "ranker")      # lets Istio know the Service's address
            requests.get(istio.url, headers=...)              # through the VirtualServices that name istio.gateway

The trap: it must be started from the main thread (the processes die with the thread that started them).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import yaml

from control_plane import building, envoy_gateway, istio, prometheus
from control_plane.api import Api, connected
from control_plane.envoy_gateway import EnvoyGateway
from control_plane.isolation import claimed_network
from control_plane.istio import Istio
from control_plane.kubernetes import Cluster, local
from control_plane.process import started
from control_plane.prometheus import Prometheus


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """A running control plane; ``folder`` keeps its logs and data."""

    folder: Path
    api: Api
    cluster: Cluster
    envoy_gateway: EnvoyGateway
    prometheus: Prometheus

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.cluster.kubeconfig

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
        """``host:port`` to which Envoy streams its access log; a collector listens there."""
        return self.envoy_gateway.access_log

    @property
    def prometheus_url(self) -> str:
        return self.prometheus.url

    @property
    def hosts(self) -> Path:
        """A hosts file with the names of all Services that were created here: nobody runs the cluster's DNS."""
        return self.folder / "hosts"

    def add_scrape_target(self, job: str, address: str) -> None:
        """Lets Prometheus scrape ``http://<address>/metrics`` every second."""
        self.prometheus.add_target(job, address)

    def user_kubeconfig(self, name: str, groups: Sequence[str] = ()) -> Path:
        """A kubeconfig for a user of that name and groups, who may do what RBAC grants them, at first nothing."""
        file = self.folder / f"user-{quote(name, safe='')}.json"
        return self.cluster.write_kubeconfig(file, name=name, groups=tuple(groups))

    def install(self, folder: Path) -> None:
        """Installs the CustomResourceDefinitions in a folder's YAML files; again and again is fine."""
        texts = (file.read_text() for file in sorted(folder.glob("*.yaml")))
        self.api.install([document for text in texts for document in yaml.safe_load_all(text) if document])

    def check(self) -> None:
        """Returns while every process runs.

        Raises:
            ProcessError: once one has ended by itself, with the last lines of its log.
        """
        for process in (*self.cluster.processes, self.prometheus.process, self.envoy_gateway.process):
            process.check()

    def create_service(
        self, namespace: str, name: str, *, port: int = 8000, cluster_ip: str | None = None
    ) -> tuple[str, int]:
        """Creates a Service without pods and returns the address that a server must bind to be behind it."""
        spec = {"ports": [{"name": "http", "port": port}]} | ({"clusterIP": cluster_ip} if cluster_ip else {})
        metadata = {"name": name, "namespace": namespace}
        created = self.api.create({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
        address = created["spec"]["clusterIP"]
        with self.hosts.open("a") as hosts:
            hosts.write(f"{address} {name}.{namespace}.svc\n")
        return address, port

    def create_service_entry(self, namespace: str, name: str) -> None:
        """Tells Istio at which address the server behind a Service listens, in an object of the Service's own name."""
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace}}
        spec = (self.api.get(service) or {})["spec"]
        ports = [{"number": port["port"], "name": port["name"], "protocol": "HTTP"} for port in spec["ports"]]
        self.api.create(istio.service_entry(namespace, name, address=spec["clusterIP"], ports=ports))


@contextmanager
def running(folder: Path, cluster: Callable[[Path], AbstractContextManager[Cluster]] = local) -> Iterator[ControlPlane]:
    """Starts everything in a folder that is empty or absent; stops everything at the end, also after an error.

    Raises:
        NoRoomError: where another control plane or program holds a port that cannot be chosen.
        BuildError: where a binary has not been built.
        ProcessError: where a part does not come up; the text has the last lines of its log.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if left := next(folder.iterdir(), None):
        raise FileExistsError(f"{folder} must be empty: a control plane begins with nothing, but it has {left.name}")
    (folder / "hosts").write_text("127.0.0.1 localhost\n")
    metrics = prometheus.create(folder)
    with claimed_network(), started(metrics.process), cluster(folder) as found, connected(found.kubeconfig) as api:
        api.install(building.definitions(building.ENVOY_GATEWAY))
        gateway = envoy_gateway.create(folder / "gateway", kubeconfig=found.kubeconfig)
        for manifest in gateway.objects():
            api.apply(manifest)
        with started(gateway.process):
            yield ControlPlane(folder, api, found, gateway, metrics)


@contextmanager
def with_istio(plane: ControlPlane, *, name: str = "istio", debounce: str = "100ms") -> Iterator[Istio]:
    """Runs istiod and its Envoy against a running control plane until the block ends.

    ``debounce`` is how long istiod waits for further changes before it pushes; 100 ms is its own choice. What they find
    in the API server stays there.

    Raises:
        BuildError: where istiod has not been built.
        ProcessError: where one of the two does not come up; the text has the last lines of its log.
    """
    plane.api.install(building.definitions(building.ISTIO))
    found = istio.create(plane.folder / name, kubeconfig=plane.kubeconfig, debounce=debounce)
    for manifest in found.objects():
        plane.api.apply(manifest)
    with started(found.istiod), started(found.envoy):
        yield found
