"""From findings to a verdict: an ordered chain of small rules, safety first.

``RULES`` is the documentation: the first rule that has something to say wins. A rule sees one ``Situation`` and answers
with a ``Judgement`` or with None. A rollback needs one credible signal; a promotion needs proof from complete, fresh
data of both variants, which is why the rules about blindness stand between the two.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from model_experiment.api.status import GuardrailFinding, GuardrailStatus, ObjectiveFinding, ObjectiveStatus, Verdict
from model_experiment.decision.findings import Assessment, ChallengerFinding, Comparison
from model_experiment.decision.observation import Blind, Experiment


@dataclass(frozen=True, slots=True)
class Situation:
    """What a rule may look at. ``blind_seconds`` is how long nothing could be judged, up to now."""

    experiment: Experiment
    assessment: Assessment | None
    blind: Blind | None
    blind_seconds: float
    blindness_budget_seconds: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, its reason (one CamelCase word, unique), the sentence for a person, and what stands behind it.

    ``challenger`` is the one that wins or does harm; empty where the verdict is about none of them alone.
    """

    verdict: Verdict
    reason: str
    message: str
    evidence: tuple[str, ...] = ()
    challenger: str = ""


Rule = Callable[[Situation], Judgement | None]


def guardrail_breached(situation: Situation) -> Judgement | None:
    """A challenger does harm: take the traffic back now, that of all of them, whatever else is the case."""
    breached = breached_guardrails(situation)
    if not breached:
        return None
    messages = tuple(guardrail.message or guardrail.name for guardrail in breached)
    return Judgement(Verdict.ROLLBACK, "GuardrailBreached", messages[0], messages, breached[0].challenger)


def split_not_as_asked(situation: Situation) -> Judgement | None:
    """Users did not meet the variants in the shares that were asked for: nothing measured here can be trusted."""
    comparison = situation.assessment.comparison if situation.assessment else None
    if comparison is None or not comparison.split.mismatch:
        return None
    return Judgement(Verdict.INVALID, "SampleRatioMismatch", comparison.split.message)


def route_not_effective(situation: Situation) -> Judgement | None:
    """Users meet other variants than the route says, or never reach it: the gateway does not do what it accepted."""
    route = situation.assessment.route if situation.assessment else None
    if route is None or route.effective:
        return None
    return Judgement(Verdict.INVALID, "RouteNotEffective", route.message)


def blind_for_too_long(situation: Situation) -> Judgement | None:
    """A challenger must not go on with traffic that nobody can judge."""
    if situation.blind is None or situation.blind_seconds <= situation.blindness_budget_seconds:
        return None
    return Judgement(
        Verdict.INCONCLUSIVE,
        "BlindForTooLong",
        f"the metrics could not be read for {situation.blind_seconds:.0f} s, the limit is"
        f" {situation.blindness_budget_seconds:.0f} s; the challenger was not found to be worse."
        f" {situation.blind.message}",
    )


def blind(situation: Situation) -> Judgement | None:
    """No complete and fresh data now: nothing is promoted and nothing is called lost."""
    if situation.blind is None:
        return None
    return Judgement(Verdict.HOLD, situation.blind.reason, situation.blind.message)


def nothing_counted_yet(situation: Situation) -> Judgement | None:
    """The first evaluation is still to come."""
    if situation.assessment is not None and situation.assessment.comparison is not None:
        return None
    return Judgement(Verdict.CONTINUE, "Collecting", "the first counts are still to come")


def challenger_worse(situation: Situation) -> Judgement | None:
    """The primary objective of every challenger crossed its bound on the wrong side."""
    comparison = _compared(situation)
    if any(each.primary.finding is not ObjectiveFinding.WORSE for each in comparison.challengers):
        return None
    best, *others = _by_gain(comparison.challengers)
    said = (*(_said(each.primary) for each in others), comparison.progress.message)
    return Judgement(Verdict.KEEP_CHAMPION, "ChallengerWorse", _said(best.primary), said)


def challenger_better(situation: Situation) -> Judgement | None:
    """The primary objective crossed its bound on the right side, at a planned look, past the minimum duration.

    Of several that did, the one with the largest gain wins.
    """
    comparison = _compared(situation)
    better = [each for each in comparison.challengers if each.primary.finding is ObjectiveFinding.BETTER]
    if not better:
        return None
    winner = _by_gain(better)[0]
    others = (_said(each.primary) for each in comparison.challengers if each is not winner)
    said = (*others, comparison.progress.message)
    return Judgement(Verdict.PROMOTE, "ChallengerBetter", _said(winner.primary), said, winner.primary.challenger)


def planned_end_reached(situation: Situation) -> Judgement | None:
    """The last look is over and no bound was crossed."""
    comparison, progress = _compared(situation), _compared(situation).progress
    if not progress.at_end:
        return None
    best, *others = (_said(each.primary) for each in _by_gain(comparison.challengers))
    if progress.information >= 1:
        return Judgement(Verdict.KEEP_CHAMPION, "NoImprovementShown", best, (*others, progress.message))
    return Judgement(Verdict.INCONCLUSIVE, "MaximumDurationReached", progress.message, (best, *others))


def collecting(situation: Situation) -> Judgement:
    """Not enough is known yet, and that is a state of its own."""
    return Judgement(Verdict.CONTINUE, "Collecting", _compared(situation).progress.message)


RULES: tuple[Rule, ...] = (
    guardrail_breached,  # harm: one credible signal is enough
    route_not_effective,  # a split that is not there decides nothing
    split_not_as_asked,  # data that cannot be trusted decide nothing
    blind_for_too_long,  # traffic that nobody can judge goes back
    blind,  # no complete, fresh data: hold
    nothing_counted_yet,
    challenger_worse,
    challenger_better,  # proof, from here on complete and fresh
    planned_end_reached,
    collecting,
)


SAFETY: tuple[Rule, ...] = RULES[:4]
"""The rules that hold wherever a challenger has traffic, even before the split has settled."""


def first_judgement(rules: Sequence[Rule], situation: Situation) -> Judgement | None:
    """The judgement of the first of some rules that has one."""
    judgements = (rule(situation) for rule in rules)
    return next((judgement for judgement in judgements if judgement is not None), None)


def breached_guardrails(situation: Situation) -> list[GuardrailStatus]:
    """The guardrails that a challenger has broken."""
    guardrails = situation.assessment.guardrails if situation.assessment else ()
    return [guardrail for guardrail in guardrails if guardrail.finding is GuardrailFinding.BREACHED]


def _compared(situation: Situation) -> Comparison:
    comparison = situation.assessment.comparison if situation.assessment else None
    if comparison is None:
        raise ValueError("a comparison must be there once nothing_counted_yet has passed, found none")
    return comparison


def _by_gain(challengers: Sequence[ChallengerFinding]) -> list[ChallengerFinding]:
    return sorted(challengers, key=lambda each: -each.gain)


def _said(objective: ObjectiveStatus) -> str:
    return objective.message or objective.name
