"""Everything a tick writes that is not a route: status, events, the checkpoint, the finalizer.

The trap is noise: in steady state nothing is written. News (a phase, a condition, a finding, a verdict) is written at
once; numbers that merely grow are refreshed at a slow pace.
"""

import hashlib
import logging
from dataclasses import replace
from typing import Any

from model_experiment.api.conditions import Condition
from model_experiment.api.status import ModelExperimentStatus, parse_status
from model_experiment.controller.world import Key, World
from model_experiment.decision import wording
from model_experiment.decision.account import state_of
from model_experiment.decision.health import Health, with_health
from model_experiment.decision.observation import Experiment
from model_experiment.decision.state import Entry
from model_experiment.errors import ClusterError, ConflictError, StatusError
from model_experiment.objects import EVENT, MODEL_EXPERIMENT, Manifest

log = logging.getLogger(__name__)

FINALIZER = "modelexperiment.io/traffic"
REPORTER = "model-experiment-operator"
_TOLD = ("observedGeneration", "conditions")
_ALARMING = frozenset(
    {
        *("GuardrailBreached", "SampleRatioMismatch", "RouteNotEffective", "BlindForTooLong"),
        *("PolicyNotCarried", "RouteContested", "InvalidSpec", "InvalidStatus"),
    }
)


def status_from(stored: Manifest | None) -> ModelExperimentStatus:
    """The status as it was stored.

    Raises:
        StatusError: if it cannot be read, as after a downgrade of the operator.
    """
    try:
        status = parse_status(stored)
        state_of(status)
    except ValueError as error:
        raise StatusError(f"status must be one that this operator wrote, found: {error}") from error
    return status


async def write_status(world: World, key: Key, wanted: Manifest) -> None:
    """Writes the status where it says something new, or where its numbers have become old."""
    manifest = world.cache.get(MODEL_EXPERIMENT, *key)
    if manifest is None or not is_due(world, key, wanted):
        return
    memory = world.memories.get(key)
    operations = [
        {"op": "test", "path": "/metadata/uid", "value": manifest["metadata"]["uid"]},
        {"op": "test", "path": "/metadata/generation", "value": manifest["metadata"]["generation"]},
        {"op": "add", "path": "/status", "value": wanted},
    ]
    changed = await world.objects.patch(MODEL_EXPERIMENT, *key, operations=operations, subresource="status")
    if changed is None:
        return
    world.cache.remember(MODEL_EXPERIMENT, changed)
    if memory is not None:
        world.memories[key] = replace(memory, status=wanted, status_written=world.clock())


def is_due(world: World, key: Key, wanted: Manifest) -> bool:
    """Whether this status is to be written now."""
    manifest, memory = world.cache.get(MODEL_EXPERIMENT, *key) or {}, world.memories.get(key)
    written, age = (memory.status, world.clock() - memory.status_written) if memory else (manifest.get("status"), 0.0)
    return is_worth_writing(wanted, written, age=age, refresh_seconds=world.settings.status_refresh_seconds)


async def refuse(world: World, key: Key, manifest: Manifest, *, reason: str, message: str) -> None:
    """Says that an experiment cannot be run as it is; only a person can mend that."""
    await _tell(world, key, manifest, Health(ready=False, reason=reason, message=message, stalled=True))


async def complain(world: World, key: Key, manifest: Manifest, message: str) -> None:
    """Says what the API server refused; it is tried again. Where it cannot even be said, the log has it."""
    trouble = Health(ready=False, reason="ClusterRefused", message=message, reconciling=True, degraded=True)
    try:
        await _tell(world, key, manifest, trouble)
    except ClusterError as error:
        log.warning("%s/%s: the status was not written either: %s", *key, error)


async def _tell(world: World, key: Key, manifest: Manifest, health: Health) -> None:
    """Changes the conditions alone; everything else in the status stays as it was.

    The trap: this must never make up a memory. An experiment that could not be recalled is not a new one.
    """
    metadata, memory = manifest["metadata"], world.memories.get(key)
    known = memory.status if memory is not None and memory.uid == metadata["uid"] else manifest.get("status")
    generation = metadata["generation"]
    conditions = with_health(health, generation=generation, previous=_conditions_in(known), now=world.clock())
    told = ModelExperimentStatus(observed_generation=generation, conditions=conditions).to_json()
    await write_status(world, key, {**told, **(known or {}), **{field: told[field] for field in _TOLD}})


def _conditions_in(stored: Manifest | None) -> tuple[Condition, ...]:
    """The conditions of a status that may be readable in no other part, and perhaps not even here."""
    try:
        return parse_status({"conditions": stored["conditions"]} if stored else None).conditions
    except (KeyError, ValueError):
        return ()


def is_worth_writing(wanted: Manifest, written: Manifest | None, *, age: float, refresh_seconds: float) -> bool:
    """Whether a status differs in what people wait for, or in numbers that are older than they may be."""
    if written is None or news(wanted) != news(written):
        return True
    return wanted != written and age >= refresh_seconds


def news(status: Manifest) -> Any:
    """The part of a status that is written at once: everything but numbers and the sentences around them."""
    decision = status.get("decision", {})
    return (
        status.get("observedGeneration"),
        status.get("phase"),
        [(entry["type"], entry["status"], entry["reason"]) for entry in status.get("conditions", [])],
        [(entry["name"], entry["finding"], entry.get("look")) for entry in status.get("objectives", [])],
        [(entry["name"], entry["finding"]) for entry in status.get("guardrails", [])],
        [(entry["challenger"], entry["finding"]) for entry in status.get("shadow", [])],
        [(entry["name"], entry["status"]) for entry in status.get("checks", [])],
        (decision.get("verdict"), decision.get("reason")),
        len(status.get("history", [])),
        status.get("startTime"),
        status.get("assignment"),
    )


async def announce(world: World, key: Key, experiment: Experiment) -> None:
    """One event for each line of the history since the last that was said; what fails is said at the next tick."""
    memory = world.memories[key]
    history = memory.state.history
    first = history.index(memory.announced) + 1 if memory.announced in history else 0
    for entry in history[first:]:
        if not await say(world, key, experiment, entry):
            return
        world.memories[key] = replace(world.memories[key], announced=entry)


async def say(world: World, key: Key, experiment: Experiment, entry: Entry) -> bool:
    """One event; whether it was written, now or before a crash."""
    try:
        await world.objects.create(EVENT, event_of(experiment, entry))
    except ConflictError:
        return True
    except ClusterError as error:
        log.warning("%s/%s: an event was not written: %s", *key, error)
        return False
    return True


def event_of(experiment: Experiment, entry: Entry) -> Manifest:
    """An event whose name follows from what it says, so that saying it twice is one event."""
    identity = f"{experiment.uid}{experiment.generation}{entry.phase}{entry.reason}{int(entry.time)}"
    time = wording.moment(entry.time).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.name,
        "metadata": {
            "namespace": experiment.namespace,
            "name": f"{experiment.name}.{hashlib.sha256(identity.encode()).hexdigest()[:16]}",
        },
        "involvedObject": {
            "apiVersion": MODEL_EXPERIMENT.api_version,
            "kind": MODEL_EXPERIMENT.name,
            "namespace": experiment.namespace,
            "name": experiment.name,
            "uid": experiment.uid,
        },
        "type": "Warning" if entry.reason in _ALARMING else "Normal",
        "reason": entry.reason,
        "message": entry.message[:1024],
        "source": {"component": REPORTER},
        "reportingComponent": REPORTER,
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
    }


async def hold(world: World, key: Key) -> None:
    """The finalizer: the object must not vanish while its route may carry the challenger."""
    manifest = world.cache.get(MODEL_EXPERIMENT, *key)
    if manifest is not None and FINALIZER not in manifest["metadata"].get("finalizers", []):
        await _set_finalizers(world, key, manifest, [*manifest["metadata"].get("finalizers", []), FINALIZER])


async def let_go(world: World, key: Key) -> None:
    """The route is gone: the object may go as well."""
    manifest = world.cache.get(MODEL_EXPERIMENT, *key)
    if manifest is not None and FINALIZER in manifest["metadata"].get("finalizers", []):
        kept = [name for name in manifest["metadata"]["finalizers"] if name != FINALIZER]
        await _set_finalizers(world, key, manifest, kept)


async def _set_finalizers(world: World, key: Key, manifest: Manifest, finalizers: list[str]) -> None:
    operations = [
        {"op": "test", "path": "/metadata/uid", "value": manifest["metadata"]["uid"]},
        {"op": "test", "path": "/metadata/resourceVersion", "value": manifest["metadata"]["resourceVersion"]},
        {"op": "add", "path": "/metadata/finalizers", "value": finalizers},
    ]
    changed = await world.objects.patch(MODEL_EXPERIMENT, *key, operations=operations)
    if changed is not None:
        world.cache.remember(MODEL_EXPERIMENT, changed)
