"""The chart meets a real API server: its objects are accepted, and its rules are enough and not more than that.

Nobody runs pods here. The service accounts are played by users of the same name, so the chart's own bindings speak.
"""

import json
import sys
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from urllib.request import urlopen

import pytest

import chart
from control_plane.api import ApiError, connected
from control_plane.ports import free_port
from control_plane.process import Command, Process, answers, started, wait_until

RELEASE = "mexp"  # short: a certificate's name ends at 64 characters
EXPERIMENTS = "modelexperiments.modelexperiment.io"
CREATED_ELSEWHERE = ("CustomResourceDefinition",)  # the control plane has it already


def manifests_of(values, namespace):
    return [
        manifest
        for manifest in chart.rendered_chart(values, namespace=namespace)
        if manifest["kind"] not in CREATED_ELSEWHERE
    ]


@pytest.fixture
def installed(control_plane, namespace):
    """Installs the chart into the test's namespace and takes away what belongs to no namespace afterwards."""
    applied = []

    def install(**values):
        least = {
            "prometheus": {"url": control_plane.prometheus_url},
            "fullnameOverride": RELEASE,
            "comparator": {"enabled": True, "routesFrom": ["shop"]},
        }
        manifests = manifests_of({**least, **values}, namespace)
        for manifest in manifests:
            applied.append(manifest)
            control_plane.api.apply(manifest)
        return manifests

    yield install
    for manifest in applied:
        if manifest["kind"].startswith("ClusterRole"):
            control_plane.api.delete(manifest)


def kubeconfig_of(control_plane, namespace, component):
    account = f"system:serviceaccount:{namespace}:{RELEASE}-{component}"
    return control_plane.user_kubeconfig(account, groups=("system:serviceaccounts",))


@contextmanager
def asking_as(control_plane, namespace, component):
    """A function (verb, resource, namespace) that the API server answers for a service account."""
    with connected(kubeconfig_of(control_plane, namespace, component)) as api:
        may = partial(is_allowed, api, namespace=namespace)
        wait_until(partial(may, "list", EXPERIMENTS), "the new rules are in force")
        yield may


def is_allowed(api, verb, resource, *, namespace):
    name, _, group = resource.partition(".")
    plural, _, subresource = name.partition("/")
    attributes = {"namespace": namespace, "verb": verb, "group": group, "resource": plural, "subresource": subresource}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "metadata": {},
        "spec": {"resourceAttributes": attributes},
    }
    return api.create(review)["status"]["allowed"]


def test_every_object_is_accepted(control_plane, installed):
    for manifest in installed(controller={"podAnnotations": {"a": "b"}}):
        assert control_plane.api.get(manifest) is not None


def test_pods_are_admitted_where_only_restricted_ones_are(control_plane, namespace, installed):
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    metadata = {"name": namespace, "labels": labels}
    control_plane.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    workloads = [entry for entry in installed() if entry["kind"] in ("Deployment", "StatefulSet")]
    for workload in workloads:
        pod = pod_of(workload, namespace)
        control_plane.api.create(pod)
        pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
        with pytest.raises(ApiError, match="violates PodSecurity"):
            control_plane.api.create({**pod, "metadata": {**pod["metadata"], "name": "escalating"}})


def pod_of(workload, namespace):
    """The pod that a workload's controller would make."""
    template = deepcopy(workload["spec"]["template"])
    for claim in workload["spec"].get("volumeClaimTemplates", []):
        volume = {"name": claim["metadata"]["name"], "persistentVolumeClaim": {"claimName": "claim"}}
        template["spec"]["volumes"].append(volume)
    metadata = {**template["metadata"], "name": workload["metadata"]["name"], "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


CONTROLLER_MAY = [
    ("get list watch patch", EXPERIMENTS),
    ("patch", "modelexperiments/status.modelexperiment.io"),
    ("get list watch create patch delete", "httproutes.gateway.networking.k8s.io"),
    ("get list watch create patch delete", "backendtrafficpolicies.gateway.envoyproxy.io"),
    ("get list watch create patch delete", "securitypolicies.gateway.envoyproxy.io"),
    ("get list watch create patch delete", "envoyextensionpolicies.gateway.envoyproxy.io"),
    ("get list watch", "backendtlspolicies.gateway.networking.k8s.io"),
    ("get list watch", "inferenceservices.serving.kserve.io"),
    ("get create patch", "configmaps"),
    ("create", "events"),
]
CONTROLLER_MAY_NOT = [
    ("create update delete deletecollection", EXPERIMENTS),
    ("update", "modelexperiments/status.modelexperiment.io"),
    ("update deletecollection", "httproutes.gateway.networking.k8s.io"),
    ("patch", "httproutes/status.gateway.networking.k8s.io"),
    ("get list watch", "gateways.gateway.networking.k8s.io"),
    ("update deletecollection", "securitypolicies.gateway.envoyproxy.io"),
    ("create patch delete", "backendtlspolicies.gateway.networking.k8s.io"),
    ("create patch update delete", "inferenceservices.serving.kserve.io"),
    ("get patch", "envoyproxies.gateway.envoyproxy.io"),
    ("list watch update delete", "configmaps"),
    ("get list patch", "events"),
    ("get list watch create", "secrets"),
    ("get list watch create", "pods"),
    ("create", "pods/exec"),
    ("get create", "services"),
    ("get patch", "deployments.apps"),
    ("get create bind escalate", "clusterroles.rbac.authorization.k8s.io"),
    ("create", "serviceaccounts/token"),
    ("impersonate", "users"),
]
COLLECTOR_MAY = [("get list watch", EXPERIMENTS)]
COLLECTOR_MAY_NOT = [
    ("create patch update delete", EXPERIMENTS),
    ("patch", "modelexperiments/status.modelexperiment.io"),
    ("get list", "httproutes.gateway.networking.k8s.io"),
    ("get list watch", "secrets"),
    ("get list", "configmaps"),
    ("get list", "pods"),
    ("create", "events"),
]


TABLES = {
    "controller": (CONTROLLER_MAY, CONTROLLER_MAY_NOT),
    "collector": (COLLECTOR_MAY, COLLECTOR_MAY_NOT),
    "comparator": (COLLECTOR_MAY, COLLECTOR_MAY_NOT),
}


@pytest.mark.parametrize("component", TABLES)
@pytest.mark.parametrize("scope", ["cluster", "namespace"])
def test_each_service_may_do_what_it_needs_and_nothing_else(control_plane, namespace, installed, scope, component):
    installed(watchNamespace=namespace if scope == "namespace" else "")
    allowed, refused = (set(each_verb(table)) for table in TABLES[component])
    with asking_as(control_plane, namespace, component) as may:
        found = {(verb, resource) for verb, resource in allowed | refused if may(verb, resource)}
        elsewhere = {(verb, resource) for verb, resource in allowed if may(verb, resource, namespace="default")}
    assert found == allowed
    assert elsewhere == (allowed if scope == "cluster" else set())


def each_verb(table):
    return ((verb, resource) for verbs, resource in table for verb in verbs.split())


def test_only_the_controller_sees_definitions_and_it_may_not_change_them(control_plane, namespace, installed):
    installed(watchNamespace=namespace)
    definitions = "customresourcedefinitions.apiextensions.k8s.io"
    with asking_as(control_plane, namespace, "controller") as may:
        found = [may(verb, definitions, namespace="") for verb in ("list", "patch", "delete")]
    assert found == [True, False, False]
    with asking_as(control_plane, namespace, "collector") as may:
        assert may("list", definitions, namespace="") is False


@pytest.mark.parametrize("scope", ["cluster", "namespace"])
def test_all_processes_live_on_these_permissions_alone(control_plane, namespace, installed, tmp_path, scope):
    control_plane.install(chart.CHART.parents[1] / "crds")
    installed(watchNamespace=namespace if scope == "namespace" else "")
    where = [f"--namespace={namespace}"] if scope == "namespace" else []
    addresses = {component: f"127.0.0.1:{free_port()}" for component in TABLES}
    flags = {
        "controller": [
            f"--prometheus-url={control_plane.prometheus_url}",
            f"--health-address={addresses['controller']}",
        ],
        "collector": [
            "--als-address=127.0.0.1:0",
            f"--http-address={addresses['collector']}",
            f"--database=sqlite:///{tmp_path / 'log.db'}",
        ],
        "comparator": [
            "--mirror-address=127.0.0.1:0",
            f"--http-address={addresses['comparator']}",
            f"--database=sqlite:///{tmp_path / 'evidence.db'}",
        ],
    }
    processes = [
        process_of(
            component,
            [*flags[component], *where, f"--kubeconfig={kubeconfig_of(control_plane, namespace, component)}"],
            address=addresses[component],
            folder=tmp_path,
        )
        for component in addresses
    ]
    with started(*processes):
        for process in processes:
            process.wait_ready()
        with urlopen(f"http://{addresses['controller']}/metrics") as answer:
            assert b"model_experiment_ticks_total" in answer.read()
        for process in processes:
            process.check()
    assert refused_calls(control_plane, namespace) == []


def process_of(component, flags, *, address, folder):
    command = [sys.executable, "-m", "model_experiment.cli.main", component, *flags]
    ready = f"http://{address}/readyz"
    return Process(Command(component, command, folder / f"{component}.log", ready=lambda: answers(ready)))


def refused_calls(control_plane, namespace):
    """What the API server's audit log says was forbidden to the release's accounts."""
    lines = control_plane.cluster.audit_log.read_text().splitlines() if control_plane.cluster.audit_log else []
    entries = (json.loads(line) for line in lines if f"system:serviceaccount:{namespace}:" in line)
    # a 403 alone may also mean that something cannot be made in a namespace that is being deleted
    decision = "authorization.k8s.io/decision"
    return [entry["requestURI"] for entry in entries if entry.get("annotations", {}).get(decision) == "forbid"]
