"""The whole control plane: real requests through the real gateway, real scrapes, real permissions."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from aiohttp import web

from control_plane.api import ApiError, connected
from control_plane.isolation import NoRoomError
from control_plane.plane import ControlPlane, running
from control_plane.process import wait_until
from given.experiments import route_manifest

DEV = Path(__file__).parents[2] / "dev"


def _ask(plane: ControlPlane, namespace):
    return requests.get(f"{plane.gateway}/{namespace}", headers={"x-user-id": "ada"}, timeout=5)


@pytest.fixture
def served(control_plane, namespace, model_server):
    """A model server that answers through the gateway."""
    server = model_server("ranker-v7")
    control_plane.api.create(route_manifest(namespace, control_plane.gateway_ref, path=f"/{namespace}"))
    wait_until(lambda: _ask(control_plane, namespace).ok, "the route is served")
    return server


def test_a_request_through_the_gateway_reaches_the_model_server_of_a_route(control_plane, namespace, served):
    assert _ask(control_plane, namespace).json() == {"model": "ranker-v7", "path": f"/{namespace}"}
    assert served.requests[-1]["x-user-id"] == "ada"


@pytest.mark.usefixtures("served")
def test_envoy_writes_each_request_to_its_access_log(control_plane, namespace):
    log, route = control_plane.folder / "gateway" / "access.jsonl", f"httproute/{namespace}/ranker/rule/0/match"

    def entries():
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        return [line for line in lines if (line["route"] or "").startswith(route) and line["code"] == 200]

    wait_until(entries, "the log has an entry for the route")
    assert entries()[0] | {"time": "", "route": "", "milliseconds": 0} == {
        "time": "",
        "route": "",
        "cluster": f"httproute/{namespace}/ranker/rule/0",
        "user": "ada",
        "variant": None,
        "code": 200,
        "details": "via_upstream",
        "flags": "-",
        "milliseconds": 0,
    }


@pytest.mark.usefixtures("served")
def test_a_collector_that_listens_hears_of_each_request(control_plane, namespace, listen):
    heard, route = listen(control_plane.access_log), f"httproute/{namespace}/"
    wait_until(lambda: _ask(control_plane, namespace).ok and _of(route, heard), "an entry has arrived")
    assert _of(route, heard)[-1].request.request_headers["x-user-id"] == "ada"


def _of(route, entries):
    """The entries of one route: Envoy's workers also send what they have kept of other requests."""
    return [entry for entry in entries if entry.common_properties.route_name.startswith(route)]


@pytest.mark.usefixtures("served")
def test_a_policy_protects_a_route(control_plane, namespace):
    target = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "ranker"}
    spec = {"targetRefs": [target], "authorization": {"defaultAction": "Deny"}}
    metadata = {"name": "nobody", "namespace": namespace}
    kind = {"apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "SecurityPolicy"}
    control_plane.api.create(kind | {"metadata": metadata, "spec": spec})
    wait_until(lambda: _ask(control_plane, namespace).status_code == 403, "everybody is refused")


def test_prometheus_scrapes_a_target_that_is_added_later(control_plane, model_server):
    server = model_server("exporter", _metrics)
    control_plane.add_scrape_target("model", f"{server.host}:{server.port}")
    wait_until(lambda: _values(control_plane, 'answers_total{job="model"}') == ["42"], "the number is known")
    control_plane.prometheus.remove_target("model", f"{server.host}:{server.port}")


async def _metrics(_):
    return web.Response(text="answers_total 42\n")


def _values(plane, query):
    answer = requests.get(f"{plane.prometheus_url}/api/v1/query", params={"query": query}, timeout=5).json()
    return [result["value"][1] for result in answer["data"]["result"]]


def test_prometheus_keeps_its_address_and_data_over_an_outage(control_plane):
    wait_until(lambda: _values(control_plane, "vector(1)") == ["1"], "Prometheus answers")
    control_plane.prometheus.process.stop()
    with pytest.raises(requests.ConnectionError):
        _values(control_plane, "vector(1)")
    control_plane.prometheus.process.start()
    control_plane.prometheus.process.wait_ready()
    assert _values(control_plane, "vector(1)") == ["1"]


def test_a_user_may_do_what_rbac_grants_and_nothing_else(control_plane, namespace):
    question = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "note", "namespace": namespace}}
    kubeconfig = control_plane.user_kubeconfig(f"reader:{namespace}", groups=["shop"])
    with connected(kubeconfig) as user:
        with pytest.raises(ApiError, match=f'User "reader:{namespace}" cannot get resource "configmaps"'):
            user.get(question)
        control_plane.api.create(_binding(namespace))
        wait_until(lambda: _may(user, question), "the group may read")
        with pytest.raises(ApiError, match='cannot create resource "configmaps"'):
            user.create(question)


def _binding(namespace):
    group = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "shop"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    kind = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding"}
    return kind | {"metadata": {"name": "view", "namespace": namespace}, "subjects": [group], "roleRef": role}


def _may(user, question):
    try:
        user.get(question)
    except ApiError:
        return False
    return True


def test_what_an_object_owns_is_deleted_with_it(control_plane, namespace):
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    owner = control_plane.api.create(kind | {"metadata": {"name": "owner", "namespace": namespace}})
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    owned = kind | {"metadata": {"name": "owned", "namespace": namespace, "ownerReferences": [reference]}}
    control_plane.api.create(owned)
    control_plane.api.delete(owner)
    wait_until(lambda: control_plane.api.get(owned) is None, "the owned object is gone")


@pytest.mark.usefixtures("served")
def test_the_audit_log_tells_who_wrote_what_to_a_route(control_plane, namespace):
    if control_plane.cluster.audit_log is None:
        pytest.skip("this API server keeps its audit log elsewhere")
    entries = [json.loads(line) for line in control_plane.cluster.audit_log.read_text().splitlines()]
    writes = [
        (
            entry["verb"],
            entry["user"]["username"],
            entry["requestObject"]["spec"]["rules"][0]["matches"][0]["path"]["value"],
        )
        for entry in entries
        if entry.get("objectRef", {}).get("resource") == "httproutes"
        and entry["objectRef"].get("namespace") == namespace
        and entry["verb"] == "create"
    ]
    assert writes == [("create", "admin", f"/{namespace}")]


@pytest.mark.usefixtures("control_plane")
def test_a_second_control_plane_on_the_same_network_says_who_is_there(tmp_path):
    sentence = f"must be free of other control planes, but process {os.getpid()} runs one"
    with pytest.raises(NoRoomError, match=sentence), running(tmp_path):
        pass


@pytest.mark.usefixtures("control_plane")
def test_a_second_control_plane_runs_beside_the_first_and_dies_with_its_owner(tmp_path):
    folder, output = tmp_path / "second", tmp_path / "output"
    with output.open("wb") as stdout:
        owner = subprocess.Popen(
            [sys.executable, "-m", "control_plane", "up", "--folder", str(folder)], cwd=DEV, stdout=stdout
        )
    try:
        wait_until(lambda: owner.poll() is not None or "Ctrl-C" in output.read_text(), "it is up", timeout_seconds=180)
        assert "NOT FOR PRODUCTION" in output.read_text()
        assert len(_processes_with(str(folder))) >= 7, "the owner, the five parts and Envoy"
    finally:
        owner.kill()
        owner.wait()
    wait_until(lambda: not _processes_with(str(folder)), "nothing is left")


def _processes_with(text):
    """The command lines that name something and still run."""
    lines = [_command_line(process) for process in Path("/proc").glob("[0-9]*")]
    return [line for line in lines if text in line]


def _command_line(process):
    try:
        return (process / "cmdline").read_text()
    except OSError:  # it has ended meanwhile
        return ""
