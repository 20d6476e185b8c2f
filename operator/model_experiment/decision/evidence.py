"""What has been learnt so far: a fold over counts, one poll after the other.

For: everything that depends on *when* something was looked at, such as evidence of harm and the looks already taken.
What depends on the newest counts alone is worked out anew by ``assessment``.

The trap: looking costs. Every look at the primary objective spends alpha and is kept for ever; no look is taken before
the minimum duration, because nothing could follow from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from model_experiment.api.objectives import Guardrail, Objective
from model_experiment.assignment import Assignment
from model_experiment.decision.counts import EXPOSURES, REQUESTS, Counts, Measure
from model_experiment.decision.plan import Plan, harm_measure, outcome_measure
from model_experiment.decision.verification import Verification
from model_experiment.statistics.effects import ratios
from model_experiment.statistics.effects.effect import Effect
from model_experiment.statistics.guardrails import change_point
from model_experiment.statistics.guardrails.change_point import HarmEvidence, Poll, RequestCounts
from model_experiment.statistics.not_estimable import NotEstimable
from model_experiment.statistics.sequential import group_sequential
from model_experiment.statistics.sequential.e_values import threshold
from model_experiment.statistics.sequential.group_sequential import Look
from model_experiment.statistics.summaries.buckets import BucketTable
from model_experiment.statistics.trust.sample_ratio import SampleRatioCheck

NOTHING = RequestCounts(0, 0)
UNSUSPECTED = SampleRatioCheck()


@dataclass(frozen=True, slots=True)
class Harm:
    """The evidence against one guardrail, the totals it has seen, and whether it ever alarmed."""

    process: HarmEvidence
    champion: RequestCounts = NOTHING
    challenger: RequestCounts = NOTHING
    breached: bool = False


@dataclass(frozen=True, slots=True)
class TakenLook:
    """A look at the primary objective and the effect that was seen; it stopped where |z| reached the bound."""

    look: Look
    effect: Effect

    @property
    def crossed(self) -> bool:
        """Whether the bound was reached."""
        return abs(self.effect.z) >= self.look.bound


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the polls and looks so far have shown.

    ``counts`` are the newest; ``compared`` are the newest of those that came while the split stood, which alone say
    something about the split and the objectives. ``harm`` is by challenger and guardrail, ``looks`` by challenger.
    ``route`` is what the requests of the present route say about it; a restart begins it anew.
    """

    counts: Counts | None = None
    compared: Counts | None = None
    harm: Mapping[tuple[str, str], Harm] = field(default_factory=lambda: MappingProxyType({}))
    split: SampleRatioCheck = UNSUSPECTED
    looks: Mapping[str, tuple[TakenLook, ...]] = field(default_factory=lambda: MappingProxyType({}))
    route: Verification | None = None

    def looks_at(self, challenger: str) -> tuple[TakenLook, ...]:
        """The looks at one challenger's primary objective, oldest first."""
        return self.looks.get(challenger, ())


def with_harm(plan: Plan, evidence: Evidence, counts: Counts) -> Evidence:
    """The evidence of harm after one more poll; counts that are not newer change nothing."""
    if evidence.counts is not None and counts.time <= evidence.counts.time:
        return evidence
    harm = {
        (challenger.name, guardrail.name): _watched(
            plan, guardrail, challenger.name, evidence.harm.get((challenger.name, guardrail.name)), counts
        )
        for challenger in plan.spec.challengers
        for guardrail in plan.spec.guardrails
    }
    return replace(evidence, counts=counts, harm=harm)


def with_comparison(plan: Plan, evidence: Evidence, counts: Counts, *, since: float) -> Evidence:
    """The evidence about the split and the objective after a poll during which the full split stood, open ``since``."""
    if evidence.compared is not None and counts.time <= evidence.compared.time:
        return evidence
    elapsed = counts.time - since
    looks = {
        each.name: _looked(plan, each.name, evidence.looks_at(each.name), counts, elapsed=elapsed)
        for each in plan.spec.challengers
    }
    split = evidence.split.with_users(users_of(plan, counts), weights=plan.weights)
    return replace(evidence, compared=counts, split=split, looks=looks)


def with_route(plan: Plan, evidence: Evidence, counts: Counts, split: Assignment) -> Evidence:
    """The evidence about the route after a poll during which this split stood, settled."""
    known = evidence.route if evidence.route is not None and evidence.route.split == split else None
    return replace(evidence, route=(known or Verification(split, counts.time)).with_counts(plan, counts))


def users_of(plan: Plan, counts: Counts) -> tuple[float, ...]:
    """Exposed users of the champion and of each challenger."""
    return tuple(counts.total(variant.name, EXPOSURES) for variant in plan.spec.variants)


def users_of_pair(plan: Plan, challenger: str, counts: Counts) -> tuple[float, float]:
    """Exposed users of the champion and of one challenger."""
    return counts.total(plan.spec.champion.name, EXPOSURES), counts.total(challenger, EXPOSURES)


def information_of(plan: Plan, challenger: str, counts: Counts) -> float:
    """The share of the planned sample, 0 to 1, where an uneven split counts as the even one of the same precision."""
    champion, own = users_of_pair(plan, challenger, counts)
    if champion == 0 or own == 0:
        return 0.0
    even = 2 / (1 / champion + 1 / own)
    return group_sequential.information_fraction(even, planned=plan.users_per_variant)


def effect_of(plan: Plan, objective: Objective, challenger: str, counts: Counts) -> Effect | NotEstimable:
    """The challenger's value of an objective relative to the champion's, per exposed user."""
    measure = outcome_measure(objective.source.outcome.name)
    champion, own = _tables(plan, challenger, counts, events=measure, trials=EXPOSURES)
    return ratios.relative_difference(champion=champion, challenger=own).single


def phi_of(plan: Plan, measure: Measure, challenger: str, counts: Counts) -> float:
    """How much more a rate of requests varies because users repeat themselves; 1 where it cannot be measured."""
    phi = ratios.overdispersion(*request_tables(plan, measure, challenger, counts)).single
    return 1.0 if isinstance(phi, NotEstimable) else phi


def request_tables(plan: Plan, measure: Measure, challenger: str, counts: Counts) -> tuple[BucketTable, BucketTable]:
    """Events of a measure among the requests of champion and challenger, by user bucket."""
    return _tables(plan, challenger, counts, events=measure, trials=REQUESTS)


def _tables(
    plan: Plan, challenger: str, counts: Counts, *, events: Measure, trials: Measure
) -> tuple[BucketTable, BucketTable]:
    champion, own = (
        BucketTable(counts.buckets(variant, events), counts.buckets(variant, trials))
        for variant in (plan.spec.champion.name, challenger)
    )
    return champion, own


def requests_of(counts: Counts, variant: str, measure: Measure) -> RequestCounts:
    """All requests of a variant so far, and how many of them are events of a measure."""
    return RequestCounts(counts.total(variant, measure), counts.total(variant, REQUESTS))


def _watched(plan: Plan, guardrail: Guardrail, name: str, before: Harm | None, counts: Counts) -> Harm:
    """The evidence of harm by the challenger of that name after one more poll."""
    harm = before or Harm(HarmEvidence.at_start(planned_polls=plan.polls))
    measure = harm_measure(guardrail)
    champion = requests_of(counts, plan.spec.champion.name, measure)
    challenger = requests_of(counts, name, measure)
    poll = _poll(
        guardrail,
        champion=_since(champion, harm.champion),
        challenger=_since(challenger, harm.challenger),
        phi=phi_of(plan, measure, name, counts),
    )
    process = harm.process.with_poll(poll)
    alarmed = process.reaches(threshold(plan.spec.analysis.guardrail_alpha.value))
    return Harm(process, champion, challenger, breached=harm.breached or alarmed)


def _poll(guardrail: Guardrail, *, champion: RequestCounts, challenger: RequestCounts, phi: float) -> Poll:
    if guardrail.margin is not None:
        ratio = 1 + guardrail.margin.ratio
        return change_point.relative_poll(champion=champion, challenger=challenger, ratio=ratio, phi=phi)
    if guardrail.limit is not None:
        return change_point.absolute_poll(challenger=challenger, limit=guardrail.limit.ratio, phi=phi)
    raise ValueError(f"guardrail {guardrail.name} must have a margin or a limit")


def _since(now: RequestCounts, before: RequestCounts) -> RequestCounts:
    return RequestCounts(now.events - before.events, now.requests - before.requests)


def _looked(
    plan: Plan, challenger: str, looks: tuple[TakenLook, ...], counts: Counts, *, elapsed: float
) -> tuple[TakenLook, ...]:
    """The looks after this poll: one more if one is due and the effect can be estimated."""
    if ended(plan, looks):
        return looks
    information = information_of(plan, challenger, counts)
    final = elapsed >= plan.spec.analysis.maximum_duration.seconds
    early = elapsed < plan.spec.analysis.minimum_duration.seconds
    if early or information == 0 or not (final or _is_due(plan, looks, information)):
        return looks
    effect = effect_of(plan, plan.spec.primary, challenger, counts)
    if isinstance(effect, NotEstimable):
        return looks
    make = group_sequential.final_look if final else group_sequential.next_look
    history = [taken.look for taken in looks]
    information = max(information, history[-1].information if history else 0.0)
    look = make(history, information=information, alpha=plan.alpha)
    return (*looks, TakenLook(look, effect))


def ended(plan: Plan, looks: tuple[TakenLook, ...]) -> bool:
    """Whether nothing may be tested any more: a bound was reached, or all alpha is spent."""
    return bool(looks) and (looks[-1].crossed or looks[-1].look.spent >= plan.alpha * (1 - 1e-9))


def _is_due(plan: Plan, looks: tuple[TakenLook, ...], information: float) -> bool:
    """Looks stand at even steps of information; several steps that passed at once are one look."""
    seen = looks[-1].look.information if looks else 0.0
    step = 1e-9  # a fraction of 3/14 must count as the third step
    return int(information * plan.looks + step) > int(seen * plan.looks + step)
