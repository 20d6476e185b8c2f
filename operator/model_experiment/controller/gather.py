"""Reads everything that one tick may need into one frozen observation."""

from dataclasses import replace
from typing import assert_never

from model_experiment.api.status import Phase
from model_experiment.controller.memory import Memory
from model_experiment.controller.world import World
from model_experiment.decision.counts import Counts
from model_experiment.decision.observation import Blind, Experiment, Observation
from model_experiment.decision.plan import measures_of
from model_experiment.metrics.families import exporter_of
from model_experiment.metrics.ledger import Ledger
from model_experiment.metrics.source import (
    Answer,
    History,
    NoData,
    NotANumber,
    Question,
    SourceDown,
    Stale,
    Value,
)

_ALMOST = 0.99  # a wake-up a moment before its time is in time
_MOST_MISSED = 240  # evaluations that are made up for after a restart; a longer gap is walked in longer steps
_MEASURED = frozenset({Phase.STARTING, Phase.RAMPING, Phase.RUNNING, Phase.PROMOTING, Phase.PROMOTED})


async def gather(world: World, experiment: Experiment, memory: Memory) -> tuple[Observation, Memory]:
    """What is the case now, and what to remember of having looked."""
    now, counts = world.clock(), list[Counts]()
    if memory.state.phase in _MEASURED and abs(now - memory.evaluated) >= world.settings.poll_seconds * _ALMOST:
        for answer in await _answers(world, experiment, memory, now):
            ledger = memory.ledger.with_snapshot(answer.snapshot) if isinstance(answer, Value) else memory.ledger
            memory = replace(memory, ledger=ledger, blind=blindness(answer, ledger))
            if isinstance(answer, Value):
                counts.append(ledger.totals())
        since = (memory.gap_since or memory.ledger.time or None) if isinstance(answer, SourceDown) else None
        memory = replace(memory, evaluated=now, gap_since=since)
    routes = world.router.read(experiment)
    recorded = Phase((memory.status or {}).get("phase", Phase.PENDING))
    observation = Observation(now=now, routes=routes, recorded=recorded, counts=tuple(counts), blind=memory.blind)
    return observation, memory


async def _answers(world: World, experiment: Experiment, memory: Memory, now: float) -> tuple[Answer, ...]:
    """The newest evaluation, after a restart preceded by those that were missed."""
    spec = experiment.spec
    question = Question(
        uid=experiment.uid,
        variants=tuple(variant.name for variant in spec.variants),
        measures=measures_of(spec),
        exporter=exporter_of(spec.strategy),
    )
    if memory.gap_since is None:
        return (await world.source.read(question, at=now),)
    step = max(world.settings.poll_seconds, (now - memory.gap_since) / _MOST_MISSED)
    match await world.source.read_range(question, start=memory.gap_since + step, end=now, step=step):
        case SourceDown() as down:
            return (down,)
        case History(answers):
            return tuple(answer for _, answer in answers)


def blindness(answer: Answer, ledger: Ledger) -> Blind | None:
    """Why the newest evaluation cannot be relied on; None for complete and fresh counts."""
    match answer:
        case Value(warnings=()):
            faults = "; ".join(ledger.faults.values())
            return Blind("CountsInconsistent", faults) if faults else None
        case Value():
            return Blind("MetricsIncomplete", answer.reason)
        case NoData(reason):
            return Blind("MetricsMissing", reason)
        case NotANumber(reason):
            return Blind("MetricsNotANumber", reason)
        case Stale(reason=reason):
            return Blind("MetricsStale", reason)
        case SourceDown(reason):
            return Blind("MetricsUnavailable", reason)
        case _:
            assert_never(answer)
