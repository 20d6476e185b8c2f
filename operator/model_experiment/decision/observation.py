"""All that one tick may know, as one frozen value, ``now`` included."""

from dataclasses import dataclass

from model_experiment.api.spec import ModelExperimentSpec
from model_experiment.api.status import Phase
from model_experiment.decision.counts import Counts
from model_experiment.decision.route import RouteReading


def own_route_name(experiment: str) -> str:
    """The name of an experiment's own route, and of everything else that it makes."""
    return f"{experiment}-mexp"


@dataclass(frozen=True, slots=True)
class Experiment:
    """The object that a user applied."""

    namespace: str
    name: str
    uid: str
    generation: int
    spec: ModelExperimentSpec
    deleting: bool = False
    created: str = ""

    @property
    def route_name(self) -> str:
        """The name of the experiment's own route; access logs carry it."""
        return own_route_name(self.name)


@dataclass(frozen=True, slots=True)
class Blind:
    """Why there are no counts to judge now. Only counts can breach, and only counts can promote."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What a tick saw.

    ``recorded`` is the phase that the written status says. ``counts`` are the evaluations since the last tick, oldest
    first: one as a rule, more after a restart. ``blind`` says why the newest evaluation is missing or incomplete.
    """

    now: float
    routes: RouteReading
    recorded: Phase
    counts: tuple[Counts, ...] = ()
    blind: Blind | None = None
