"""What a verdict may still be wrong about, and what a person should do next."""

from typing import assert_never

from model_experiment.api.status import Verdict
from model_experiment.api.words import OnSuccess
from model_experiment.decision import shadow_advice, wording
from model_experiment.decision.observation import Experiment
from model_experiment.decision.plan import Plan
from model_experiment.decision.rules import Judgement


def risk_of(plan: Plan, judgement: Judgement) -> str | None:
    """The promise that stands behind a verdict, as a probability."""
    return shadow_advice.risk_of(plan, judgement) if plan.spec.is_shadow else _risk_of_split(plan, judgement)


def actions_of(experiment: Experiment, plan: Plan, judgement: Judgement) -> tuple[str, ...]:
    """The next steps of a person, most important first; none while the experiment goes on by itself."""
    if experiment.spec.is_shadow:
        return shadow_advice.actions_of(experiment, judgement)
    return _actions_after_split(experiment, plan, judgement)


def _risk_of_split(plan: Plan, judgement: Judgement) -> str | None:
    alpha, harm = plan.spec.analysis.alpha, plan.spec.analysis.guardrail_alpha
    match judgement.verdict:
        case Verdict.PROMOTE:
            half = plan.spec.analysis.alpha.value / 2
            over = "all looks" if len(plan.spec.challengers) == 1 else "all looks and challengers"
            return f"a challenger without any effect is promoted with probability {half:g} at most, over {over}"
        case Verdict.KEEP_CHAMPION:
            miss = 1 - plan.spec.analysis.power.value
            return (
                f"a challenger that is better by {plan.spec.primary.minimum_effect} is missed with probability"
                f" {miss:.2g}; one without effect is called different with probability {alpha} at most"
            )
        case Verdict.ROLLBACK:
            return (
                f"a challenger within its limits is taken back with probability {harm} at most, for each guardrail,"
                " over the whole experiment"
            )
        case Verdict.INVALID if judgement.reason == "RouteNotEffective":
            return None
        case Verdict.INVALID:
            return "a split that happened as asked is called a mismatch with probability 0.001 at most"
        case Verdict.CONTINUE | Verdict.HOLD | Verdict.INCONCLUSIVE | Verdict.PASS | Verdict.FAIL:
            return None
        case _:
            assert_never(judgement.verdict)


def _actions_after_split(experiment: Experiment, plan: Plan, judgement: Judgement) -> tuple[str, ...]:
    spec = experiment.spec
    challengers, champion = spec.challengers, spec.champion
    names = judgement.challenger or wording.names([challenger.name for challenger in challengers])
    match judgement.verdict:
        case Verdict.PROMOTE if spec.on_success is OnSuccess.PROMOTE:
            return (
                _how_to_adopt(experiment, _backend(experiment, judgement.challenger)),
                f"keep {champion.backend_ref.name} running until then: requests without"
                f" {spec.assignment.header} still reach it",
            )
        case Verdict.PROMOTE:
            return (f"{names} won and {champion.name} keeps the traffic, as onSuccess is Report",)
        case Verdict.KEEP_CHAMPION:
            return (
                f"keep {champion.name}; {names} may be removed",
                "to look for a smaller effect, plan a new experiment with a smaller minimumEffect",
            )
        case Verdict.ROLLBACK:
            return (
                f"find out why {names} broke its limit; the queries under status.guardrails show when",
                "mend it, give it a new name, and apply a new experiment: the same users must not meet it again",
            )
        case Verdict.INVALID if judgement.reason == "RouteNotEffective":
            return (
                "find out which proxy of the gateway refused its routes, by its log or its update_rejected counters",
                "apply a new experiment when they take them; the numbers of this one mean nothing",
            )
        case Verdict.INVALID:
            return (
                "find out why users are missing: clients that retry, caches in front of the gateway, a lost access log",
                "apply a new experiment when the split is right; the numbers of this one mean nothing",
            )
        case Verdict.INCONCLUSIVE:
            return (
                f"run longer, give {names} a larger share, or accept a larger minimumEffect:"
                f" {plan.planned_total} users are needed for {spec.primary.minimum_effect}",
            )
        case Verdict.CONTINUE | Verdict.HOLD | Verdict.PASS | Verdict.FAIL:
            return ()
        case _:
            assert_never(judgement.verdict)


def _how_to_adopt(experiment: Experiment, backend: str) -> str:
    """What a promotion waits for."""
    route, champion = experiment.spec.routing.user_route, experiment.spec.champion.backend_ref.served_by
    if experiment.spec.routing.is_shared:
        return f"give the whole weight of {route} to {backend}, in your manifest too; the operator then lets go of it"
    return f"point the rule of {route} at {backend} instead of {champion}; the operator then removes its own route"


def _backend(experiment: Experiment, challenger: str) -> str:
    """The backend of the challenger of that name."""
    return next(each.backend_ref.served_by for each in experiment.spec.challengers if each.name == challenger)
