"""What is remembered of an experiment from tick to tick, and the text that keeps a judgement on a route.

Not for: what is observed anew at each tick. The trap: whatever is not here, or in the status, is forgotten by a crash.
"""

from dataclasses import dataclass, field

from model_experiment.api.status import Phase, Verdict
from model_experiment.assignment import Assignment
from model_experiment.decision.evidence import Evidence
from model_experiment.decision.rules import Judgement

FINAL = frozenset(Verdict) - {Verdict.CONTINUE, Verdict.HOLD}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history: a phase was entered, and why."""

    time: float
    phase: Phase
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered from tick to tick; everything else is observed anew.

    ``assignment`` is the full split. ``stage`` counts the steps of the ramp that are over, so after the last of them it
    is their number; ``stage_since`` is since when the present one stands. ``started`` is when the challenger first met
    users, ``compared_since`` when it did so in the full split.
    """

    phase: Phase = Phase.PENDING
    assignment: Assignment | None = None
    stage: int = 0
    stage_since: float | None = None
    started: float | None = None
    compared_since: float | None = None
    ended: float | None = None
    blind_since: float | None = None
    judgement: Judgement | None = None
    evidence: Evidence = field(default_factory=Evidence)
    history: tuple[Entry, ...] = ()


def latched(text: str) -> Judgement:
    """The judgement that stands written on a route that was taken back; whatever is unreadable still took it back."""
    match text.split("|", 3):
        case [verdict, reason, challenger, message] if verdict in FINAL:
            return Judgement(Verdict(verdict), reason, message, challenger=challenger)
        case _:
            return Judgement(Verdict.INCONCLUSIVE, "TakenBack", f"the route says that it was taken back: {text}")


def latch(judgement: Judgement) -> str:
    """The text that keeps a judgement on the route itself."""
    return f"{judgement.verdict}|{judgement.reason}|{judgement.challenger}|{judgement.message}"
