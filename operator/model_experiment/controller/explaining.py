"""Where answers differ: asked for a status that is about to be written, because only a person reads it.

Nothing is decided by it, so what cannot be read leaves what was known.
"""

from model_experiment.api.status import ModelExperimentStatus
from model_experiment.controller.recording import is_due
from model_experiment.controller.world import Key, World
from model_experiment.decision.observation import Experiment
from model_experiment.metrics.source import SourceDown


async def explained(
    world: World, key: Key, experiment: Experiment, status: ModelExperimentStatus
) -> ModelExperimentStatus:
    """The status with the fields in which the answers of each challenger differ most."""
    if not any(each.different for each in status.shadow) or not is_due(world, key, status.to_json()):
        return status
    found = await world.fields.differing_fields(experiment.uid, at=world.clock())
    if isinstance(found, SourceDown):
        return status
    shadow = tuple(each.model_copy(update={"fields": found.get(each.challenger, ())}) for each in status.shadow)
    return status.model_copy(update={"shadow": shadow})
