"""Who should have answered for a route by now, and has not.

For: telling people whom a route waits for, and letting the deletion of an experiment go on whose Gateway was deleted.
The trap: a gateway that restarts is silent too, and a route that goes before it was parked there costs requests. So
patience is longer than a restart.
"""

from collections.abc import Callable

from model_experiment.decision.route import GATEWAY_SILENT, Obstacle
from model_experiment.objects import Manifest
from model_experiment.routing.ages import Ages
from model_experiment.routing.seen_http_route import silent_about

_PATIENCE_SECONDS = 60.0


class Silence:
    """For how long nobody has answered for each route as it stands, by a clock that only goes forward."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._ages = Ages(clock)

    def of(self, route: Manifest, policy: Manifest | None) -> Obstacle | None:
        """Who has been silent about a route, or its policy, for too long."""
        silent, metadata = silent_about(route, policy), route["metadata"]
        if not silent:
            self._ages.forget(metadata["uid"])
            return None
        versions = tuple(each["metadata"]["generation"] for each in (route, policy) if each)
        if self._ages.of(metadata["uid"], versions) < _PATIENCE_SECONDS:
            return None
        return Obstacle(
            GATEWAY_SILENT,
            f"{', '.join(silent)} must answer for HTTPRoute {metadata['name']}, found no word for"
            f" {_PATIENCE_SECONDS:g} s",
        )

    def forget(self, uid: str) -> None:
        """A route that is gone."""
        self._ages.forget(uid)
