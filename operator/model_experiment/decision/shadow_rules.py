"""From findings about answers to a verdict: the chain of a shadow experiment, safety first.

Users meet the champion alone, so nothing here is urgent for them; but a challenger that breaks is not asked on, and
copies that nobody can judge are not made for ever. ``Pass`` needs proof from complete, fresh data; ``Fail`` too, and
proof that the champion is not as bad itself. Each challenger is judged by itself, and the verdict comes when all are.
"""

from model_experiment.api.status import ShadowFinding, ShadowStatus, Verdict
from model_experiment.decision.findings import ShadowComparison
from model_experiment.decision.rules import Judgement, Rule, Situation, blind, blind_for_too_long, breached_guardrails

FAILED = frozenset({ShadowFinding.DIFFERENT, ShadowFinding.NOT_COMPARABLE})


def challenger_harmful(situation: Situation) -> Judgement | None:
    """A challenger broke a guardrail while it was asked again: users must not meet it."""
    breached = breached_guardrails(situation)
    if not breached:
        return None
    messages = tuple(guardrail.message or guardrail.name for guardrail in breached)
    return Judgement(Verdict.FAIL, "GuardrailBreached", messages[0], messages, breached[0].challenger)


def nothing_compared_yet(situation: Situation) -> Judgement | None:
    """The first pair is still to come."""
    comparison = situation.assessment.answers if situation.assessment else None
    if comparison is not None and (comparison.progress.at_end or any(each.pairs for each in comparison.challengers)):
        return None
    return Judgement(Verdict.CONTINUE, "Collecting", "the first pairs are still to come")


def answers_not_comparable(situation: Situation) -> Judgement | None:
    """No challenger's answers can be compared often enough, and the champion's can."""
    comparison = _compared(situation)
    if any(each.finding is not ShadowFinding.NOT_COMPARABLE for each in comparison.challengers):
        return None
    return _about(Verdict.FAIL, "AnswersNotComparable", comparison.challengers, comparison)


def answers_differ(situation: Situation) -> Judgement | None:
    """Every challenger fails, and one at least because its answers differ."""
    comparison = _compared(situation)
    if any(each.finding not in FAILED for each in comparison.challengers):
        return None
    different = [each for each in comparison.challengers if each.finding is ShadowFinding.DIFFERENT]
    return _about(Verdict.FAIL, "AnswersDiffer", different, comparison)


def answers_alike(situation: Situation) -> Judgement | None:
    """All challengers are judged, or the end is reached, and one at least answers as the champion does."""
    comparison = _compared(situation)
    alike = [each for each in comparison.challengers if each.finding is ShadowFinding.ALIKE]
    undecided = [each for each in comparison.challengers if each.finding is ShadowFinding.UNDECIDED]
    if not alike or not comparison.progress.minimum_passed or (undecided and not comparison.progress.at_end):
        return None
    return _about(Verdict.PASS, "AnswersAlike", alike, comparison)


def champion_noisy(situation: Situation) -> Judgement | None:
    """The champion itself differs more often than a challenger may: no comparison with it can pass."""
    comparison = _compared(situation)
    if not comparison.noise.noisy or comparison.progress.information < 1:
        return None
    said = tuple(each.message or each.challenger for each in comparison.challengers)
    return Judgement(Verdict.INCONCLUSIVE, "ChampionNoisy", comparison.noise.message, said)


def end_reached(situation: Situation) -> Judgement | None:
    """The time is over and nothing is proven."""
    comparison = _compared(situation)
    if not comparison.progress.at_end:
        return None
    said = tuple(each.message or each.challenger for each in comparison.challengers)
    evidence = (*said, comparison.repetition.message)
    return Judgement(Verdict.INCONCLUSIVE, "MaximumDurationReached", comparison.progress.message, evidence)


def collecting(situation: Situation) -> Judgement:
    """Not enough is known yet."""
    return Judgement(Verdict.CONTINUE, "Collecting", _compared(situation).progress.message)


SHADOW_RULES: tuple[Rule, ...] = (
    challenger_harmful,  # one credible signal is enough
    blind_for_too_long,  # copies that nobody can judge are not made on
    blind,  # no complete, fresh data: hold
    nothing_compared_yet,
    answers_not_comparable,
    answers_differ,  # proof, also against the champion's own noise
    answers_alike,
    champion_noisy,  # nobody can be alike
    end_reached,
    collecting,
)

SHADOW_SAFETY: tuple[Rule, ...] = SHADOW_RULES[:2]
"""The rules that hold wherever requests are mirrored."""


def _about(
    verdict: Verdict, reason: str, named: list[ShadowStatus] | tuple[ShadowStatus, ...], comparison: ShadowComparison
) -> Judgement:
    """A judgement about these challengers; those that are not named stand behind it."""
    first, *others = [each.message or each.challenger for each in named]
    unnamed = (each.message or each.challenger for each in comparison.challengers if each not in named)
    evidence = (first, *others, *unnamed, comparison.noise.message)
    return Judgement(verdict, reason, first, evidence, named[0].challenger if len(named) == 1 else "")


def _compared(situation: Situation) -> ShadowComparison:
    comparison = situation.assessment.answers if situation.assessment else None
    if comparison is None:
        raise ValueError("answers must be compared once nothing_compared_yet has passed, found none")
    return comparison
