"""Those parts of a spec that comparing answers needs, read without the others.

A comparator may be older than the operator beside it: what it does not know must not keep it from comparing.
"""

from typing import Annotated

from pydantic import ConfigDict, Field

from model_experiment.api.objectives import Guardrail
from model_experiment.api.rules import SpecPart
from model_experiment.api.shadow import Shadow
from model_experiment.api.users import UserAssignment
from model_experiment.api.values import Named
from model_experiment.api.variants import Challenger, Champion

SHADOW = "Shadow"
"""The strategy that compares answers."""


class ShadowSpec(SpecPart):
    """Who is compared with whom, and how."""

    strategy: str = Field(default="", description="How the challenger meets the traffic.")
    champion: Champion = Field(description="The model that serves everybody.")
    challengers: Annotated[tuple[Challenger, ...], Named(1, 4)] = Field(description="The models compared with it.")
    assignment: UserAssignment = Field(default=UserAssignment(), description="What tells users apart.")
    guardrails: Annotated[tuple[Guardrail, ...], Named(0, 10)] = Field(
        default=(), description="What the challenger must not harm."
    )
    shadow: Shadow = Field(default=Shadow(), description="How answers are compared.")

    model_config = ConfigDict(extra="ignore")
