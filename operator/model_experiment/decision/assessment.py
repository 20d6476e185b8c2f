"""What the newest counts mean, one finding a question.

For: turning evidence into findings with numbers and a sentence. Not for: what follows; that is ``rules``. The trap:
two intervals of one effect. The *decision* interval belongs to the last look and is the one that the verdict agrees
with; the *anytime* interval holds at every moment and is therefore wider.
"""

from model_experiment.api.objectives import Objective
from model_experiment.api.status import (
    ObjectiveFinding,
    ObjectiveStatus,
    UserCounts,
)
from model_experiment.api.words import Better
from model_experiment.decision import wording
from model_experiment.decision.counts import EXPOSURES, Counts, Measure
from model_experiment.decision.evidence import (
    Evidence,
    TakenLook,
    effect_of,
    ended,
    information_of,
    users_of,
    users_of_pair,
)
from model_experiment.decision.findings import Assessment, ChallengerFinding, Comparison, Progress, SplitFinding
from model_experiment.decision.guardrails import guardrail_status
from model_experiment.decision.plan import Plan, outcome_measure
from model_experiment.decision.shadow import compare_answers
from model_experiment.decision.verification import finding_of
from model_experiment.statistics.effects.effect import Effect
from model_experiment.statistics.not_estimable import NotEstimable
from model_experiment.statistics.sequential.normal_mixture import NormalMixture

OBJECTIVE_METHOD = (
    "relative difference per exposed user from 100 user buckets, delta method, t; Lan-DeMets O'Brien-Fleming bounds;"
    " beside it an anytime interval (normal mixture)"
)
_LEAST_TO_EXTRAPOLATE = 0.02


def assess(plan: Plan, evidence: Evidence, *, now: float, compared_since: float | None) -> Assessment | None:
    """All findings; None before the first counts.

    ``compared_since`` is when the full split was opened, or the mirror.
    """
    counts, compared = evidence.counts, evidence.compared
    if counts is None:
        return None
    return Assessment(
        guardrails=tuple(
            guardrail_status(plan, guardrail, challenger.name, evidence.harm[challenger.name, guardrail.name], counts)
            for challenger in plan.spec.challengers
            for guardrail in plan.spec.guardrails
        ),
        comparison=(
            _compare(plan, evidence, compared, elapsed=now - compared_since)
            if compared is not None and compared_since is not None
            else None
        ),
        route=finding_of(plan, evidence.route.seen) if evidence.route is not None else None,
        answers=(
            compare_answers(plan, counts, elapsed=now - compared_since)
            if plan.spec.is_shadow and compared_since is not None
            else None
        ),
    )


def _compare(plan: Plan, evidence: Evidence, compared: Counts, *, elapsed: float) -> Comparison:
    return Comparison(
        challengers=tuple(_challenger(plan, each.name, evidence, compared) for each in plan.spec.challengers),
        split=_split(plan, evidence, compared),
        progress=_progress(plan, evidence, compared, elapsed=elapsed),
    )


def _challenger(plan: Plan, challenger: str, evidence: Evidence, compared: Counts) -> ChallengerFinding:
    primary, *others = plan.spec.objectives
    looks = evidence.looks_at(challenger)
    sign = 1 if primary.better is Better.HIGHER else -1
    return ChallengerFinding(
        objectives=(
            _primary(plan, primary, challenger, looks, compared),
            *(_secondary(plan, objective, challenger, compared) for objective in others),
        ),
        gain=sign * looks[-1].effect.value if looks else 0.0,
    )


def anytime_multiplier(plan: Plan, challenger: str, counts: Counts) -> float:
    """How many standard errors an interval must reach to hold at every moment, tuned at the planned end."""
    mixture = NormalMixture.tuned_at(2 * plan.users_per_variant, alpha=plan.alpha)
    return float(mixture.multiplier(sum(users_of_pair(plan, challenger, counts)), alpha=plan.alpha))


def _primary(
    plan: Plan, objective: Objective, challenger: str, looks: tuple[TakenLook, ...], counts: Counts
) -> ObjectiveStatus:
    effect = effect_of(plan, objective, challenger, counts)
    if isinstance(effect, NotEstimable):
        return _not_estimable(plan, objective, challenger, counts, missing=effect)
    shown = _shown(plan, objective, challenger, counts, effect=effect)
    if not looks:
        return shown
    taken = looks[-1]
    return shown.model_copy(
        update={
            "finding": _direction(objective, taken.effect) if taken.crossed else ObjectiveFinding.UNDECIDED,
            "interval": wording.interval(taken.effect.interval(taken.look.bound)),
            "p_value": wording.p_value(taken.effect.p_value),
            "look": _look_number(plan, taken),
            "message": f"{_look_sentence(plan, objective, challenger, taken)}; now {shown.message}",
        }
    )


def _secondary(plan: Plan, objective: Objective, challenger: str, counts: Counts) -> ObjectiveStatus:
    """An objective beside the primary one is judged by its anytime interval, and decides nothing."""
    effect = effect_of(plan, objective, challenger, counts)
    if isinstance(effect, NotEstimable):
        return _not_estimable(plan, objective, challenger, counts, missing=effect)
    shown = _shown(plan, objective, challenger, counts, effect=effect)
    if effect.interval(anytime_multiplier(plan, challenger, counts)).contains(0):
        return shown
    return shown.model_copy(update={"finding": _direction(objective, effect)})


def _shown(plan: Plan, objective: Objective, name: str, counts: Counts, *, effect: Effect) -> ObjectiveStatus:
    limits = wording.interval(effect.interval(anytime_multiplier(plan, name, counts)))
    level = f"{(1 - plan.alpha) * 100:.4g}%"
    champion, challenger = users_of_pair(plan, name, counts)
    return _blank(plan, objective, name, counts).model_copy(
        update={
            "effect": wording.signed_percent(effect.value),
            "anytime_interval": limits,
            "message": (
                f"{objective.name} of {name} is {wording.signed_percent(effect.value)} against"
                f" {plan.spec.champion.name} ({level} interval at any time {limits}, {challenger:.0f} and"
                f" {champion:.0f} users)"
            ),
        }
    )


def _not_estimable(
    plan: Plan, objective: Objective, name: str, counts: Counts, *, missing: NotEstimable
) -> ObjectiveStatus:
    return _blank(plan, objective, name, counts).model_copy(
        update={
            "finding": ObjectiveFinding.NOT_ESTIMABLE,
            "message": f"{objective.name} of {name} cannot be estimated: {missing.reason}",
        }
    )


def _blank(plan: Plan, objective: Objective, name: str, counts: Counts) -> ObjectiveStatus:
    measure = outcome_measure(objective.source.outcome.name)
    champion, challenger = users_of_pair(plan, name, counts)
    return ObjectiveStatus(
        name=objective.name,
        challenger=name,
        finding=ObjectiveFinding.UNDECIDED,
        champion_value=_value_per_user(counts, plan.spec.champion.name, measure),
        challenger_value=_value_per_user(counts, name, measure),
        users=UserCounts(champion=int(champion), challenger=int(challenger)),
        method=OBJECTIVE_METHOD,
        query=plan.queries[measure],
    )


def _value_per_user(counts: Counts, variant: str, measure: Measure) -> str | None:
    users = counts.total(variant, EXPOSURES)
    return wording.per_user(counts.total(variant, measure) / users) if users else None


def _direction(objective: Objective, effect: Effect) -> ObjectiveFinding:
    higher = effect.estimate > 0
    improves = higher if objective.better is Better.HIGHER else not higher
    return ObjectiveFinding.BETTER if improves else ObjectiveFinding.WORSE


def _look_number(plan: Plan, taken: TakenLook) -> str:
    return f"{min(plan.looks, int(taken.look.information * plan.looks + 1e-9))}/{plan.looks}"


def _look_sentence(plan: Plan, objective: Objective, name: str, taken: TakenLook) -> str:
    crossed = "reaches" if taken.crossed else "is below"
    limits = wording.interval(taken.effect.interval(taken.look.bound))
    return (
        f"at look {_look_number(plan, taken)} {objective.name} of {name} was"
        f" {wording.signed_percent(taken.effect.value)} {limits}: |z| {abs(taken.effect.z):.2f} {crossed}"
        f" the bound {taken.look.bound:.2f}"
    )


def _split(plan: Plan, evidence: Evidence, counts: Counts) -> SplitFinding:
    by_variant = users_of(plan, counts)
    users, whole = sum(by_variant), sum(plan.weights)
    challengers = zip(plan.spec.challengers, by_variant[1:], plan.weights[1:], strict=True)
    met = [
        f"{each.name} met {f'{own / users * 100:.2f}%' if users else 'none'} of {users:.0f} users,"
        f" {weight / whole * 100:g}% were asked for"
        for each, own, weight in challengers
    ]
    return SplitFinding(
        mismatch=evidence.split.is_mismatch(),
        message=f"{'; '.join(met)} (p {wording.p_value(evidence.split.p_value)}, a mismatch is below 0.001)",
    )


def _progress(plan: Plan, evidence: Evidence, counts: Counts, *, elapsed: float) -> Progress:
    analysis = plan.spec.analysis
    names = [challenger.name for challenger in plan.spec.challengers]
    all_ended = all(ended(plan, evidence.looks_at(name)) for name in names)
    at_end = all_ended or elapsed >= analysis.maximum_duration.seconds
    information = min(information_of(plan, name, counts) for name in names)
    users, planned = int(sum(users_of(plan, counts))), plan.planned_total
    there = (
        f"{information * 100:.0f}% of the planned sample is there ({users} users, {planned} planned at an even split)"
    )
    return Progress(
        elapsed_seconds=elapsed,
        information=information,
        minimum_passed=elapsed >= analysis.minimum_duration.seconds,
        at_end=at_end,
        message=there if at_end else there + _outlook(plan, information=information, elapsed=elapsed),
    )


def _outlook(plan: Plan, *, information: float, elapsed: float) -> str:
    """How long the rest takes at the pace so far; nothing while there is no pace to speak of."""
    if information < _LEAST_TO_EXTRAPOLATE:
        return ""
    minimum, maximum = plan.spec.analysis.minimum_duration.seconds, plan.spec.analysis.maximum_duration.seconds
    wait = max(minimum - elapsed, elapsed * (1 - information) / information)
    if wait >= maximum - elapsed:
        return f"; it will not be complete within the {wording.duration(maximum - elapsed)} that are left"
    return f"; about {wording.duration(wait)} to go"
