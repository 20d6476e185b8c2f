"""The variants of an experiment, as its author writes them: a champion, its challengers, and where each answers."""

from typing import ClassVar

from pydantic import Field

from model_experiment.api.rules import Rule, SpecPart
from model_experiment.api.words import (
    ApiGroup,
    KindName,
    Name,
    ObjectName,
    Port,
    SplitPercent,
)


class BackendRef(SpecPart):
    """A backend in the experiment's own namespace, as an HTTPRoute names it, or an InferenceService of KServe."""

    group: ApiGroup = Field(default="", description='API group of the backend; "" for a Service.')
    kind: KindName = Field(default="Service", description="Kind of the backend.")
    name: ObjectName = Field(description="Name of the backend, in the experiment's own namespace.")
    port: Port | None = Field(
        default=None, description="Port of the backend; required for a Service, 80 for an InferenceService."
    )

    @property
    def is_inference_service(self) -> bool:
        """Whether KServe makes the Service that a route can name."""
        return (self.group, self.kind) == ("serving.kserve.io", "InferenceService")

    @property
    def services(self) -> tuple[str, ...]:
        """The names of which one stands in a route: its own, or those that KServe gives to the Service before it."""
        if self.is_inference_service:
            return f"{self.name}-predictor", f"{self.name}-transformer"
        return (self.name,)

    @property
    def served_by(self) -> str:
        """What a person points a route at."""
        return f"the Service of InferenceService {self.name}" if self.is_inference_service else self.name

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            at=".port",
            must="must be given for a Service",
            holds=lambda ref: (ref.group, ref.kind) != ("", "Service") or ref.port is not None,
            found=lambda _: "none",
            holds_in_cel="self.group != '' || self.kind != 'Service' || has(self.port)",
            found_in_cel="none",
        ),
    )


class Champion(SpecPart):
    """The model that serves everybody today, and again after a rollback."""

    name: Name = Field(description="Name of the champion in status, metrics and the x-variant header.")
    backend_ref: BackendRef = Field(description="Where the champion answers.")


class Challenger(SpecPart):
    """The model that wants to be the next champion."""

    name: Name = Field(description="Name of the challenger in status, metrics and the x-variant header.")
    backend_ref: BackendRef = Field(description="Where the challenger answers.")
    percent: SplitPercent = Field(
        default=50,
        description="Share of the users who meet this challenger, in whole percent; the champion has what is left. "
        "Without meaning for Shadow.",
    )
