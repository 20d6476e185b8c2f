"""What the controller asks of a mesh: read the routes, take one step, and nothing else."""

from typing import Protocol

from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Route, RouteReading
from model_experiment.objects import Kind, Manifest


class View(Protocol):
    """Objects as they were last seen, without asking the API server."""

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """One object, or None where there is none."""
        ...

    def all(self, kind: Kind) -> list[Manifest]:
        """Every object of a kind."""
        ...

    def policy_kinds(self) -> tuple[Kind, ...]:
        """The kinds that attach to routes by name."""
        ...

    def remember(self, kind: Kind, manifest: Manifest) -> None:
        """What a write of our own returned: newer than anything seen before."""
        ...

    def forget(self, kind: Kind, manifest: Manifest) -> None:
        """An object that we deleted ourselves."""
        ...


class Router(Protocol):
    """One mesh."""

    def read(self, experiment: Experiment) -> RouteReading:
        """What stands now and what is in the way; without side effects."""
        ...

    async def apply(self, experiment: Experiment, step: Route, *, taken_back: str = "") -> bool:
        """Makes one step true and checks the answer; writes only where something differs, and says whether it did.

        Raises:
            ConflictError: if somebody else wrote in between; read and plan again.
            ClusterError: if the API server did not do it.
        """
        ...
