"""The plan of an experiment among others: its prime must be nobody else's, or both would have the same users."""

from dataclasses import replace
from functools import partial

from model_experiment.controller.memory import Memory
from model_experiment.controller.world import World
from model_experiment.decision.observation import Experiment
from model_experiment.decision.plan import Plan, plan_for
from model_experiment.decision.splits import split_of
from model_experiment.metrics.families import exporter_of
from model_experiment.metrics.queries import check_query
from model_experiment.objects import MODEL_EXPERIMENT


def plan_of(world: World, experiment: Experiment) -> Plan:
    """What follows from the spec, the settings and the primes that are taken."""
    return plan_for(
        experiment.spec,
        uid=experiment.uid,
        taken=_taken(world, experiment),
        poll_seconds=world.settings.poll_seconds,
        blindness_budget_seconds=world.settings.blindness_budget_seconds,
        lag_seconds=world.settings.stale_after_seconds,
        query=partial(check_query, exporter=exporter_of(experiment.spec.strategy)),
    )


def _taken(world: World, experiment: Experiment) -> frozenset[int]:
    """The primes of all others: of those whose status has one, and of those that this process has looked at."""
    own = (experiment.namespace, experiment.name)
    assigned = {
        (each["metadata"]["namespace"], each["metadata"]["name"]): each.get("status", {}).get("assignment", {})
        for each in world.cache.all(MODEL_EXPERIMENT)
    }
    written = {assignment.get("modulus", 0) for key, assignment in assigned.items() if key != own}
    remembered = {memory.state.assignment for key, memory in world.memories.items() if key != own}
    return frozenset(written | {assignment.modulus for assignment in remembered if assignment})


def with_prime(memory: Memory, experiment: Experiment, plan: Plan) -> Memory:
    """A memory with an assignment; kept before anything is waited for, it lets nobody else take the prime."""
    assignment = memory.state.assignment or split_of(experiment, plan.modulus)
    return replace(memory, state=replace(memory.state, assignment=assignment))
