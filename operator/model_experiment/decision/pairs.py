"""The pairs of a shadow experiment, by bucket of users, and what they are evidence for.

For: the four questions that pairs can answer, as evidence that may be looked at after every poll. Nothing is
remembered for it: all depends on the newest counts alone. Not for: what follows; that is ``shadow_rules``.

The trap is whose fault it is. A champion that is asked twice differs from itself, and some pairs cannot be compared
because the champion failed or the request was refused by both. The champion's pairs with itself show how often that
happens, and only what is beyond it can be laid on a challenger: a pair with itself asks the champion twice, so it is
lost as often as a pair with a challenger that fails as often. Users repeat, so every count is divided by its
over-dispersion first: the measured one, or where few pairs differ the largest there can be (see ``independent``).
"""

from dataclasses import dataclass

import numpy as np

from model_experiment.api.shadow import Shadow
from model_experiment.decision.counts import DIFFERENT, EQUAL, NOT_COMPARABLE, REQUESTS, Buckets, Counts
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.effects import ratios
from model_experiment.statistics.shadow import divergence
from model_experiment.statistics.summaries.buckets import BucketTable
from model_experiment.statistics.summaries.proportions import Proportion

SEEN_IN = 30
"""Of 100 buckets so many must hold pairs that differ, and pairs that do not, before phi is taken as measured.

In 20 it may be half as large as it is: simulated, 100 users with a heavy tail pass a true 5 % in 5.5 % of runs then, in
3.7 % with 30.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """The pairs of one variant; ``dropped`` are those for which the comparator had no room, and nobody was asked."""

    equal: Buckets
    different: Buckets
    not_comparable: Buckets
    dropped: Buckets

    @property
    def compared(self) -> BucketTable:
        """Different ones among those that could be compared."""
        return BucketTable(self.different, self.equal + self.different)

    @property
    def lost(self) -> BucketTable:
        """Not comparable ones among all."""
        return BucketTable(self.not_comparable, self.equal + self.different + self.not_comparable)

    @property
    def failed(self) -> BucketTable:
        """Not comparable ones among those for which the models were asked."""
        return BucketTable(self.not_comparable - self.dropped, self.lost.denominators - self.dropped)


@dataclass(frozen=True, slots=True, eq=False)
class Signs:
    """Evidence about one challenger, each an ln E that holds at any time, for each experiment of the tables.

    ``below`` and ``above`` say on which side of its limit the divergence is, ``above`` also that it is beyond the
    champion's own. ``comparable`` and ``failing`` say the same of the share that cannot be compared.
    """

    below: Floats
    above: Floats
    comparable: Floats
    failing: Floats

    @property
    def alike(self) -> Floats:
        """That answers are alike: they seldom differ, and few are missing."""
        return np.minimum(self.below, self.comparable)


def pairs_of(counts: Counts, challenger: str) -> Pairs:
    """The pairs of a challenger; what was not asked of it has been dropped before."""
    equal, different, not_comparable = _by_result(counts, challenger)
    asked = counts.buckets(challenger, REQUESTS)
    dropped = np.clip(equal + different + not_comparable - asked, 0, not_comparable)
    return Pairs(equal, different, not_comparable, dropped)


def own_pairs_of(counts: Counts, champion: str) -> Pairs:
    """The champion's pairs with itself; only what is asked at all is asked twice, so none is dropped before."""
    equal, different, not_comparable = _by_result(counts, champion)
    return Pairs(equal, different, not_comparable, np.zeros_like(equal))


def signs_of(shadow: Shadow, *, own: Pairs, pairs: Pairs) -> Signs:
    """The evidence about a challenger; ``own`` are the champion's pairs with itself.

    A champion that is never asked twice counts as one that never differs from itself. How often it fails is not known
    then, so that no challenger can be blamed for pairs that cannot be compared.
    """
    compared, failed = independent(pairs.compared), independent(pairs.failed)
    most, most_lost = shadow.maximum_divergence.ratio, shadow.maximum_not_comparable.ratio
    differs = divergence.log_e_above(compared, limit=most)
    return Signs(
        below=divergence.log_e_below(compared, limit=most),
        above=_beyond(differs, own=own.compared, pairs=compared) if shadow.repeat_champion else differs,
        comparable=divergence.log_e_below(independent(pairs.lost), limit=most_lost),
        failing=_beyond(divergence.log_e_above(failed, limit=most_lost), own=own.failed, pairs=failed),
    )


def _beyond(above_limit: Floats, *, own: BucketTable, pairs: Proportion) -> Floats:
    """The evidence of more than the limit, and of more than the champion has with itself: the lesser of both.

    Where nothing speaks for more than the limit the champion is not asked, as that is by far the longest sum here.
    """
    evidence, asked = above_limit.copy(), above_limit > 0
    champion, challenger = (Proportion(each.events[asked], each.trials[asked]) for each in (independent(own), pairs))
    evidence[asked] = np.minimum(
        above_limit[asked], divergence.log_e_above_floor(champion=champion, challenger=challenger)
    )
    return evidence


def log_e_noisy(shadow: Shadow, own: Pairs) -> Floats:
    """Evidence that the champion differs from itself more often than a challenger may differ from it."""
    return divergence.log_e_above(independent(own.compared), limit=shadow.maximum_divergence.ratio)


def independent(table: BucketTable) -> Proportion:
    """As many independent pairs as say the same.

    How alike a user's pairs are can be seen once enough buckets hold pairs of either kind. Until then all may be: where
    nothing differs, phi cannot be known, and a user says no more than one pair.
    """
    different, compared = table.numerators, table.denominators
    kinds = (np.count_nonzero(kind, axis=-1) for kind in (different, compared - different))
    is_seen = np.minimum(*kinds) >= SEEN_IN
    phi = np.where(is_seen, ratios.overdispersion(table).values, ratios.largest_overdispersion(table))
    return Proportion(different.sum(axis=-1), compared.sum(axis=-1)).thinned(phi)


def _by_result(counts: Counts, variant: str) -> tuple[Buckets, Buckets, Buckets]:
    equal, different, not_comparable = (
        counts.buckets(variant, measure) for measure in (EQUAL, DIFFERENT, NOT_COMPARABLE)
    )
    return equal, different, not_comparable
