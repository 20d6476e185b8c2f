"""What the verdict of a shadow experiment may still be wrong about, and what a person should do next."""

from model_experiment.api.status import Verdict
from model_experiment.decision.observation import Experiment
from model_experiment.decision.plan import Plan
from model_experiment.decision.rules import Judgement


def risk_of(plan: Plan, judgement: Judgement) -> str | None:
    """The promise that stands behind a verdict, as a probability."""
    analysis, shadow = plan.spec.analysis, plan.spec.shadow
    match judgement.verdict:
        case Verdict.PASS:
            return (
                f"a challenger that differs in {shadow.maximum_divergence} of the pairs or more passes with probability"
                f" {analysis.alpha} at most, over the whole experiment; whether its answers are better is not known"
            )
        case Verdict.FAIL if judgement.reason == "GuardrailBreached":
            return (
                f"a challenger within its limits fails with probability {analysis.guardrail_alpha} at most, for each"
                " guardrail, over the whole experiment"
            )
        case Verdict.FAIL:
            return (
                "a challenger within its limit, or no worse than the champion with itself, fails with probability"
                f" {analysis.alpha} at most, for each of the two limits, over the whole experiment"
            )
        case _:
            return None


def actions_of(experiment: Experiment, judgement: Judgement) -> tuple[str, ...]:
    """The next steps of a person, most important first; none while the experiment goes on by itself."""
    again = "then apply a new experiment"
    match judgement.verdict, judgement.reason:
        case Verdict.PASS, _:
            return (
                "decide what the challenger must improve, write it where status.decision.nextManifest has angle"
                " brackets, and apply that: users then tell whether it is better",
                "this experiment is over and may stay: it holds neither the route nor the models",
            )
        case Verdict.FAIL, "GuardrailBreached":
            return (
                "find out why it broke its limit; the queries under status.guardrails show when",
                f"mend it, {again}",
            )
        case Verdict.FAIL, "AnswersNotComparable":
            return (
                f"find out why, by sum by (variant, reason) ({_named('not_comparable', experiment)}) in Prometheus",
                f"mend it, {again}",
            )
        case Verdict.FAIL, _:
            return (
                "look at where they differ: status.shadow[].fields, and pairs of answers, by kubectl exec"
                " -n <the operator's namespace> deployment/<its comparator> -- mexp shadow diff"
                f" {experiment.name} -n {experiment.namespace}",
                f"mend it, or declare what may differ in spec.shadow.outputs and ignore, {again}",
            )
        case Verdict.INCONCLUSIVE, "ChampionNoisy":
            return (
                "let spec.shadow.outputs and ignore say what may differ, or set maximumDivergence above what"
                f" {experiment.spec.champion.name} itself has, {again}",
            )
        case Verdict.INCONCLUSIVE, _:
            return (
                "mirror for longer or more of the requests; where there are few pairs, let spec.shadow.replay name the"
                f" requests that may be asked again; sum by (reason) ({_named('left_out', experiment)}) in Prometheus"
                " tells what was left out",
                "where the check Users waits, let more users in: those of one user are worth little more than one pair",
            )
        case _:
            return ()


def _named(family: str, experiment: Experiment) -> str:
    return f'model_experiment_shadow_{family}_total{{uid="{experiment.uid}"}}'
