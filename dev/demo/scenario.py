"""What can happen in the shop: three stories, each with the truth behind it and the ending it should have.

Everything random follows from a seed. The trap: *which* users meet the challenger follows from the experiment's UID,
which the API server draws anew in every run. So whether somebody buys is drawn for the first, second, third ... user
of a variant, not for a name: the same seed tells the same story in every run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CHAMPION, CHALLENGER = "v7", "v8"
ORDINARY_ERRORS = 0.005
BROKEN_ERRORS = 0.30


@dataclass(frozen=True, slots=True)
class Scenario:
    """The truth about the challenger, and how the experiment should end.

    ``purchase`` is the chance that a user of a variant buys. ``breaks_after_seconds`` counts from the challenger's
    first request; from then on it answers ``BROKEN_ERRORS`` of its requests with an error.
    """

    name: str
    story: str
    purchase: Mapping[str, float]
    phase: str
    verdict: str
    breaks_after_seconds: float | None = None


SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            name="win",
            story="v8 is better: 29 % of its users buy, 20 % of those of v7",
            purchase={CHAMPION: 0.20, CHALLENGER: 0.29},
            phase="Promoted",
            verdict="Promote",
        ),
        Scenario(
            name="harm",
            story="v8 sells like v7, but 15 s after it meets users it breaks: 30 % of its answers are errors",
            purchase={CHAMPION: 0.20, CHALLENGER: 0.20},
            phase="Concluded",
            verdict="Rollback",
            breaks_after_seconds=15,
        ),
        Scenario(
            name="same",
            story="v8 is no better: 20 % of the users buy, whoever serves them",
            purchase={CHAMPION: 0.20, CHALLENGER: 0.20},
            phase="Concluded",
            verdict="KeepChampion",
        ),
    )
}


def has_ended(status: Mapping[str, Any]) -> bool:
    """Whether the operator has nothing more to do but to wait for people."""
    return status.get("phase") in ("Promoted", "Concluded")


def fault_of(scenario: Scenario, status: Mapping[str, Any]) -> str | None:
    """How the ending differs from the one that the truth deserves; None where it does not."""
    phase, verdict = status.get("phase"), status.get("decision", {}).get("verdict")
    if (phase, verdict) == (scenario.phase, scenario.verdict):
        return None
    return f"scenario {scenario.name} must end {scenario.phase} by {scenario.verdict}, found {phase} by {verdict}"
