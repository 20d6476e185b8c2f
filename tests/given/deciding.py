"""The pure core, with the world around it played by a few lines: a gateway that settles, a memory that can be lost."""

from dataclasses import dataclass, field, replace
from typing import Any

from given.experiments import SPEC
from model_experiment.api.parsing import parse_spec
from model_experiment.api.status import ModelExperimentStatus, parse_status
from model_experiment.decision.account import state_of, status_of
from model_experiment.decision.counts import Counts
from model_experiment.decision.machine import Decision, decide
from model_experiment.decision.observation import Blind, Experiment, Observation
from model_experiment.decision.plan import Plan, plan_for
from model_experiment.decision.route import Absent, Obstacle, RouteReading, Seen
from model_experiment.decision.state import State, latch

START = 1_800_000_000.0


def experiment(*, deleting: bool = False, **changes: Any) -> Experiment:
    """An experiment; ``changes`` replace top-level fields of the spec."""
    spec = parse_spec({**SPEC, **changes})
    return Experiment("shop", "ranker", "5f0c7ba2-uid", 1, spec, deleting)


def shadow_experiment(**changes: Any) -> Experiment:
    """A shadow experiment; ``changes`` replace top-level fields of the spec."""
    spec = {key: value for key, value in SPEC.items() if key != "objectives"}
    return Experiment("shop", "ranker", "5f0c7ba2-uid", 1, parse_spec({**spec, "strategy": "Shadow", **changes}))


def plan_of(subject: Experiment, *, blindness_budget_seconds: float = 60) -> Plan:
    """The plan of an experiment that is looked at every second."""
    return plan_for(
        subject.spec,
        uid=subject.uid,
        taken=frozenset(),
        poll_seconds=1,
        blindness_budget_seconds=blindness_budget_seconds,
        lag_seconds=3,
        query=lambda uid, measure: f"{measure} of {uid}",
    )


@dataclass(slots=True)
class Played:
    """An experiment, tick by tick; ``seen`` is its route as the gateway has it."""

    subject: Experiment = field(default_factory=experiment)
    now: float = START
    state: State = field(default_factory=State)
    seen: Seen | None = None
    status: ModelExperimentStatus = field(default_factory=ModelExperimentStatus)
    decisions: list[Decision] = field(default_factory=list)

    def tick(
        self,
        *counts: Counts,
        obstacle: Obstacle | None = None,
        blind: Blind | None = None,
        adopted: str = "",
        settles: bool = True,
        crash: str = "",
    ) -> Decision:
        """One second later: decide, write the route, write the status; ``crash`` is before the route or the status."""
        self.now += 1
        plan = plan_of(self.subject)
        observation = Observation(
            self.now, RouteReading(self.seen, obstacle, adopted), self.status.phase, counts, blind
        )
        decision = decide(self.subject, self.state, observation, plan)
        self.decisions.append(decision)
        if crash == "before the route":
            self.forget()
            return decision
        self._write_route(decision, settles=settles)
        if crash == "before the status":
            self.forget()
            return decision
        self.state = decision.state
        self.status = status_of(self.subject, plan, decision, previous=self.status, now=self.now)
        return decision

    def forget(self) -> None:
        """A new process: what it knows is the status and, in the best case, the evidence of a checkpoint."""
        kept = state_of(parse_status(self.status.to_json()))
        self.state = replace(kept, evidence=self.state.evidence)

    def until_running(self) -> None:
        """Through the first phases, with nothing in the way."""
        for _ in range(5):
            self.tick()

    def _write_route(self, decision: Decision, *, settles: bool) -> None:
        ending = isinstance(decision.goal, Absent) and decision.state.judgement is not None
        reason = latch(decision.state.judgement) if ending and decision.state.judgement else ""
        if isinstance(decision.step, Absent):
            self.seen = None
        elif self.seen is None or self.seen.route != decision.step or self.seen.taken_back != reason:
            self.seen = Seen(decision.step, settled=settles, taken_back=reason)
        elif settles:
            self.seen = replace(self.seen, settled=True)
