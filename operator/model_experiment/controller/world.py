"""Everything outside that a tick may touch, in one value, so that a test can put other parts in."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from model_experiment.controller.cache import Cache
from model_experiment.controller.memory import Memory
from model_experiment.controller.settings import ControllerSettings
from model_experiment.metrics.source import CountsSource, FieldsSource
from model_experiment.objects import Objects
from model_experiment.routing.port import Router

Key = tuple[str, str]  # namespace and name


@dataclass(slots=True)
class World:
    """The parts of a running controller; ``memories`` and ``conflicts`` in a row change from tick to tick."""

    settings: ControllerSettings
    cache: Cache
    objects: Objects
    router: Router
    source: CountsSource
    fields: FieldsSource
    clock: Callable[[], float]
    memories: dict[Key, Memory] = field(default_factory=dict)
    conflicts: Counter[Key] = field(default_factory=Counter)
