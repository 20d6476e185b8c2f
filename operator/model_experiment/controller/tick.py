"""One tick of one experiment: gather, decide, act.

The order of ``act`` is a safety law: the route first, as the API server then has it; the status; events. Each
step is idempotent, so a crash between any two of them is mended by the next tick.
"""

import logging
from dataclasses import replace

from model_experiment.api.status import Phase
from model_experiment.controller import checkpoint, recording
from model_experiment.controller.explaining import explained
from model_experiment.controller.gather import gather
from model_experiment.controller.health import ANSWER_TO_ROUTE_SECONDS
from model_experiment.controller.memory import Memory
from model_experiment.controller.planning import plan_of, with_prime
from model_experiment.controller.reading import experiment_of
from model_experiment.controller.refusing import refuse
from model_experiment.controller.world import Key, World
from model_experiment.decision.account import status_of
from model_experiment.decision.machine import Decision, decide
from model_experiment.decision.observation import Experiment
from model_experiment.decision.plan import Plan
from model_experiment.decision.route import Absent, Open, Parked
from model_experiment.decision.state import State, latch
from model_experiment.errors import ClusterError, ConflictError, SpecError, StatusError
from model_experiment.objects import MODEL_EXPERIMENT, Manifest

log = logging.getLogger(__name__)

AFTER_A_REFUSAL_SECONDS = 1.0
MANY_CONFLICTS = 8  # in a row: two who write against each other, or an object that is not what it seems
SETTLING_SECONDS = 0.25  # while the gateway works on a step; its answer usually wakes the tick earlier


async def tick(world: World, key: Key) -> float | None:
    """One look at one experiment; answers with the seconds until the next, None when it is gone or cannot be run."""
    manifest = world.cache.get(MODEL_EXPERIMENT, *key)
    if manifest is None:
        world.memories.pop(key, None)
        del world.conflicts[key]
        return None
    try:
        after = await _look(world, key, manifest)
    except ConflictError as error:
        world.conflicts[key] += 1
        log.info("%s/%s: %s; read and planned again", *key, error)
        if world.conflicts[key] >= MANY_CONFLICTS:
            await recording.complain(world, key, manifest, str(error))
        return SETTLING_SECONDS
    except ClusterError as error:
        log.warning("%s/%s: %s; tried again in %g s", *key, error, AFTER_A_REFUSAL_SECONDS)
        await recording.complain(world, key, manifest, str(error))
        return AFTER_A_REFUSAL_SECONDS
    del world.conflicts[key]
    return after


async def _look(world: World, key: Key, manifest: Manifest) -> float | None:
    try:
        return await _run(world, key, experiment_of(manifest))
    except (SpecError, StatusError) as error:
        return SETTLING_SECONDS if await refuse(world, key, manifest, error) else None


async def _run(world: World, key: Key, experiment: Experiment) -> float | None:
    memory = await checkpoint.recall(world, key, experiment)
    plan = plan_of(world, experiment)
    world.memories[key] = memory = with_prime(memory, experiment, plan)
    observation, memory = await gather(world, experiment, memory)
    answered = world.clock()
    decision = decide(experiment, memory.state, observation, plan)
    return await act(world, experiment, plan, memory=memory, decision=decision, answered=answered)


async def act(
    world: World, experiment: Experiment, plan: Plan, *, memory: Memory, decision: Decision, answered: float
) -> float | None:
    """Makes the world match a decision and reports it; answers with the seconds until the next look."""
    key = (experiment.namespace, experiment.name)
    needs_hold = isinstance(decision.step, Open | Parked) and not experiment.deleting
    if needs_hold and not decision.stands:
        await recording.hold(world, key)  # before there is a route, never before a take-back
    changed = await world.router.apply(experiment, decision.step, taken_back=_reason_to_keep(decision))
    if changed:
        ANSWER_TO_ROUTE_SECONDS.labels(type(decision.step).__name__).observe(world.clock() - answered)
    before = memory.state
    world.memories[key] = replace(memory, state=decision.state)
    previous = recording.status_from(memory.status)
    status = status_of(experiment, plan, decision, previous=previous, now=world.clock())
    status = await explained(world, key, experiment, status)
    await recording.write_status(world, key, status.to_json())
    await recording.announce(world, key, experiment)
    if not decision.stands and isinstance(decision.goal, Absent):
        await recording.let_go(world, key)
    elif needs_hold:
        await recording.hold(world, key)  # again, where somebody took it away
    await checkpoint.write_checkpoint(world, key, experiment)
    return _next_look(world, decision, changed=changed, before=before)


def _reason_to_keep(decision: Decision) -> str:
    """What is written on a route that is being taken back, so that a crash cannot forget it."""
    ending = isinstance(decision.goal, Absent) and decision.state.judgement is not None
    return latch(decision.state.judgement) if ending and decision.state.judgement else ""


def _next_look(world: World, decision: Decision, *, changed: bool, before: State) -> float | None:
    """Soon while the gateway works on a step, at the next poll otherwise, never once nothing can change by itself."""
    if changed or decision.state.phase is not before.phase or decision.step != decision.goal:
        return SETTLING_SECONDS
    return None if decision.state.phase is Phase.CONCLUDED else world.settings.poll_seconds
