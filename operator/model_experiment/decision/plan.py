"""What follows from the spec alone, worked out once: the prime, the planned sample, the number of polls.

For: everything that must be fixed before the first user is exposed. Nothing here may depend on results; a plan that
follows the data is peeking.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from model_experiment.api.objectives import Guardrail
from model_experiment.api.spec import ModelExperimentSpec
from model_experiment.api.words import Better, By, Design
from model_experiment.assignment import HOLDOUT, assign
from model_experiment.decision.counts import (
    BYPASSED,
    EXPOSURES,
    MISASSIGNED,
    PAIRS,
    RAMP_EXPOSURES,
    REQUESTS,
    SLOWER_PAIRS,
    Family,
    Measure,
)
from model_experiment.decision.positions import modulus_of
from model_experiment.statistics.planning import inflation, proportions
from model_experiment.statistics.sequential import group_sequential


@dataclass(frozen=True, slots=True)
class Plan:
    """The registered plan of one experiment.

    ``users_per_variant`` is what an even split needs, 0 where users are not split; ``looks`` is how often the primary
    objective may be tested. ``polls`` is how often the guardrails can be looked at before the maximum duration.
    ``lag_seconds`` is how old counts may be that are called fresh. ``queries`` let a person check a number at its
    source.
    """

    spec: ModelExperimentSpec
    uid: str
    modulus: int
    users_per_variant: int
    looks: int
    polls: int
    blindness_budget_seconds: float
    lag_seconds: float
    queries: Mapping[Measure, str]

    @property
    def alpha(self) -> float:
        """The chance to call one challenger different that is not: all of them share what the spec allows."""
        return alpha_of_each(self.spec)

    @property
    def weights(self) -> tuple[float, ...]:
        """The shares of those who enter that the champion and each challenger were asked to get, in percent.

        Few positions cannot give every percent, so there it is what they give.
        """
        if self.spec.assignment.by is By.HASH:
            return 100.0 - self.spec.challengers_percent, *(float(each.percent) for each in self.spec.challengers)
        split = assign(
            modulus=self.modulus,
            champion=self.spec.champion.name,
            challengers={each.name: each.percent for each in self.spec.challengers},
            holdout=self.spec.targeting.holdout_percent,
        )
        entering = split.modulus - split.weight(HOLDOUT)
        return tuple(100.0 * split.weight(variant.name) / entering for variant in self.spec.variants)

    @property
    def planned_total(self) -> int:
        """The users that an even split among all variants needs."""
        return len(self.spec.variants) * self.users_per_variant


def plan_for(
    spec: ModelExperimentSpec,
    *,
    uid: str,
    taken: frozenset[int],
    poll_seconds: float,
    blindness_budget_seconds: float,
    lag_seconds: float,
    query: Callable[[str, Measure], str],
) -> Plan:
    """The plan; ``taken`` are the moduli of other experiments, ``query`` words a measure of a UID as a query."""
    looks = spec.analysis.looks if spec.analysis.design is Design.GROUP_SEQUENTIAL else 1
    return Plan(
        spec=spec,
        uid=uid,
        modulus=modulus_of(spec.assignment.by, uid=uid, taken=taken),
        users_per_variant=planned_users(spec, looks=looks) if spec.objectives else 0,
        looks=looks,
        polls=math.ceil(longest_seconds(spec) / poll_seconds),
        blindness_budget_seconds=blindness_budget_seconds,
        lag_seconds=lag_seconds,
        queries={measure: query(uid, measure) for measure in measures_of(spec)},
    )


def longest_seconds(spec: ModelExperimentSpec) -> float:
    """How long guardrails watch at most: through the ramp and the longest comparison."""
    return sum(step.hold.seconds for step in spec.ramp) + spec.analysis.maximum_duration.seconds


def planned_users(spec: ModelExperimentSpec, *, looks: int) -> int:
    """Users a variant needs to find the minimum effect of the primary objective with the power asked for."""
    baseline, effect = spec.primary.baseline, spec.primary.minimum_effect
    if baseline is None or effect is None:
        raise ValueError("the first objective must have a baseline and a minimumEffect")
    sign = 1 if spec.primary.better is Better.HIGHER else -1
    alpha, power = alpha_of_each(spec), spec.analysis.power.value
    expected = baseline.value * (1 + sign * effect.ratio)
    once = float(proportions.required_per_variant(baseline.value, expected, alpha=alpha, power=power))
    return math.ceil(once * _inflation(looks, alpha, power))


def alpha_of_each(spec: ModelExperimentSpec) -> float:
    """Bonferroni: with m challengers each is tested at alpha / m, so that all together err no more than alpha."""
    return spec.analysis.alpha.value / len(spec.challengers)


@cache
def _inflation(looks: int, alpha: float, power: float) -> float:
    """What several looks cost in users; some 10 ms of arithmetic, and the same for most experiments."""
    planned = group_sequential.planned_looks(looks, alpha=alpha)
    return inflation.sequential(planned, alpha=alpha, power=power)


def outcome_measure(outcome: str) -> Measure:
    """The sum of an outcome's values."""
    return Measure(Family.OUTCOME_VALUE, outcome)


def harm_measure(guardrail: Guardrail) -> Measure:
    """What a guardrail counts among all requests."""
    if guardrail.source.responses is not None:
        return Measure(Family.RESPONSES, guardrail.source.responses.class_)
    if guardrail.source.latency is not None:
        return Measure(Family.SLOW_RESPONSES, str(guardrail.source.latency.above))
    raise ValueError(f"guardrail {guardrail.name} must have a source")


def measures_of(spec: ModelExperimentSpec) -> tuple[Measure, ...]:
    """Everything that must be counted for this spec."""
    harms = [harm_measure(guardrail) for guardrail in spec.guardrails]
    if spec.is_shadow:
        slower = [SLOWER_PAIRS] if spec.shadow.latency_margin is not None else []
        return tuple(dict.fromkeys([*PAIRS, *slower, REQUESTS, *harms]))
    outcomes = [outcome_measure(objective.source.outcome.name) for objective in spec.objectives]
    ramp = [RAMP_EXPOSURES] if spec.ramp else []
    return tuple(dict.fromkeys([EXPOSURES, *ramp, REQUESTS, MISASSIGNED, BYPASSED, *outcomes, *harms]))
