"""What the newest counts say about harm, one finding for each guardrail and challenger.

For: the numbers and the sentence of a guardrail. Not for: the evidence itself, which ``evidence`` carries from poll to
poll, or what a breach leads to. The trap: the interval is for readers; only the evidence decides.
"""

from model_experiment.api.objectives import Guardrail
from model_experiment.api.status import GuardrailFinding, GuardrailStatus
from model_experiment.decision import wording
from model_experiment.decision.counts import Counts
from model_experiment.decision.evidence import Harm, request_tables, requests_of
from model_experiment.decision.plan import Plan, harm_measure
from model_experiment.statistics.effects import ratios
from model_experiment.statistics.guardrails.change_point import RequestCounts
from model_experiment.statistics.not_estimable import NotEstimable
from model_experiment.statistics.sequential.e_values import threshold
from model_experiment.statistics.tails import normal_quantile

METHOD = (
    "change-point mixture e-process over requests, counts divided by over-dispersion; interval 95%, from user buckets"
)


def guardrail_status(plan: Plan, guardrail: Guardrail, name: str, harm: Harm, counts: Counts) -> GuardrailStatus:
    """What is known of one kind of harm by the challenger of this name."""
    measure = harm_measure(guardrail)
    champion = requests_of(counts, plan.spec.champion.name, measure)
    challenger = requests_of(counts, name, measure)
    alarm = threshold(plan.spec.analysis.guardrail_alpha.value)
    return GuardrailStatus(
        name=guardrail.name,
        challenger=name,
        finding=_harm_finding(harm, challenger),
        champion_value=_rate(champion),
        challenger_value=_rate(challenger),
        interval=_rate_interval(plan, guardrail, name, counts),
        evidence=wording.evidence(harm.process.value),
        threshold=f"{alarm:g}",
        method=METHOD,
        query=plan.queries[measure],
        message=_harm_sentence(plan, guardrail, name, harm, champion=champion, challenger=challenger),
    )


def _harm_finding(harm: Harm, challenger: RequestCounts) -> GuardrailFinding:
    if harm.breached:
        return GuardrailFinding.BREACHED
    return GuardrailFinding.HOLDING if challenger.requests else GuardrailFinding.NOT_ESTIMABLE


def _harm_sentence(
    plan: Plan, guardrail: Guardrail, name: str, harm: Harm, *, champion: RequestCounts, challenger: RequestCounts
) -> str:
    allowed = (
        f"{guardrail.margin} worse than the champion is tolerated"
        if guardrail.margin is not None
        else f"{guardrail.limit} of requests is tolerated"
    )
    alarm = threshold(plan.spec.analysis.guardrail_alpha.value)
    return (
        f"{guardrail.name} of {name}: {_rate(challenger) or 'none'} of"
        f" {challenger.requests:.0f} requests against {_rate(champion) or 'none'} of {champion.requests:.0f} for"
        f" {plan.spec.champion.name}; {allowed}; evidence of harm {wording.evidence(harm.process.value)},"
        f" a breach is {alarm:g}"
    )


def _rate(counts: RequestCounts) -> str | None:
    return wording.percent(counts.events / counts.requests) if counts.requests else None


def _rate_interval(plan: Plan, guardrail: Guardrail, name: str, counts: Counts) -> str | None:
    """95 %: of the relative difference where a margin is set, of the challenger's own rate where a limit is."""
    champion, challenger = request_tables(plan, harm_measure(guardrail), name, counts)
    reach = float(normal_quantile(0.025))
    if guardrail.margin is not None:
        effect = ratios.relative_difference(champion=champion, challenger=challenger).single
        return None if isinstance(effect, NotEstimable) else wording.interval(effect.interval(reach))
    rate = ratios.level(challenger).single
    if isinstance(rate, NotEstimable):
        return None
    limits = rate.interval(reach)
    return f"[{wording.percent(max(0.0, limits.low))}, {wording.percent(min(1.0, limits.high))}]"
