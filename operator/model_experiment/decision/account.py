"""The account that an experiment gives of itself: its status, made from a decision, and read back after a restart.

For: every word in ``status`` but the findings. Not for: deciding anything; two accounts of one decision are equal.
"""

from model_experiment.api.status import (
    AssignmentStatus,
    Check,
    CheckStatus,
    DecisionStatus,
    HistoryEntry,
    ModelExperimentStatus,
    Phase,
    RampStatus,
    Role,
    ShadowStatus,
    ShareStatus,
    VariantStatus,
    Verdict,
)
from model_experiment.assignment import HOLDOUT, Assignment, Share
from model_experiment.decision import wording
from model_experiment.decision.advice import actions_of, risk_of
from model_experiment.decision.counts import EXPOSURES, REQUESTS, Measure
from model_experiment.decision.findings import ShadowComparison
from model_experiment.decision.health import health_of, with_health
from model_experiment.decision.machine import NOT_STARTED, Decision
from model_experiment.decision.next_manifest import next_manifest
from model_experiment.decision.observation import Blind, Experiment
from model_experiment.decision.plan import Plan
from model_experiment.decision.route import Obstacle, Open
from model_experiment.decision.rules import Judgement
from model_experiment.decision.splits import split_of
from model_experiment.decision.state import FINAL, Entry, State


def status_of(
    experiment: Experiment, plan: Plan, decision: Decision, *, previous: ModelExperimentStatus, now: float
) -> ModelExperimentStatus:
    """The whole status; ``previous`` keeps the times of what has not changed, and numbers that were not read again."""
    state = decision.state
    comparison = decision.assessment.comparison if decision.assessment else None
    answers = _answers_of(decision, previous=previous.shadow)
    return ModelExperimentStatus(
        observed_generation=experiment.generation,
        phase=state.phase,
        start_time=wording.moment(state.started) if state.started is not None else None,
        full_split_time=wording.moment(state.compared_since) if state.compared_since is not None else None,
        end_time=wording.moment(state.ended) if state.ended is not None else None,
        conditions=with_health(
            health_of(decision, now=now),
            generation=experiment.generation,
            previous=previous.conditions,
            now=now,
        ),
        ramp=_ramp_of(experiment, state),
        assignment=_assignment_of(experiment, state),
        variants=_variants_of(experiment, decision, previous=previous.variants),
        objectives=comparison.objectives if comparison else previous.objectives,
        guardrails=decision.assessment.guardrails if decision.assessment else previous.guardrails,
        shadow=answers,
        checks=checks_of(decision),
        decision=_decision_of(experiment, plan, decision, answers=answers, previous=previous.decision, now=now),
        history=tuple(
            HistoryEntry(time=wording.moment(entry.time), phase=entry.phase, reason=entry.reason, message=entry.message)
            for entry in state.history
        ),
    )


def state_of(status: ModelExperimentStatus) -> State:
    """What a new process remembers from a status; the evidence comes from elsewhere."""
    decision, assignment = status.decision, status.assignment
    compared = status.full_split_time or (None if status.ramp else status.start_time)
    final = decision is not None and decision.verdict in FINAL
    return State(
        phase=status.phase,
        assignment=Assignment(
            assignment.modulus, tuple(Share(share.variant, share.weight) for share in assignment.shares)
        )
        if assignment
        else None,
        stage=status.ramp.done if status.ramp else 0,
        stage_since=status.ramp.since.timestamp() if status.ramp and status.ramp.since else None,
        started=status.start_time.timestamp() if status.start_time else None,
        compared_since=compared.timestamp() if compared else None,
        ended=status.end_time.timestamp() if status.end_time else None,
        judgement=Judgement(
            decision.verdict, decision.reason, decision.message, decision.evidence, decision.challenger or ""
        )
        if decision and final
        else None,
        history=tuple(
            Entry(entry.time.timestamp(), entry.phase, entry.reason, entry.message) for entry in status.history
        ),
    )


def checks_of(decision: Decision) -> tuple[Check, ...]:
    """Every gate between now and a decision, with its numbers."""
    assessed = decision.assessment.comparison if decision.assessment else None
    checks = [_route_check(decision), _metrics_check(decision)]
    if decision.assessment is not None and decision.assessment.answers is not None:
        return (*checks, *_shadow_checks(decision.assessment.answers))
    if assessed is not None:
        split = CheckStatus.FAILED if assessed.split.mismatch else CheckStatus.PASSED
        checks.append(Check(name="SampleRatio", status=split, message=assessed.split.message))
        passed = assessed.progress.minimum_passed
        elapsed = wording.duration(assessed.progress.elapsed_seconds)
        checks.append(
            Check(
                name="MinimumDuration",
                status=_passed_or_waiting(passed=passed),
                message=f"{elapsed} since the split was opened",
            )
        )
        complete = assessed.progress.information >= 1
        checks.append(
            Check(name="Sample", status=_passed_or_waiting(passed=complete), message=assessed.progress.message)
        )
    return tuple(checks)


def _shadow_checks(answers: ShadowComparison) -> tuple[Check, ...]:
    """The gates before a challenger can pass."""
    progress, noise, repetition = answers.progress, answers.noise, answers.repetition
    return (
        Check(
            name="MinimumDuration",
            status=_passed_or_waiting(passed=progress.minimum_passed),
            message=f"{wording.duration(progress.elapsed_seconds)} since requests were first mirrored",
        ),
        Check(name="Pairs", status=_passed_or_waiting(passed=progress.information >= 1), message=progress.message),
        Check(name="Users", status=_passed_or_waiting(passed=repetition.enough), message=repetition.message),
        Check(
            name="NoiseFloor", status=CheckStatus.FAILED if noise.noisy else CheckStatus.PASSED, message=noise.message
        ),
    )


def _answers_of(decision: Decision, *, previous: tuple[ShadowStatus, ...]) -> tuple[ShadowStatus, ...]:
    """The findings about answers, with the fields that were named last."""
    answers = decision.assessment.answers if decision.assessment else None
    if answers is None:
        return previous
    fields = {each.challenger: each.fields for each in previous}
    return tuple(each.model_copy(update={"fields": fields.get(each.challenger, ())}) for each in answers.challengers)


def _route_check(decision: Decision) -> Check:
    if isinstance(decision.on_hold, Obstacle):
        return Check(name="Route", status=CheckStatus.WAITING, message=decision.on_hold.message)
    is_open = isinstance(decision.step, Open)
    if decision.state.phase is Phase.CONCLUDED:
        return Check(name="Route", status=CheckStatus.PASSED, message="the user's own route serves everybody")
    words = "the experiment's route is open" if is_open else "the user's own route serves everybody"
    requests = decision.assessment.route if decision.assessment else None
    if requests is not None and is_open:
        words = f"{words}; {requests.message}"
    return Check(name="Route", status=_passed_or_waiting(passed=is_open), message=words)


def _metrics_check(decision: Decision) -> Check:
    if isinstance(decision.on_hold, Blind):
        return Check(name="Metrics", status=CheckStatus.WAITING, message=decision.on_hold.message)
    there = decision.assessment is not None
    words = "counts of both variants are complete and fresh" if there else "no counts have been read yet"
    return Check(name="Metrics", status=_passed_or_waiting(passed=there), message=words)


def _passed_or_waiting(*, passed: bool) -> CheckStatus:
    return CheckStatus.PASSED if passed else CheckStatus.WAITING


def _assignment_of(experiment: Experiment, state: State) -> AssignmentStatus | None:
    if state.assignment is None or state.phase is Phase.PENDING:
        return None
    split = split_of(experiment, state.assignment.modulus, stage=state.stage)
    return AssignmentStatus(
        unit=experiment.spec.assignment.unit,
        header=experiment.spec.assignment.header,
        by=experiment.spec.assignment.by,
        position_header=experiment.spec.assignment.position_header,
        modulus=split.modulus,
        shares=tuple(ShareStatus(variant=share.variant, weight=share.weight) for share in split.shares),
    )


def _ramp_of(experiment: Experiment, state: State) -> RampStatus | None:
    steps = len(experiment.spec.ramp)
    if not steps:
        return None
    return RampStatus(
        steps=steps,
        done=state.stage,
        since=wording.moment(state.stage_since) if state.stage_since is not None else None,
    )


def _variants_of(
    experiment: Experiment, decision: Decision, *, previous: tuple[VariantStatus, ...]
) -> tuple[VariantStatus, ...]:
    """What each variant serves now: the whole of it is the champion's while the own route is not open."""
    assignment = decision.state.assignment
    if assignment is None:
        return ()
    serving = decision.step.assignment if isinstance(decision.step, Open) else None
    weights = {each.name: serving.weight(each.name) if serving else 0 for each in experiment.spec.challengers}
    held_out = serving.weight(HOLDOUT) if serving else 0
    weights = {experiment.spec.champion.name: assignment.modulus - held_out - sum(weights.values()), **weights}
    known = {variant.name: variant for variant in previous}
    return tuple(
        VariantStatus(
            name=name,
            role=Role.CHAMPION if name == experiment.spec.champion.name else Role.CHALLENGER,
            weight=own,
            share=wording.percent(own / assignment.modulus),
            users=_counted(decision, name, EXPOSURES, known=known[name].users if name in known else 0),
            requests=_counted(decision, name, REQUESTS, known=known[name].requests if name in known else 0),
        )
        for name, own in weights.items()
    )


def _counted(decision: Decision, variant: str, measure: Measure, *, known: int) -> int:
    counts = decision.state.evidence.counts
    return int(counts.total(variant, measure)) if counts and counts.has(variant, measure) else known


def _decision_of(
    experiment: Experiment,
    plan: Plan,
    decision: Decision,
    *,
    answers: tuple[ShadowStatus, ...],
    previous: DecisionStatus | None,
    now: float,
) -> DecisionStatus | None:
    judgement = decision.judgement
    if judgement == NOT_STARTED:
        return previous
    same = previous is not None and (previous.verdict, previous.reason) == (
        judgement.verdict,
        judgement.reason,
    )
    return DecisionStatus(
        verdict=judgement.verdict,
        reason=judgement.reason,
        message=judgement.message,
        challenger=judgement.challenger or None,
        time=previous.time if same and previous else wording.moment(now),
        risk=risk_of(plan, judgement),
        evidence=judgement.evidence,
        actions=actions_of(experiment, plan, judgement),
        next_manifest=next_manifest(experiment, answers) if judgement.verdict is Verdict.PASS else None,
    )
