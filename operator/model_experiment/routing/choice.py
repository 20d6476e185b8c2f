"""Each experiment at the mesh that its spec names."""

from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Route, RouteReading
from model_experiment.routing.port import Router


class ChosenRouter:
    """The router of the user's HTTPRoute, or that of the VirtualService."""

    def __init__(self, *, http_route: Router, virtual_service: Router) -> None:
        self._http_route = http_route
        self._virtual_service = virtual_service

    def read(self, experiment: Experiment) -> RouteReading:
        """See the port."""
        return self._of(experiment).read(experiment)

    async def apply(self, experiment: Experiment, step: Route, *, taken_back: str = "") -> bool:
        """See the port."""
        return await self._of(experiment).apply(experiment, step, taken_back=taken_back)

    def _of(self, experiment: Experiment) -> Router:
        return self._http_route if experiment.spec.routing.http_route_ref is not None else self._virtual_service
