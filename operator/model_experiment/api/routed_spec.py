"""Those parts of a spec that its route depends on, read without the others.

The controller may be older or newer than the spec of a running experiment: what it does not know must not keep it from
finding the route and taking the traffic back.
"""

from typing import Annotated

from pydantic import ConfigDict, Field

from model_experiment.api.routes import Routing
from model_experiment.api.rules import SpecPart
from model_experiment.api.users import UserAssignment
from model_experiment.api.values import Named
from model_experiment.api.variants import Challenger, Champion
from model_experiment.api.words import Strategy


class RoutedSpec(SpecPart):
    """Who stands on which route, and by what users are told apart there."""

    strategy: Strategy = Field(default=Strategy.AB_TEST, description="How the challenger meets the traffic.")
    champion: Champion = Field(description="The model that serves everybody.")
    challengers: Annotated[tuple[Challenger, ...], Named(1, 4)] = Field(description="The models compared with it.")
    routing: Routing = Field(description="Where the traffic is split.")
    assignment: UserAssignment = Field(default=UserAssignment(), description="What tells users apart.")

    model_config = ConfigDict(extra="ignore")
