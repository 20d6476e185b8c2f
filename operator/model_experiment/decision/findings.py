"""What the numbers say, one finding a question, each with its numbers and a sentence.

A finding says what is the case; it never says what to do. That is for ``rules``.
"""

from dataclasses import dataclass

from model_experiment.api.status import GuardrailStatus, ObjectiveStatus, ShadowStatus
from model_experiment.decision.verification import RouteFinding


@dataclass(frozen=True, slots=True)
class SplitFinding:
    """Did the split happen as asked? ``p_value`` holds under constant looking."""

    mismatch: bool
    message: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the experiment is.

    ``information`` is the share of the planned sample that is there, 0 to 1, for the challenger that has least of it.
    ``at_end`` means that the primary objective of each has had its last look, after which nothing more may be tested.
    """

    elapsed_seconds: float
    information: float
    minimum_passed: bool
    at_end: bool
    message: str


@dataclass(frozen=True, slots=True)
class ChallengerFinding:
    """One challenger against the champion; the first objective is the primary one.

    ``gain`` is what the last look at it showed, above 0 for an improvement; 0 before there was one.
    """

    objectives: tuple[ObjectiveStatus, ...]
    gain: float

    @property
    def primary(self) -> ObjectiveStatus:
        """The objective that decides."""
        return self.objectives[0]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the full split has shown of each challenger."""

    challengers: tuple[ChallengerFinding, ...]
    split: SplitFinding
    progress: Progress

    @property
    def objectives(self) -> tuple[ObjectiveStatus, ...]:
        """Every objective of every challenger."""
        return tuple(objective for challenger in self.challengers for objective in challenger.objectives)


@dataclass(frozen=True, slots=True)
class NoiseFinding:
    """Does the champion differ from itself more often than a challenger may differ from it?"""

    noisy: bool
    message: str


@dataclass(frozen=True, slots=True)
class RepetitionFinding:
    """Could the pairs prove anything, users being as alike to themselves as they are?"""

    enough: bool
    message: str


@dataclass(frozen=True, slots=True)
class ShadowComparison:
    """What the pairs of answers have shown of each challenger; of progress, information is that of fewest pairs."""

    challengers: tuple[ShadowStatus, ...]
    noise: NoiseFinding
    repetition: RepetitionFinding
    progress: Progress


@dataclass(frozen=True, slots=True)
class Assessment:
    """All findings of a tick; there is no comparison while a ramp goes on, since users still change sides.

    ``route`` is None until requests came on the present route. ``answers`` are those of a shadow experiment, which has
    neither of the two.
    """

    guardrails: tuple[GuardrailStatus, ...]
    comparison: Comparison | None
    route: RouteFinding | None = None
    answers: ShadowComparison | None = None
