"""How an experiment is remembered beyond this process: recalled after a restart, kept in a checkpoint now and then.

The checkpoint lives in a ConfigMap that the experiment owns: too large for status, too precious for memory alone. It
is written rarely; what was counted since comes back from Prometheus. The trap: evidence and ledger belong together,
so they are stored in one text and either both come back or neither.
"""

import base64
import gzip
import json
import logging
from dataclasses import replace
from typing import Any

from model_experiment.api.status import Phase
from model_experiment.controller.memory import Memory
from model_experiment.controller.recording import status_from
from model_experiment.controller.world import Key, World
from model_experiment.decision.account import state_of
from model_experiment.decision.evidence import Evidence, Harm, TakenLook
from model_experiment.decision.observation import Experiment
from model_experiment.decision.state import State
from model_experiment.errors import ClusterError
from model_experiment.metrics.ledger import Ledger
from model_experiment.metrics.ledger_storage import from_json, to_json
from model_experiment.objects import CONFIG_MAP, MODEL_EXPERIMENT, Manifest, Operation
from model_experiment.routing.ownership import is_ours, owned
from model_experiment.statistics.effects.effect import Effect, Scale
from model_experiment.statistics.guardrails.change_point import HarmEvidence, RequestCounts
from model_experiment.statistics.sequential.group_sequential import Look
from model_experiment.statistics.trust.sample_ratio import SampleRatioCheck

log = logging.getLogger(__name__)

KEY = "checkpoint.json.gz"


async def recall(world: World, key: Key, experiment: Experiment) -> Memory:
    """What is known of an experiment: from this process, or from status and checkpoint after a restart."""
    manifest = world.cache.get(MODEL_EXPERIMENT, *key)
    memory = world.memories.get(key)
    if memory is not None and memory.uid == experiment.uid:
        return memory
    stored: Manifest = (manifest or {}).get("status", {})
    state = state_of(status_from(stored))
    announced = state.history[-2] if len(state.history) > 1 else None  # the last line is said again; that is one event
    memory = Memory(uid=experiment.uid, state=state, status=stored, announced=announced)
    if state.started is None:
        return memory
    kept = await world.objects.get(CONFIG_MAP, experiment.namespace, experiment.route_name)
    text = kept.get("binaryData", {}).get(KEY) if kept and is_ours(kept, experiment) else None
    if text is None:
        return replace(memory, gap_since=state.started)
    try:
        ledger, evidence = from_checkpoint(text)
    except ValueError as error:
        log.warning("%s/%s: %s; counting again from its start", *key, error)
        return replace(memory, gap_since=state.started)
    gap_since = ledger.time or state.started
    return replace(memory, ledger=ledger, state=replace(state, evidence=evidence), gap_since=gap_since)


async def write_checkpoint(world: World, key: Key, experiment: Experiment) -> None:
    """Keeps ledger and evidence now and then, and at once where a look was spent or the phase moved."""
    memory = world.memories[key]
    state, now = memory.state, world.clock()
    if state.evidence.counts is None or experiment.deleting:
        return
    kept = (state.phase, sum(map(len, state.evidence.looks.values())))
    if kept == memory.kept and (now - memory.checkpoint_written < world.settings.checkpoint_seconds or _is_over(state)):
        return
    if await _keep(world, experiment, to_checkpoint(memory.ledger, state.evidence)):
        world.memories[key] = replace(memory, kept=kept, checkpoint_written=now)


def _is_over(state: State) -> bool:
    return state.phase is Phase.CONCLUDED


async def _keep(world: World, experiment: Experiment, text: str) -> bool:
    """Writes the checkpoint; one of an earlier experiment of the same name is left to the garbage collector."""
    name, namespace = experiment.route_name, experiment.namespace
    operations: list[Operation] = [
        {"op": "test", "path": "/metadata/ownerReferences/0/uid", "value": experiment.uid},
        {"op": "add", "path": "/binaryData", "value": {KEY: text}},
    ]
    try:
        if await world.objects.patch(CONFIG_MAP, namespace, name, operations=operations) is None:
            manifest = {"apiVersion": CONFIG_MAP.api_version, "kind": CONFIG_MAP.name, "binaryData": {KEY: text}}
            await world.objects.create(CONFIG_MAP, {**manifest, "metadata": owned(experiment)})
    except ClusterError as error:
        log.warning("%s/%s: the checkpoint waits: %s", namespace, experiment.name, error)
        return False
    return True


def to_checkpoint(ledger: Ledger, evidence: Evidence) -> str:
    """Ledger and evidence as the text that a ConfigMap keeps."""
    stored = {
        "ledger": to_json(ledger),
        "split": evidence.split.highest_log_e,
        "harm": [[*names, _stored_harm(harm)] for names, harm in evidence.harm.items()],
        "looks": {name: [_stored_look(taken) for taken in looks] for name, looks in evidence.looks.items()},
    }
    return base64.b64encode(gzip.compress(json.dumps(stored).encode(), mtime=0)).decode()


def from_checkpoint(text: str) -> tuple[Ledger, Evidence]:
    """What ``to_checkpoint`` wrote.

    Raises:
        ValueError: if the text is anything else.
    """
    try:
        stored = json.loads(gzip.decompress(base64.b64decode(text)))
        ledger = from_json(stored["ledger"])
        counts = ledger.totals() if ledger.incarnations else None
        return ledger, Evidence(
            counts=counts,
            compared=counts,
            harm={(challenger, guardrail): _harm(harm) for challenger, guardrail, harm in stored["harm"]},
            split=SampleRatioCheck(float(stored["split"])),
            looks={name: tuple(_look(taken) for taken in looks) for name, looks in stored["looks"].items()},
        )
    except (KeyError, TypeError, OSError, EOFError) as error:
        raise ValueError(f"a checkpoint must be what was written, found {text[:40]!r}: {error}") from error


def _stored_harm(harm: Harm) -> dict[str, Any]:
    return {
        "process": harm.process.to_storage(),
        "champion": [harm.champion.events, harm.champion.requests],
        "challenger": [harm.challenger.events, harm.challenger.requests],
        "breached": harm.breached,
    }


def _harm(stored: dict[str, Any]) -> Harm:
    return Harm(
        process=HarmEvidence.from_storage(stored["process"]),
        champion=RequestCounts(*stored["champion"]),
        challenger=RequestCounts(*stored["challenger"]),
        breached=bool(stored["breached"]),
    )


def _stored_look(taken: TakenLook) -> list[Any]:
    look, effect = taken.look, taken.effect
    return [
        [look.information, look.spent, look.bound],
        [effect.estimate, effect.standard_error, effect.degrees_of_freedom, effect.scale],
    ]


def _look(stored: list[Any]) -> TakenLook:
    (information, spent, bound), (estimate, error, freedom, scale) = stored
    return TakenLook(Look(information, spent, bound), Effect(estimate, error, freedom, Scale(scale)))
