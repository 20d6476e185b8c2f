"""Istio: the experiment's own delegate VirtualService below a rule of the user's, and an EnvoyFilter that hashes.

The user's VirtualService delegates to ours and has a plain champion rule right after it. Ours asks for the assignment
header in addition; whoever does not carry it, and everybody while ours is parked, falls through to the champion.

The traps: a take-back must depend on nothing else, so it writes a delegate that needs nothing of the user's. And the
EnvoyFilter must be there before the delegate splits and go after it: without it Istio splits at random, silently. It
stands in the gateway's namespace, where no owner reference can reach; a release removes it by its labels.
"""

from collections.abc import Callable, Sequence

from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Absent, Obstacle, Open, Parked, Route, RouteReading, Seen
from model_experiment.errors import ClusterError, ConflictError
from model_experiment.objects import ENVOY_FILTER, ISTIO_GATEWAY, MODEL_EXPERIMENT, VIRTUAL_SERVICE, Manifest, Objects
from model_experiment.routing.ages import Ages
from model_experiment.routing.backends import find_unserved, served
from model_experiment.routing.mesh_state import MeshState, mesh_says, selected
from model_experiment.routing.mirroring import Comparator, find_missing, is_hashed, mirror_of
from model_experiment.routing.own_objects import OwnObjects, written_reason
from model_experiment.routing.own_virtual_service import filter_spec, is_open, parked_alone, render_delegate
from model_experiment.routing.ownership import (
    is_ours,
    is_ours_elsewhere,
    name_taken,
    owned,
    owned_elsewhere,
)
from model_experiment.routing.port import View
from model_experiment.routing.seen_virtual_service import route_of
from model_experiment.routing.user_virtual_service import (
    Rules,
    adopted,
    find_obstacle,
    find_rules,
    gateway_names,
    reference_of,
)

_FILTER_MISSING = Obstacle("FilterMissing", "an EnvoyFilter must hash the assignment header for this route, found none")


class IstioRouter:
    """Delegates of Istio, read from a view and written with guards; ``urgent`` are connections for take-backs.

    ``mesh`` tells what the proxies took. Without it a write is settled ``settle_seconds`` after it was first seen,
    which must be istiod's longest wait (``PILOT_DEBOUNCE_MAX``, 10 s) or more; a refused push then goes unnoticed.
    """

    def __init__(
        self,
        objects: Objects,
        view: View,
        *,
        urgent: Objects,
        clock: Callable[[], float],
        settle_seconds: float,
        mesh: MeshState | None = None,
        comparator: Comparator | None = None,
    ) -> None:
        self._own_objects = OwnObjects(objects, view)
        self._urgent = urgent
        self._view = view
        self._mesh = mesh
        self._comparator = comparator
        self._ages = Ages(clock)
        self._settle_seconds = settle_seconds

    def read(self, experiment: Experiment) -> RouteReading:
        """What stands now and what is in the way."""
        own = self._delegate(experiment)
        return RouteReading(
            own=self._seen(experiment, own) if own else None,
            obstacle=self._obstacle(experiment),
            adopted=adopted(served(experiment, self._view), self._user_route(experiment)),
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
        finally:
            self._look(experiment)

    async def _release(self, experiment: Experiment) -> bool:
        own = self._delegate(experiment)
        if own is not None:
            await self._own_objects.delete(VIRTUAL_SERVICE, own)
            self._ages.forget(own["metadata"]["uid"])
        filters = self._filters(experiment)
        for each in filters:
            await self._own_objects.delete(ENVOY_FILTER, each)
            self._ages.forget(each["metadata"]["uid"])
        return own is not None or bool(filters)

    async def _stand(self, experiment: Experiment, step: Parked | Open, *, taken_back: str) -> bool:
        own = self._delegate(experiment)
        if own is not None and isinstance(step, Parked) and (taken_back or is_open(own, experiment)):
            spec = parked_alone(served(experiment, self._view), step, own)
            return await self._own_objects.write_route(
                VIRTUAL_SERVICE, own, spec, experiment=experiment, taken_back=taken_back, objects=self._urgent
            )
        if own is not None and self._obstacle(experiment):
            return False  # parked, and nothing can be repeated now
        rules = self._rules(experiment)
        await self._stand_filter(experiment, rules)
        mirror = mirror_of(experiment, self._comparator)
        spec = render_delegate(served(experiment, self._view), rules.champion, step, mirror=mirror)
        if own is None:
            await self._own_objects.create(VIRTUAL_SERVICE, owned(experiment), spec)
            return True
        return await self._own_objects.write_route(
            VIRTUAL_SERVICE, own, spec, experiment=experiment, taken_back=taken_back
        )

    async def _stand_filter(self, experiment: Experiment, rules: Rules) -> None:
        """The filter where the gateway is; one that stands where the gateway was goes after the new one stands."""
        if not is_hashed(experiment):
            return
        gateway = self._gateways(self._user_route(experiment))[0]
        spec = filter_spec(experiment, rules.root, gateway["spec"]["selector"])
        metadata = owned_elsewhere(experiment, gateway["metadata"]["namespace"])
        found = self._filters(experiment)
        standing = [each for each in found if each["metadata"]["namespace"] == metadata["namespace"]]
        if not standing:
            await self._own_objects.create(ENVOY_FILTER, metadata, spec)
        elif not self._own_objects.stands(standing[0], spec):
            await self._own_objects.write(ENVOY_FILTER, standing[0], spec, metadata=metadata)
        for each in found:
            if each not in standing:
                await self._own_objects.delete(ENVOY_FILTER, each)

    def _obstacle(self, experiment: Experiment) -> Obstacle | None:
        """What keeps the delegate from standing at all."""
        user_route = self._user_route(experiment)
        return (
            name_taken(experiment, self._named(experiment))
            or self._filter_taken(experiment, self._gateways(user_route)[:1])
            or find_missing(experiment, self._comparator)
            or find_unserved(experiment, self._view)
            or find_obstacle(
                served(experiment, self._view),
                user_route,
                gateways=self._gateways(user_route),
                filters=[each for each in self._view.all(ENVOY_FILTER) if not is_ours_elsewhere(each, experiment)],
                others=self._view.all(MODEL_EXPERIMENT),
            )
        )

    def _filter_taken(self, experiment: Experiment, gateways: Sequence[Manifest]) -> Obstacle | None:
        places = [owned_elsewhere(experiment, each["metadata"]["namespace"]) for each in gateways]
        found = [self._view.get(ENVOY_FILTER, each["namespace"], each["name"]) for each in places]
        taken = (name_taken(experiment, each, belongs=is_ours_elsewhere) for each in found if is_hashed(experiment))
        return next(filter(None, taken), None)

    def _seen(self, experiment: Experiment, own: Manifest) -> Seen:
        settled, problem = self._says(experiment, own)
        return Seen(route_of(own, experiment), settled=settled, problem=problem, taken_back=written_reason(own))

    def _says(self, experiment: Experiment, own: Manifest) -> tuple[bool, Obstacle | None]:
        """Whether the mesh has processed what stands, and what is wrong if anything."""
        filters = self._filters(experiment)
        metadata = (each["metadata"] for each in (own, *filters))
        is_late = min(self._ages.of(each["uid"], each["generation"]) for each in metadata) >= self._settle_seconds
        if is_hashed(experiment) and not self._has_filter(experiment, filters):
            return True, _FILTER_MISSING
        selector = self._selector(experiment)
        if self._mesh is None or not selector:
            return is_late, None
        return mesh_says(experiment, own, selected(self._mesh.proxies() or (), selector), is_late=is_late)

    def _has_filter(self, experiment: Experiment, filters: Sequence[Manifest]) -> bool:
        """Whether the filter stands for the route's present name; the user may have renamed the rule."""
        user_route = self._user_route(experiment)
        rules = find_rules(experiment, user_route) if user_route else None
        gateways = self._gateways(user_route)
        if rules is None or not gateways:
            return bool(filters)
        wanted = filter_spec(experiment, rules.root, gateways[0]["spec"].get("selector", {}))
        return any(self._own_objects.stands(each, wanted) for each in filters)

    def _look(self, experiment: Experiment) -> None:
        selector = self._selector(experiment)
        if self._mesh is not None and selector:
            self._mesh.look(selector)

    def _selector(self, experiment: Experiment) -> Manifest:
        """The labels of the gateway's proxies: of those that the filter is for, or else that the Gateway selects."""
        filters = self._filters(experiment)
        if filters:
            found: Manifest = filters[0]["spec"]["workloadSelector"]["labels"]
            return found
        gateways = self._gateways(self._user_route(experiment))
        selected: Manifest = gateways[0]["spec"].get("selector", {}) if gateways else {}
        return selected

    def _rules(self, experiment: Experiment) -> Rules:
        user_route = self._user_route(experiment)
        rules = find_rules(experiment, user_route) if user_route else None
        if rules is None or (is_hashed(experiment) and not self._gateways(user_route)):
            name = reference_of(experiment).name
            raise ClusterError(f"VirtualService {name} must have its rules and its Gateway, found none")
        return rules

    async def _read_again(self, experiment: Experiment) -> None:
        await self._own_objects.read_again(VIRTUAL_SERVICE, experiment.namespace, experiment.route_name)
        for gateway in self._gateways(self._user_route(experiment)):
            metadata = owned_elsewhere(experiment, gateway["metadata"]["namespace"])
            await self._own_objects.read_again(ENVOY_FILTER, metadata["namespace"], metadata["name"])

    def _user_route(self, experiment: Experiment) -> Manifest | None:
        return self._view.get(VIRTUAL_SERVICE, experiment.namespace, reference_of(experiment).name)

    def _gateways(self, user_route: Manifest | None) -> list[Manifest]:
        names = gateway_names(user_route) if user_route else []
        found = (self._view.get(ISTIO_GATEWAY, namespace, name) for namespace, name in names)
        return [gateway for gateway in found if gateway is not None]

    def _named(self, experiment: Experiment) -> Manifest | None:
        return self._view.get(VIRTUAL_SERVICE, experiment.namespace, experiment.route_name)

    def _delegate(self, experiment: Experiment) -> Manifest | None:
        found = self._named(experiment)
        return found if found is not None and is_ours(found, experiment) else None

    def _filters(self, experiment: Experiment) -> list[Manifest]:
        return [each for each in self._view.all(ENVOY_FILTER) if is_ours_elsewhere(each, experiment)]
