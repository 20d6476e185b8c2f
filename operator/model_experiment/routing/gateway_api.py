"""Gateway API on Envoy Gateway: the experiment's own HTTPRoute beside the user's, more specific by one header.

The own route repeats the user's rule (parents, hostnames, matches, filters, timeouts, retries), demands the assignment
header in addition, and splits by weights whose sum is the experiment's modulus. Policies of its own repeat those of the
user's route, and one of them makes Envoy hash that header.

The traps: a take-back must depend on nothing else, so a route that stands open is parked as it stands, before and
without any other write. A route that is open before its policies hold would serve whom the user's route refuses. And
the gateway accepts what its proxies do not do yet: an open route whose cluster a proxy does not know answers 500.
"""

import time
from collections.abc import Callable
from dataclasses import replace

from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Absent, Obstacle, Open, Parked, Route, RouteReading, Seen
from model_experiment.errors import ClusterError, ConflictError
from model_experiment.objects import BACKEND_TRAFFIC_POLICY, HTTP_ROUTE, MODEL_EXPERIMENT, Kind, Manifest, Objects
from model_experiment.routing.ages import Ages
from model_experiment.routing.backends import find_unserved, served
from model_experiment.routing.mirroring import Comparator, find_missing, mirror_of
from model_experiment.routing.own_http_route import parked_as_it_stands, render_spec
from model_experiment.routing.own_objects import OwnObjects
from model_experiment.routing.ownership import is_ours, name_taken, owned
from model_experiment.routing.policies import CARRIED, Policies, copies, waits_for
from model_experiment.routing.port import View
from model_experiment.routing.seen_http_route import is_open, seen
from model_experiment.routing.silence import Silence
from model_experiment.routing.user_http_route import adopted, find_obstacle, find_rule


class GatewayApiRouter:
    """Routes of Envoy Gateway, read from a view and written with guards; ``urgent`` are connections for take-backs.

    ``settle_seconds`` is how long the proxies may lag behind the word of their gateway, ``warm_seconds`` how long they
    may wait for the endpoints of a route that was just made (Envoy: 15 s). ``drain_seconds`` is how long
    they keep connections that were made before a policy: Envoy gives a policy such as basic authentication a filter of
    its own. An old connection keeps its filters until it is drained, but follows new routes at once, and a route that
    asks for a filter which a connection does not have is served without it.
    ``is_new_envoy_gateway`` is what the definitions in the cluster say of its version (see ``capabilities``).
    """

    def __init__(
        self,
        objects: Objects,
        view: View,
        *,
        urgent: Objects,
        settle_seconds: float,
        warm_seconds: float,
        drain_seconds: float,
        is_new_envoy_gateway: bool = True,
        comparator: Comparator | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._own_objects = OwnObjects(objects, view)
        self._urgent = urgent
        self._view = view
        self._settle_seconds = settle_seconds
        self._warm_seconds = warm_seconds
        self._drain_seconds = drain_seconds
        self._settling, self._warming, self._draining = Ages(clock), Ages(clock), Ages(clock)
        self._silence = Silence(clock)
        self._is_new_envoy_gateway = is_new_envoy_gateway
        self._comparator = comparator

    def read(self, experiment: Experiment) -> RouteReading:
        """What stands now and what is in the way."""
        own, policy = self._own(HTTP_ROUTE, experiment), self._own(BACKEND_TRAFFIC_POLICY, experiment)
        return RouteReading(
            own=self._seen(experiment, own, policy) if own else None,
            obstacle=self._obstacle(experiment) or (self._pending(experiment, own) if own else None),
            adopted=adopted(experiment, self._user_route(experiment)),
        )

    def _seen(self, experiment: Experiment, own: Manifest, policy: Manifest | None) -> Seen:
        """The own route; settled once the proxies have had the time to follow their gateway."""
        reading = seen(own, policy, experiment)
        silence = self._silence.of(own, policy)
        if not reading.settled:
            return replace(reading, problem=silence)
        versions = tuple(each["metadata"]["generation"] for each in (own, policy) if each)
        uid = own["metadata"]["uid"]
        has_settled = self._settling.of(uid, versions) >= self._settle_seconds
        is_warm = self._warming.of(uid, "accepted") >= self._warm_seconds
        return replace(reading, settled=has_settled and (is_warm or isinstance(reading.route, Open)))

    async def apply(self, experiment: Experiment, step: Route, *, taken_back: str = "") -> bool:
        """Makes one step true; see the port."""
        try:
            match step:
                case Absent():
                    return await self._release(experiment)
                case Parked() | Open():
                    return await self._stand(experiment, step, taken_back=taken_back)
        except ConflictError:
            for kind in (HTTP_ROUTE, *CARRIED):
                await self._own_objects.read_again(kind, experiment.namespace, experiment.route_name)
            raise

    async def _release(self, experiment: Experiment) -> bool:
        """The route first: its policies hold for as long as it stands."""
        gone = [await self._remove(kind, experiment) for kind in (HTTP_ROUTE, *CARRIED)]
        return any(gone)

    async def _stand(self, experiment: Experiment, step: Parked | Open, *, taken_back: str) -> bool:
        own = self._own(HTTP_ROUTE, experiment)
        if own is not None and isinstance(step, Parked) and (taken_back or is_open(own, experiment)):
            spec = parked_as_it_stands(own["spec"], experiment.spec.assignment.header)
            return await self._own_objects.write_route(
                HTTP_ROUTE, own, spec, experiment=experiment, taken_back=taken_back, objects=self._urgent
            )
        if own is not None and self._obstacle(experiment):
            return False  # parked, and nothing can be repeated now
        if isinstance(step, Open) and (own is None or self._pending(experiment, own)):
            return False  # what changed since this was decided is seen at the next look
        spec = self._rendered(experiment, step)
        if own is None:
            own = await self._own_objects.create(HTTP_ROUTE, owned(experiment), spec)
            await self._carry(experiment, own)
            return True
        changed = await self._own_objects.write_route(
            HTTP_ROUTE, own, spec, experiment=experiment, taken_back=taken_back
        )
        return await self._carry(experiment, own) or changed

    def _rendered(self, experiment: Experiment, step: Parked | Open) -> Manifest:
        user_route = self._user_route(experiment)
        rule = find_rule(experiment, user_route) if user_route else None
        if user_route is None or rule is None:
            raise ClusterError(f"HTTPRoute {experiment.spec.routing.http_route.name} must have its rule, found none")
        mirror = mirror_of(experiment, self._comparator)
        return render_spec(served(experiment, self._view), user_route, rule, step, mirror=mirror)

    async def _carry(self, experiment: Experiment, own: Manifest) -> bool:
        """Makes the policies of the own route say what they must; writes only where something differs."""
        wanted, metadata = self._copies(experiment, own), owned(experiment, until=own)
        owners = metadata["ownerReferences"]
        changed = False
        for kind in CARRIED:
            spec, copy = wanted.get(kind), self._own(kind, experiment)
            if spec is None:
                changed |= await self._remove(kind, experiment)
            elif copy is None:
                await self._own_objects.create(kind, metadata, spec)
                changed = True
            elif not self._own_objects.stands(copy, spec) or copy["metadata"].get("ownerReferences") != owners:
                await self._own_objects.write(kind, copy, spec, metadata=metadata)
                changed = True
        return changed

    async def _remove(self, kind: Kind, experiment: Experiment) -> bool:
        own = self._own(kind, experiment)
        if own is not None:
            await self._own_objects.delete(kind, own)
            self._settling.forget(own["metadata"]["uid"])
            self._warming.forget(own["metadata"]["uid"])
            self._draining.forget(own["metadata"]["uid"])
            self._silence.forget(own["metadata"]["uid"])
        return own is not None

    def _obstacle(self, experiment: Experiment) -> Obstacle | None:
        """What keeps the own route from standing at all."""
        taken = (name_taken(experiment, self._named(kind, experiment)) for kind in (HTTP_ROUTE, *CARRIED))
        return (
            next(filter(None, taken), None)
            or find_missing(experiment, self._comparator)
            or find_unserved(experiment, self._view)
            or find_obstacle(
                served(experiment, self._view),
                self._user_route(experiment),
                policies=self._policies(),
                own=self._own(HTTP_ROUTE, experiment),
                others=self._view.all(MODEL_EXPERIMENT),
                is_new_envoy_gateway=self._is_new_envoy_gateway,
            )
        )

    def _pending(self, experiment: Experiment, own: Manifest) -> Obstacle | None:
        """What keeps the own route from being open now, though it may stand: its policies do not hold yet."""
        found = {kind: copy for kind in CARRIED if (copy := self._own(kind, experiment))}
        missing = waits_for(own, self._copies(experiment, own), found)
        guards = {kind.name: copy for kind, copy in found.items() if kind != BACKEND_TRAFFIC_POLICY}
        young = [] if missing else [name for name, copy in guards.items() if self._is_young(copy, own)]
        if young and not is_open(own, experiment):
            missing = f"{young[0]} {experiment.route_name} must hold for connections from before it too"
        if not missing:
            return None
        return Obstacle("PolicyPending", f"the experiment's route opens when its policies hold: {missing}")

    def _is_young(self, copy: Manifest, own: Manifest) -> bool:
        """Whether connections may live that know nothing of a copy; a route made anew brings its filters anew."""
        version = (own["metadata"]["uid"], copy["metadata"]["generation"])
        return self._draining.of(copy["metadata"]["uid"], version) < self._drain_seconds

    def _copies(self, experiment: Experiment, own: Manifest) -> dict[Kind, Manifest]:
        user_route = self._user_route(experiment)
        rule = find_rule(experiment, user_route) if user_route else None
        if user_route is None or rule is None:
            return {}
        return copies(Policies(experiment, user_route, rule, own, self._policies()))

    def _policies(self) -> list[tuple[Kind, Manifest]]:
        return [(kind, policy) for kind in self._view.policy_kinds() for policy in self._view.all(kind)]

    def _user_route(self, experiment: Experiment) -> Manifest | None:
        return self._view.get(HTTP_ROUTE, experiment.namespace, experiment.spec.routing.http_route.name)

    def _named(self, kind: Kind, experiment: Experiment) -> Manifest | None:
        return self._view.get(kind, experiment.namespace, experiment.route_name)

    def _own(self, kind: Kind, experiment: Experiment) -> Manifest | None:
        found = self._named(kind, experiment)
        return found if found is not None and is_ours(found, experiment) else None
