"""The ramp: smaller splits before the full one, each for its time and until enough users have met it.

For: which step stands, and when the next one comes. Not for: what a ramp may end by; that is ``rules``. The trap is a
crash between the route and the status: the route may be a step further than is remembered, and then it is right.
"""

from dataclasses import replace

from model_experiment.api.status import Phase, Verdict
from model_experiment.decision import wording
from model_experiment.decision.counts import RAMP_EXPOSURES
from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Open, Seen, is_reached
from model_experiment.decision.rules import Judgement
from model_experiment.decision.splits import split_of
from model_experiment.decision.state import State


def ramped(experiment: Experiment, state: State, own: Seen | None, *, on_hold: bool, now: float) -> State:
    """The state with the next step of the ramp, once the present one has stood for its time and could be watched."""
    ramp = experiment.spec.ramp
    if state.phase is not Phase.RAMPING or state.stage >= len(ramp) or state.assignment is None:
        return state
    stands = is_reached(own, Open(split_of(experiment, state.assignment.modulus, stage=state.stage)))
    if on_hold or not stands:
        return replace(state, stage_since=None)
    since = now if state.stage_since is None else state.stage_since
    step = ramp[state.stage]
    held = now - since >= step.hold.seconds
    if not held or _exposures(experiment, state) < step.minimum_exposures:
        return replace(state, stage_since=since)
    return replace(state, stage=state.stage + 1, stage_since=None)


def reached_stage(experiment: Experiment, state: State, own: Seen | None) -> int:
    """The stage of the route where it is further than is remembered: a crash came between the two writes."""
    if own is None or state.assignment is None or not isinstance(own.route, Open):
        return state.stage
    modulus = state.assignment.modulus
    if own.route.assignment == split_of(experiment, modulus, stage=state.stage):
        return state.stage  # few positions may give two steps the same split
    later = range(state.stage + 1, len(experiment.spec.ramp) + 1)
    return next(
        (stage for stage in later if own.route.assignment == split_of(experiment, modulus, stage=stage)), state.stage
    )


def ramping(experiment: Experiment, state: State) -> Judgement:
    """How far the ramp is."""
    ramp, names = experiment.spec.ramp, wording.names([each.name for each in experiment.spec.challengers])
    if state.stage >= len(ramp):
        whole = experiment.spec.challengers_percent
        return Judgement(Verdict.CONTINUE, "Ramping", f"next comes the full split: {whole}% of the users meet {names}")
    step = ramp[state.stage]
    wanted = f" and until {step.minimum_exposures} have done so" if step.minimum_exposures else ""
    return Judgement(
        Verdict.CONTINUE,
        "Ramping",
        f"{step.percent}% of the users meet {names} for {step.hold}{wanted}, step {state.stage + 1} of"
        f" {len(ramp)} ({_exposures(experiment, state)} users so far); guardrails watch, objectives count from the"
        " full split on",
    )


def _exposures(experiment: Experiment, state: State) -> int:
    """How many users met a challenger during the ramp, as far as is known."""
    counts = state.evidence.counts
    if counts is None:
        return 0
    names = [each.name for each in experiment.spec.challengers if counts.has(each.name, RAMP_EXPOSURES)]
    return int(sum(counts.total(name, RAMP_EXPOSURES) for name in names))
