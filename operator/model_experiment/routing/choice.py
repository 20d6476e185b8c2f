"""Each experiment at the mesh that its spec names, on a route of its own or on the user's."""

from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Route, RouteReading
from model_experiment.routing.port import Router


class ChosenRouter:
    """The router of the user's HTTPRoute, or that of the VirtualService; two of each, by ownership."""

    def __init__(
        self,
        *,
        http_route: Router,
        virtual_service: Router,
        shared_http_route: Router,
        shared_virtual_service: Router,
    ) -> None:
        self._routers = {
            (False, False): virtual_service,
            (False, True): shared_virtual_service,
            (True, False): http_route,
            (True, True): shared_http_route,
        }

    def read(self, experiment: Experiment) -> RouteReading:
        """See the port."""
        return self._of(experiment).read(experiment)

    async def apply(self, experiment: Experiment, step: Route, *, taken_back: str = "") -> bool:
        """See the port."""
        return await self._of(experiment).apply(experiment, step, taken_back=taken_back)

    def _of(self, experiment: Experiment) -> Router:
        routing = experiment.spec.routing
        return self._routers[routing.http_route_ref is not None, routing.is_shared]
