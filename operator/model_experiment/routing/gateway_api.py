"""Gateway API on Envoy Gateway: the experiment's own HTTPRoute beside the user's, more specific by one header.

The own route repeats the user's rule (parents, hostnames, matches, filters, timeouts, retries), demands the assignment
header in addition, and splits by weights whose sum is the experiment's modulus. A BackendTrafficPolicy of its own makes
Envoy hash that header.

The trap: a take-back must depend on nothing else. A route that stands open is parked as it stands, before and without
any other write, whatever has become of the user's route or of the policy.
"""

from collections.abc import Mapping

from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Absent, Open, Parked, Route, RouteReading
from model_experiment.errors import ClusterError, ConflictError
from model_experiment.objects import BACKEND_TRAFFIC_POLICY, HTTP_ROUTE, MODEL_EXPERIMENT, Kind, Manifest, Objects
from model_experiment.routing.obstacles import adopted, find_obstacle, find_rule
from model_experiment.routing.own_route import parked_as_it_stands, policy_spec, render_spec
from model_experiment.routing.ownership import is_ours, name_taken, owned
from model_experiment.routing.port import View
from model_experiment.routing.reading import (
    TAKEN_BACK,
    WRITTEN,
    contains,
    digest,
    is_open,
    seen,
    stands,
    written_reason,
)


class GatewayApiRouter:
    """Routes of Envoy Gateway, read from a view and written with guards; ``urgent`` are connections for take-backs."""

    def __init__(self, objects: Objects, view: View, *, urgent: Objects) -> None:
        self._objects = objects
        self._urgent = urgent
        self._view = view
        self._generations: dict[str, int] = {}  # by UID: what our own last write of an object made

    def read(self, experiment: Experiment) -> RouteReading:
        """What stands now and what is in the way."""
        user_route = self._user_route(experiment)
        own, policy = self._own(HTTP_ROUTE, experiment), self._own(BACKEND_TRAFFIC_POLICY, experiment)
        policies = [policy for kind in self._view.policy_kinds() for policy in self._view.all(kind)]
        return RouteReading(
            own=seen(own, policy, experiment) if own else None,
            obstacle=name_taken(experiment, self._named(HTTP_ROUTE, experiment))
            or name_taken(experiment, self._named(BACKEND_TRAFFIC_POLICY, experiment))
            or find_obstacle(experiment, user_route, policies=policies, others=self._view.all(MODEL_EXPERIMENT)),
            adopted=adopted(experiment, user_route),
        )

    async def apply(self, experiment: Experiment, step: Route, *, taken_back: str = "") -> bool:
        """Makes one step true; see the port."""
        try:
            match step:
                case Absent():
                    return await self._release(experiment)
                case Parked() | Open():
                    return await self._stand(experiment, step, taken_back=taken_back)
        except ConflictError:
            await self._read_again(experiment)
            raise

    async def _release(self, experiment: Experiment) -> bool:
        released = False
        for kind in (HTTP_ROUTE, BACKEND_TRAFFIC_POLICY):
            if (own := self._own(kind, experiment)) is not None:
                uid = own["metadata"]["uid"]
                await self._objects.delete(kind, experiment.namespace, experiment.route_name, uid=uid)
                self._generations.pop(uid, None)
                self._view.forget(kind, own)
                released = True
        return released

    async def _stand(self, experiment: Experiment, step: Parked | Open, *, taken_back: str) -> bool:
        own = self._own(HTTP_ROUTE, experiment)
        if own is not None and isinstance(step, Parked) and (taken_back or is_open(own, experiment)):
            spec = parked_as_it_stands(own["spec"], experiment.spec.assignment.header)
            return await self._patch_route(experiment, own, spec, taken_back=taken_back, objects=self._urgent)
        await self._stand_policy(experiment)
        if own is not None and self.read(experiment).obstacle:
            return False  # parked, and nothing can be repeated now
        spec = self._rendered(experiment, step)
        if own is None:
            await self._create(HTTP_ROUTE, experiment, spec)
            return True
        return await self._patch_route(experiment, own, spec, taken_back=taken_back, objects=self._objects)

    def _rendered(self, experiment: Experiment, step: Parked | Open) -> Manifest:
        user_route = self._user_route(experiment)
        rule = find_rule(experiment, user_route) if user_route else None
        if user_route is None or rule is None:
            raise ClusterError(f"HTTPRoute {experiment.spec.routing.http_route.name} must have its rule, found none")
        return render_spec(experiment, user_route, rule, step)

    async def _patch_route(
        self, experiment: Experiment, own: Manifest, spec: Manifest, *, taken_back: str, objects: Objects
    ) -> bool:
        """Writes where something differs; what the API server answers is the route as it stands now."""
        generation = self._generations.get(own["metadata"]["uid"])
        owners = own["metadata"].get("ownerReferences")
        if stands(own, spec, generation=generation) and taken_back == written_reason(own) and owners:
            return False
        found = await self._patch(objects, HTTP_ROUTE, experiment, own, spec, marks={TAKEN_BACK: taken_back})
        if found is not None and not contains(found["spec"], spec):
            raise ClusterError(
                f"HTTPRoute {experiment.route_name} must stand as it was written,"
                " found another one in the answer of the API server"
            )
        return True

    async def _stand_policy(self, experiment: Experiment) -> None:
        spec, found = policy_spec(experiment), self._own(BACKEND_TRAFFIC_POLICY, experiment)
        if found is None:
            await self._create(BACKEND_TRAFFIC_POLICY, experiment, spec)
        elif not stands(found, spec, generation=self._generations.get(found["metadata"]["uid"])):
            await self._patch(self._objects, BACKEND_TRAFFIC_POLICY, experiment, found, spec, marks={})

    async def _patch(
        self,
        objects: Objects,
        kind: Kind,
        experiment: Experiment,
        own: Manifest,
        spec: Manifest,
        *,
        marks: Mapping[str, str],
    ) -> Manifest | None:
        """One guarded write of the whole spec.

        The guard is the generation, not the resourceVersion: the gateway's status writes must not starve a take-back.
        """
        annotations = {**own["metadata"].get("annotations", {}), **marks, WRITTEN: digest(spec)}
        operations = [
            {"op": "test", "path": "/metadata/uid", "value": own["metadata"]["uid"]},
            {"op": "test", "path": "/metadata/generation", "value": own["metadata"]["generation"]},
            {"op": "add", "path": "/metadata/annotations", "value": annotations},
            {"op": "add", "path": "/metadata/ownerReferences", "value": owned(experiment)["ownerReferences"]},
            {"op": "replace", "path": "/spec", "value": spec},
        ]
        namespace, name = experiment.namespace, experiment.route_name
        changed = await objects.patch(kind, namespace, name, operations=operations)
        if changed is None:
            self._view.forget(kind, own)
        else:
            self._know(kind, changed)
        return changed

    def _know(self, kind: Kind, manifest: Manifest) -> None:
        self._generations[manifest["metadata"]["uid"]] = manifest["metadata"]["generation"]
        self._view.remember(kind, manifest)

    async def _create(self, kind: Kind, experiment: Experiment, spec: Manifest) -> None:
        metadata = owned(experiment) | {"annotations": {WRITTEN: digest(spec)}}
        manifest = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": spec}
        self._know(kind, await self._objects.create(kind, manifest))

    async def _read_again(self, experiment: Experiment) -> None:
        """What the API server has now: a watch may be late, or dead."""
        for kind in (HTTP_ROUTE, BACKEND_TRAFFIC_POLICY):
            known = self._named(kind, experiment)
            found = await self._objects.get(kind, experiment.namespace, experiment.route_name)
            if found is not None:
                self._view.remember(kind, found)
            elif known is not None:
                self._view.forget(kind, known)

    def _user_route(self, experiment: Experiment) -> Manifest | None:
        return self._view.get(HTTP_ROUTE, experiment.namespace, experiment.spec.routing.http_route.name)

    def _named(self, kind: Kind, experiment: Experiment) -> Manifest | None:
        return self._view.get(kind, experiment.namespace, experiment.route_name)

    def _own(self, kind: Kind, experiment: Experiment) -> Manifest | None:
        found = self._named(kind, experiment)
        return found if found is not None and is_ours(found, experiment) else None
