"""An experiment that cannot be read, as after another version of the operator: nobody judges it, so nobody meets it.

What cannot be read is an obstacle like any other: the route is parked, it goes on where it can be read again, and a
deletion takes everything back. The trap: this depends on the few parts of the spec that tell whose route it is. Where
even those cannot be read, the finalizer stays, because a deletion would leave a split that nobody looks after.
"""

import logging

from model_experiment.api.parsing import parse_routed_spec
from model_experiment.api.status import Phase
from model_experiment.controller import recording
from model_experiment.controller.reading import experiment_of
from model_experiment.controller.world import Key, World
from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Absent, Open, Parked, Route, Seen, next_step
from model_experiment.decision.state import Entry
from model_experiment.errors import SpecError, StatusError
from model_experiment.objects import Manifest

log = logging.getLogger(__name__)

_PARKED = "; until it can be read its route is parked, and the champion serves everybody"
_NOT_FOUND = "; its route cannot be found either: take its traffic back by hand"


async def refuse(world: World, key: Key, manifest: Manifest, error: SpecError | StatusError) -> bool:
    """Parks its route, or takes it away where it is being deleted, and says so; whether there is more to be done."""
    log.warning("%s/%s: %s", *key, error)
    reason = "InvalidStatus" if isinstance(error, StatusError) else "InvalidSpec"
    try:
        experiment = experiment_of(manifest, read=parse_routed_spec)
    except SpecError:
        await recording.refuse(world, key, manifest, reason=reason, message=f"{error}{_NOT_FOUND}")
        return False
    own = world.router.read(experiment).own
    step = _step(experiment, own)
    changed = await world.router.apply(experiment, step)
    message = f"{error}{_PARKED if own else ''}"
    await recording.refuse(world, key, manifest, reason=reason, message=message)
    if changed and own is not None and isinstance(own.route, Open):
        await recording.say(world, key, experiment, Entry(world.clock(), Phase.STARTING, reason, message))
    if own is None and experiment.deleting:
        await recording.let_go(world, key)
    return changed or (own is not None and not own.settled)


def _step(experiment: Experiment, own: Seen | None) -> Route:
    if own is None or experiment.deleting:
        return next_step(own, Absent())
    return Parked(own.route.assignment)
