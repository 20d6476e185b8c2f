"""A shared route under the real router and the real decision; only the API server and the gateway are played."""

from copy import deepcopy
from dataclasses import replace

import jsonpatch

from given.counting import counts_of
from given.deciding import START, experiment, plan_of
from given.experiments import experiment_manifest, hashing_policy, shared_route_manifest
from model_experiment.api.status import ModelExperimentStatus, parse_status
from model_experiment.controller.cache import Cache
from model_experiment.decision.account import state_of, status_of
from model_experiment.decision.machine import decide
from model_experiment.decision.observation import Observation
from model_experiment.decision.route import Absent
from model_experiment.decision.state import State, latch
from model_experiment.errors import ConflictError
from model_experiment.objects import (
    BACKEND_TRAFFIC_POLICY,
    ENVOY_FILTER,
    HTTP_ROUTE,
    ISTIO_GATEWAY,
    MODEL_EXPERIMENT,
    VIRTUAL_SERVICE,
)
from model_experiment.routing.shared import SharedRouter
from model_experiment.routing.shared_http_route import SharedHTTPRoute
from model_experiment.routing.shared_virtual_service import SharedVirtualService
from routing.manifests import condition, parent
from routing.virtual_services import gateway, hashing_filter, shared_virtual_service

SUBJECTS = {
    kind: replace(experiment(routing={field: {"name": "ranker"}, "ownership": "Shared"}), uid="5f0c7ba2-uid")
    for kind, field in ((HTTP_ROUTE, "httpRoute"), (VIRTUAL_SERVICE, "virtualService"))
}


class OneObject:
    """An API server that holds one object and understands a JSON Patch; everything settles at once."""

    def __init__(self, manifest):
        self.manifest = manifest

    async def patch(self, _kind, _namespace, _name, *, operations):
        try:
            changed = jsonpatch.apply_patch(self.manifest, operations)
        except jsonpatch.JsonPatchException as failed:
            raise ConflictError(str(failed)) from failed
        metadata = changed["metadata"]
        metadata["resourceVersion"] = str(int(metadata["resourceVersion"]) + 1)
        metadata["generation"] += changed["spec"] != self.manifest["spec"]
        if not metadata.get("annotations", True):
            del metadata["annotations"]  # as the API server does
        for each in changed.get("status", {}).get("parents", []):
            each["conditions"][0]["observedGeneration"] = metadata["generation"]
        self.manifest = changed
        return deepcopy(changed)

    async def get(self, _kind, _namespace, _name):
        return deepcopy(self.manifest)


def router_of(kind, objects, cache, *, clock=float):
    if kind == HTTP_ROUTE:
        cache.prime(
            BACKEND_TRAFFIC_POLICY, [stored({**hashing_policy("shop"), "status": {"ancestors": [parent(condition())]}})]
        )
        dialect = SharedHTTPRoute(cache, clock=float, settle_seconds=0, warm_seconds=0)
    else:
        cache.prime(ISTIO_GATEWAY, [stored(gateway())])
        cache.prime(ENVOY_FILTER, [stored(hashing_filter("shop"))])
        dialect = SharedVirtualService(cache, clock=float, settle_seconds=0)
    return SharedRouter(dialect, objects, cache, urgent=objects, clock=clock)


def stored(manifest):
    uid = manifest["metadata"]["name"]
    metadata = {**manifest["metadata"], "uid": uid, "resourceVersion": "1", "generation": 1}
    return {**manifest, "metadata": metadata}


class SharedLife:
    """One experiment on a shared route, tick by tick, as ``controller.tick`` orders its writes.

    ``edit`` is what somebody else does to the route; ``holds`` says whether the experiment carries its finalizer.
    """

    def __init__(self, kind):
        self.kind, self.subject, self.now = kind, SUBJECTS[kind], START
        self.objects, self.cache = OneObject(user_route(kind)), Cache(())
        self.cache.prime(kind, [deepcopy(self.objects.manifest)])
        self.state, self.status, self.holds = State(), ModelExperimentStatus(), False
        self.version = 0
        self.restart()

    def restart(self):
        """A new process: it knows the status and the route, and the evidence of a checkpoint."""
        self.state = replace(state_of(parse_status(self.status.to_json())), evidence=self.state.evidence)
        self.router = router_of(self.kind, self.objects, self.cache, clock=lambda: self.now)
        self._show_status()

    async def tick(self, *counts, crash=False):
        """One second later; a ``crash`` comes between the route and the status."""
        self.now += 1
        plan = plan_of(self.subject)
        observation = Observation(self.now, self.router.read(self.subject), self.status.phase, counts)
        decision = decide(self.subject, self.state, observation, plan)
        ending = isinstance(decision.goal, Absent) and decision.state.judgement is not None
        self.holds |= not self.subject.deleting and not isinstance(decision.step, Absent)
        try:
            reason = latch(decision.state.judgement) if ending else ""
            await self.router.apply(self.subject, decision.step, taken_back=reason)
        except ConflictError:
            return  # read and planned again
        if crash:
            self.restart()
            return
        self.state = decision.state
        self.status = status_of(self.subject, plan, decision, previous=self.status, now=self.now)
        self._show_status()
        self.holds &= decision.stands or not isinstance(decision.goal, Absent)

    async def until_running(self):
        """Through the first phases, with nothing in the way."""
        for _ in range(8):
            await self.tick()
        assert self.status.phase == "Running"

    async def until_promoted(self):
        """The challenger wins, and serves everybody."""
        await self.until_running()
        for poll in range(1, 40):
            users = 200 * poll
            await self.tick(counts_of(self.now + 1, users=(users, users), purchases=(users // 5, users // 2)))
        assert self.status.phase == "Promoted"

    async def until_over(self, *, seconds=60):
        """Until the experiment lets go of its route."""
        for _ in range(seconds):
            if not self.holds:
                return
            await self.tick()
        raise AssertionError(f"still {self.status.phase}: {self.weights()}, {self.status.conditions}")

    async def harm(self, *, polls=12):
        """80 % of the challenger's answers are errors, as long as somebody looks."""
        for poll in range(1, polls + 1):
            await self.tick(counts_of(self.now + 1, users=(500 * poll, 500 * poll), errors=(1, 2000 * poll)))

    def delete(self):
        """``kubectl delete``."""
        self.subject = replace(self.subject, deleting=True)

    def edit(self, change):
        """Somebody else writes the route."""
        manifest = deepcopy(self.objects.manifest)
        change(manifest)
        metadata = manifest["metadata"]
        metadata["resourceVersion"] = str(int(metadata["resourceVersion"]) + 1)
        metadata["generation"] += manifest["spec"] != self.objects.manifest["spec"]
        for each in manifest.get("status", {}).get("parents", []):
            each["conditions"][0]["observedGeneration"] = metadata["generation"]
        self.objects.manifest = manifest
        self.cache.remember(self.kind, deepcopy(manifest))

    def weights(self):
        """Who gets what, rule by rule."""
        return [
            [(host_of(entry), entry.get("weight", 1)) for entry in entries_of(rule)]
            for rule in rules_of(self.objects.manifest)
        ]

    def _show_status(self):
        """The experiment with its status, as a watch shows it."""
        self.version += 1
        manifest = experiment_manifest("shop")
        metadata = {"uid": self.subject.uid, "creationTimestamp": "", "resourceVersion": str(self.version)}
        manifest["metadata"] |= metadata
        self.cache.remember(MODEL_EXPERIMENT, {**manifest, "status": self.status.to_json()})


def user_route(kind):
    """A user's route as the API server holds it."""
    if kind == HTTP_ROUTE:
        route = {**shared_route_manifest("shop", {"name": "edge"}), "status": {"parents": [parent(condition())]}}
    else:
        route = shared_virtual_service("shop")
    route["metadata"] |= {"uid": "route", "resourceVersion": "1", "generation": 1}
    return route


def rules_of(route):
    """The rules of a route of either kind."""
    return route["spec"]["rules" if route["kind"] == HTTP_ROUTE.name else "http"]


def entries_of(rule):
    """The backends of a rule of either kind."""
    return rule.get("backendRefs") or rule.get("route", [])


def host_of(entry):
    """The Service that a backend of either kind is."""
    return entry.get("name") or entry["destination"]["host"]


def rule_for(kind, *backends, **match):
    """Another rule of the user's, to backends with their weights."""
    if kind == HTTP_ROUTE:
        references = [{"name": name, "port": 8000, "weight": weight} for name, weight in backends]
        return {"matches": [{"path": {"type": "Exact", "value": "/other"}, **match}], "backendRefs": references}
    entries = [{"destination": {"host": name, "port": {"number": 8000}}, "weight": weight} for name, weight in backends]
    return {"match": [{"uri": {"exact": "/other"}, **match}], "route": entries}
