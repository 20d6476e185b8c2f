"""What the answers of a shadow experiment say, one finding a challenger, with its numbers and a sentence.

Not for: what follows from them; that is ``shadow_rules``. The trap: a pair that cannot be compared is not equal. A
challenger is alike only where the pairs that were lost are shown to be few as well.
"""

import math

from model_experiment.api.status import ShadowFinding, ShadowStatus
from model_experiment.decision import wording
from model_experiment.decision.counts import DIFFERENT, SLOWER_PAIRS, Counts
from model_experiment.decision.findings import NoiseFinding, Progress, RepetitionFinding, ShadowComparison
from model_experiment.decision.pairs import (
    Pairs,
    Signs,
    independent,
    log_e_noisy,
    own_pairs_of,
    pairs_of,
    signs_of,
)
from model_experiment.decision.plan import Plan
from model_experiment.statistics.sequential.e_values import e_value, threshold
from model_experiment.statistics.shadow import divergence
from model_experiment.statistics.summaries.buckets import BucketTable

METHOD = (
    "one-sided beta-binomial e-processes over pairs, counts divided by over-dispersion from 100 user buckets;"
    " above also against the champion's own divergence; upper bound Clopper-Pearson"
)


def compare_answers(plan: Plan, counts: Counts, *, elapsed: float) -> ShadowComparison:
    """All findings about answers; ``elapsed`` is for how long requests have been mirrored."""
    own = own_pairs_of(counts, plan.spec.champion.name)
    challengers = tuple(_challenger(plan, each.name, own, counts) for each in plan.spec.challengers)
    progress = _progress(plan, challengers, elapsed=elapsed)
    return ShadowComparison(challengers, _noise(plan, own), _repetition(plan, counts), progress)


def _challenger(plan: Plan, name: str, own: Pairs, counts: Counts) -> ShadowStatus:
    pairs = pairs_of(counts, name)
    signs = signs_of(plan.spec.shadow, own=own, pairs=pairs)
    different, compared = _totals(pairs.compared)
    lost, every = _totals(pairs.lost)
    bound = float(divergence.upper_bound(independent(pairs.compared), alpha=plan.alpha))
    return ShadowStatus(
        challenger=name,
        finding=_finding(plan, signs, compared=compared),
        pairs=every,
        compared=compared,
        different=different,
        not_comparable=lost,
        slower=int(counts.total(name, SLOWER_PAIRS)) if counts.has(name, SLOWER_PAIRS) else None,
        slower_floor=_slower_floor(plan, own, counts),
        divergence=share(pairs.compared),
        upper_bound=wording.percent(bound) if compared else None,
        noise_floor=share(own.compared),
        noise_floor_pairs=_totals(own.compared)[1],
        evidence_below=wording.evidence(float(e_value(signs.below))),
        evidence_above=wording.evidence(float(e_value(signs.above))),
        threshold=f"{threshold(plan.alpha):g}",
        method=METHOD,
        query=plan.queries[DIFFERENT],
        message=_sentence(plan, name, signs, own=own, pairs=pairs),
    )


def _slower_floor(plan: Plan, own: Pairs, counts: Counts) -> str | None:
    champion = plan.spec.champion.name
    if not counts.has(champion, SLOWER_PAIRS):
        return None
    return share(BucketTable(counts.buckets(champion, SLOWER_PAIRS), own.lost.denominators))


def _finding(plan: Plan, signs: Signs, *, compared: int) -> ShadowFinding:
    proof = math.log(threshold(plan.alpha))
    if signs.above >= proof:
        return ShadowFinding.DIFFERENT
    if signs.failing >= proof:
        return ShadowFinding.NOT_COMPARABLE
    enough = compared >= plan.spec.shadow.minimum_pairs
    return ShadowFinding.ALIKE if enough and signs.alike >= proof else ShadowFinding.UNDECIDED


def _sentence(plan: Plan, name: str, signs: Signs, *, own: Pairs, pairs: Pairs) -> str:
    shadow, champion = plan.spec.shadow, plan.spec.champion.name
    lost, every = _totals(pairs.lost)
    below, above, failing = (
        wording.evidence(float(e_value(sign))) for sign in (signs.alike, signs.above, signs.failing)
    )
    return (
        f"answers of {name} differ from those of {champion} in {share(pairs.compared) or 'none'} of"
        f" {_totals(pairs.compared)[1]} pairs, {shadow.maximum_divergence} is tolerated;"
        f" {_noise_sentence(champion, own)};"
        f" {lost} of {every} pairs could not be compared, {shadow.maximum_not_comparable} is tolerated;"
        f" evidence that it answers alike {below}, that it differs {above}, that it fails {failing};"
        f" a proof is {threshold(plan.alpha):g}"
    )


def _noise(plan: Plan, own: Pairs) -> NoiseFinding:
    noisy = bool(log_e_noisy(plan.spec.shadow, own) >= math.log(threshold(plan.alpha)))
    limit = plan.spec.shadow.maximum_divergence
    sentence = f"{_noise_sentence(plan.spec.champion.name, own)}; {limit} is tolerated of a challenger"
    return NoiseFinding(noisy, sentence)


def _noise_sentence(champion: str, own: Pairs) -> str:
    pairs = _totals(own.compared)[1]
    if not pairs:
        return f"{champion} was not compared with itself"
    return f"{champion} differs from itself in {share(own.compared)} of {pairs} pairs"


def _repetition(plan: Plan, counts: Counts) -> RepetitionFinding:
    """Of the challenger whose pairs say least."""
    tables = [pairs_of(counts, each.name).compared for each in plan.spec.challengers]
    worth, compared = min((int(independent(table).trials), _totals(table)[1]) for table in tables)
    limit = plan.spec.shadow.maximum_divergence
    least = math.ceil(divergence.least_pairs(limit=limit.ratio, alpha=plan.alpha))
    said = (
        f"{compared} pairs are worth {worth} of users who come once, {least} are needed at least to prove that fewer"
        f" than {limit} differ"
    )
    return RepetitionFinding(worth >= least, said)


def _progress(plan: Plan, challengers: tuple[ShadowStatus, ...], *, elapsed: float) -> Progress:
    analysis, wanted = plan.spec.analysis, plan.spec.shadow.minimum_pairs
    compared = min(each.compared for each in challengers)
    return Progress(
        elapsed_seconds=elapsed,
        information=min(1.0, compared / wanted),
        minimum_passed=elapsed >= analysis.minimum_duration.seconds,
        at_end=elapsed >= analysis.maximum_duration.seconds,
        message=f"{compared} pairs are compared, {wanted} are needed at least",
    )


def share(table: BucketTable) -> str | None:
    """Events among trials as people read it; None without trials."""
    events, trials = _totals(table)
    return wording.percent(events / trials) if trials else None


def _totals(table: BucketTable) -> tuple[int, int]:
    return int(table.numerators.sum()), int(table.denominators.sum())
