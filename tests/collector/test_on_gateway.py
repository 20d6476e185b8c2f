"""``mexp collector`` on the real control plane: a cluster it may only read, and the Envoy of the real gateway."""

import asyncio
import sys
import time
from collections import Counter
from contextlib import ExitStack
from itertools import count, islice

import pytest
import requests
from aiohttp import web

from collector.collecting import scraped
from control_plane.ports import free_port
from control_plane.process import Command, Process, answers, wait_until
from given.experiments import experiment_manifest, experiment_of, install_definition, route_manifest
from given.traffic import Traffic, once_served
from model_experiment.assignment import assign, modulus_for
from model_experiment.decision.counts import Family
from model_experiment.decision.route import Open
from model_experiment.metrics.families import COLLECTOR
from model_experiment.routing.own_http_route import policy_spec, render_spec
from model_experiment.routing.ownership import owned

USERS = [f"user-{number}" for number in range(600)]
EXPOSURES, REQUESTS, SLOW = (
    COLLECTOR.metrics[family] for family in (Family.EXPOSURES, Family.REQUESTS, Family.SLOW_RESPONSES)
)
SELF = "model_experiment_collector_{}_total"
UNATTRIBUTED, MISMATCHES = SELF.format("unattributed_entries"), SELF.format("assignment_mismatches")
READ_ONLY = [{"apiGroups": ["modelexperiment.io"], "resources": ["modelexperiments"], "verbs": ["list", "watch"]}]
RBAC = "rbac.authorization.k8s.io"


class Stage:
    """An experiment whose route stands open, as the controller would have made it."""

    def __init__(self, plane, namespace, address):
        self.plane, self.namespace, self.address = plane, namespace, address
        self.url = f"{plane.gateway}/{namespace}"

    def begin(self):
        """Creates the experiment, writes its assignment to the status, and opens its route."""
        experiment = experiment_of(self.plane.api.create(experiment_manifest(self.namespace)))
        assignment = assign(modulus=modulus_for(experiment.uid), champion="v7", challengers={"v8": 40})
        self.write_assignment(assignment)
        user_route = route_manifest(self.namespace, self.plane.gateway_ref, path=f"/{self.namespace}")
        spec = render_spec(experiment, user_route, user_route["spec"]["rules"][0], Open(assignment))
        for kind, group, made in (
            ("BackendTrafficPolicy", "gateway.envoyproxy.io/v1alpha1", policy_spec(experiment)),
            ("HTTPRoute", "gateway.networking.k8s.io/v1", spec),
        ):
            self.plane.api.create({"apiVersion": group, "kind": kind, "metadata": owned(experiment), "spec": made})
        return assignment

    def write_assignment(self, assignment):
        shares = [{"variant": share.variant, "weight": share.weight} for share in assignment.shares]
        status = {"unit": "User", "header": "x-user-id", "modulus": assignment.modulus, "shares": shares}
        path = f"/apis/modelexperiment.io/v1alpha1/namespaces/{self.namespace}/modelexperiments/ranker/status"
        body = {"status": {"assignment": status}}
        self.plane.api.call("PATCH", path, body, content="application/merge-patch+json")

    def scrape(self):
        return scraped(requests.get(f"http://{self.address}/metrics", timeout=5).text)

    def until(self, holds):
        until = time.monotonic() + 60
        while not holds(scrape := self.scrape()):
            assert time.monotonic() < until, scrape.by(REQUESTS, "variant")
            time.sleep(0.05)
        return scrape

    def until_split(self, assignment):
        """Sends new users until 20 at once are split as assigned; how many users met a variant.

        The gateway may see the route a moment before the policy that hashes, and Envoy then splits at random.
        """
        traffic, names = Traffic(self.url, []), (f"early-{number}" for number in count())
        until = time.monotonic() + 60
        while True:
            users = list(islice(names, 20))
            seen = asyncio.run(traffic.ask_each(users))
            if seen == {user: assignment.variant(user) for user in users}:
                return sum(status == 200 and variant != "" for _, _, status, variant in traffic.answers)
            assert time.monotonic() < until, seen
            time.sleep(0.05)


@pytest.fixture
def stage(control_plane, namespace, tmp_path):
    """A collector as a user who may list and watch experiments, and nothing else."""
    install_definition(control_plane)
    user = f"collector-of-{namespace}"
    subject = {"kind": "User", "name": user, "apiGroup": RBAC}
    role = {"kind": "ClusterRole", "name": user, "apiGroup": RBAC}
    metadata = {"name": user}
    kind = {"apiVersion": f"{RBAC}/v1", "metadata": metadata}
    grants = [
        {**kind, "kind": "ClusterRole", "rules": READ_ONLY},
        {**kind, "kind": "ClusterRoleBinding", "roleRef": role, "subjects": [subject]},
    ]
    address = f"127.0.0.1:{free_port()}"
    flags = {
        "als-address": control_plane.access_log,
        "http-address": address,
        "database": f"sqlite:///{tmp_path}/log.db",
        "kubeconfig": control_plane.user_kubeconfig(user),
    }
    mexp = [sys.executable, "-m", "model_experiment.cli.main", "collector"]
    command = Command(
        "collector",
        [*mexp, *(f"--{name}={value}" for name, value in flags.items())],
        tmp_path / "collector.log",
        ready=lambda: answers(f"http://{address}/readyz"),
    )
    with ExitStack() as stack:
        for grant in grants:
            control_plane.api.create(grant)
            stack.callback(control_plane.api.delete, grant)
        process = Process(command)
        process.start()
        stack.callback(process.stop)
        process.wait_ready()
        yield Stage(control_plane, namespace, address)
        assert "Traceback" not in command.log.read_text()


async def hang(_request):
    await asyncio.sleep(5)
    return web.Response()


def test_the_life_of_an_experiment_is_counted_from_its_assignment_to_its_deletion(
    stage, control_plane, namespace, model_server
):
    model_server("ranker-v7")
    challenger = model_server("ranker-v8")
    control_plane.api.create(route_manifest(namespace, control_plane.gateway_ref, path=f"/{namespace}"))
    once_served(stage.url)
    assert f"{namespace}/ranker" not in str(stage.scrape().samples)
    assignment = stage.begin()
    early = stage.until_split(assignment)
    before = stage.until(lambda scrape: min(scrape.total(EXPOSURES), scrape.total(REQUESTS)) >= early)

    traffic = Traffic(stage.url, USERS)
    for users in (USERS, USERS[:200], [""]):  # the last is nobody, who stays on the user's own route
        asyncio.run(traffic.ask_each(users))
    stage.until(lambda scrape: scrape.total(REQUESTS) >= before.total(REQUESTS) + 800)
    scrape = stage.until(lambda scrape: scrape.total(EXPOSURES) >= before.total(EXPOSURES) + 600)

    assert all(variant == assignment.variant(user) for _, user, _, variant in traffic.answers if user)
    met = Counter((assignment.variant(user), str(assignment.bucket(user))) for user in USERS)
    place = ("variant", "bucket")
    assert scrape.by(EXPOSURES, *place) == met + Counter(before.by(EXPOSURES, *place))
    assert scrape.by(UNATTRIBUTED, "reason") == before.by(UNATTRIBUTED, "reason")
    assert scrape.total(MISMATCHES) == before.total(MISMATCHES)

    quick = stage.scrape()
    challenger.answer = hang
    victim = next(user for user in USERS if assignment.variant(user) == "v8")
    with pytest.raises(requests.Timeout):
        requests.get(stage.url, headers={"x-user-id": victim, "x-variant": "v7"}, timeout=0.4)
    slow = stage.until(lambda scrape: scrape.total(SLOW, variant="v8") > quick.total(SLOW, variant="v8"))
    assert slow.total(SLOW, variant="v7") == quick.total(SLOW, variant="v7")
    assert slow.by(UNATTRIBUTED, "reason") == before.by(UNATTRIBUTED, "reason")

    told = [{"experiment": f"{namespace}/ranker", "user": user, "name": "purchase"} for user in (victim, "stranger")]
    answer = requests.post(f"http://{stage.address}/v1/outcomes", json=told, timeout=5)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 2, "attributed": 1, "waiting": 1})
    assert stage.scrape().by(COLLECTOR.metrics[Family.OUTCOMES], "variant") == {("v8",): 1}

    control_plane.api.delete(experiment_manifest(namespace))
    stage.until(lambda scrape: not scrape.total(REQUESTS, experiment=f"{namespace}/ranker"))
    assert f"{namespace}/ranker" not in str(stage.scrape().samples)
    assert requests.post(f"http://{stage.address}/v1/outcomes", json=told, timeout=5).status_code == 404


def test_a_new_experiment_is_known_after_an_outage_of_the_api_server(stage, control_plane, namespace):
    """The watch breaks while the API server is away; what is counted stays, and what comes later is counted too."""
    _, api_server, *_ = control_plane.cluster.processes
    stage.plane.api.create(experiment_manifest(namespace))
    stage.write_assignment(assign(modulus=100_003, champion="v7", challengers={"v8": 40}))
    stage.until(lambda scrape: f"{namespace}/ranker" in str(scrape.samples))

    api_server.stop()
    broken = stage.until(lambda scrape: scrape.total(SELF.format("catalogue_breaks")) >= 2)
    assert f"{namespace}/ranker" in str(broken.samples)
    api_server.start()
    api_server.wait_ready()

    control_plane.api.delete(experiment_manifest(namespace))
    stage.until(lambda scrape: f"{namespace}/ranker" not in str(scrape.samples))
    control_plane.check()

    route = control_plane.api.create(route_manifest(namespace, control_plane.gateway_ref, path=f"/{namespace}"))
    seen = "the gateway watches again, which other tests need"  # after an outage it may wait for 30 s
    wait_until(lambda: "status" in control_plane.api.get(route), seen, timeout_seconds=90)
