"""A controller's surroundings for tests of one part: real values, and only the parts that a test hands in."""

from typing import Any, cast

from given.deciding import START
from model_experiment.controller.cache import Cache
from model_experiment.controller.settings import ControllerSettings
from model_experiment.controller.world import World
from model_experiment.objects import Objects

SETTINGS = ControllerSettings("http://prometheus.example", status_refresh_seconds=60)


def world_of(*, objects: Objects | None = None, router: Any = None, source: Any = None, fields: Any = None) -> World:
    """A world in which it is always START; a part that is not given must not be used."""
    return World(SETTINGS, Cache(()), cast(Any, objects), router, source, fields, clock=lambda: START)
