"""Do pooled users say something else than their segments do? Simpson's paradox, and what makes it possible.

Proportions x of n users in segments s, variants A and B, N = n_A + n_B::

    pooled          sum x_B / sum n_B - sum x_A / sum n_A
    standardised    sum_s (N_s / sum N) (x_Bs / n_Bs - x_As / n_As)         both variants on one mix of segments
    MH odds ratio   sum_s (x_B (n_A - x_A) / N) / sum_s (x_A (n_B - x_B) / N)
    MH chi-square   (|sum_s (x_B - n_B X / N)| - 1/2)^2 / sum_s n_A n_B X (N - X) / (N^2 (N - 1)),   X = x_A + x_B

The last two are Mantel & Haenszel 1959 (J. Natl. Cancer Inst. 22, 719-748), with one degree of freedom; a
continuity correction never takes the difference below 0.

The trap: with users split at random, the mix is the same in both variants, and pooled and standardised effects
agree but for noise. Where they do not, something else than the split decided who met which variant, and
``segment_split`` finds it: it is the cause to mend, and no standardisation repairs it with certainty.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments, chi_square
from model_experiment.statistics.arguments import Booleans, Floats
from model_experiment.statistics.chi_square import ChiSquareTests
from model_experiment.statistics.effects import contrasts, ratios
from model_experiment.statistics.effects.effect import Effects
from model_experiment.statistics.not_estimable import Estimates, first_of, known, reasons
from model_experiment.statistics.summaries.buckets import BucketTable
from model_experiment.statistics.summaries.proportions import Proportion

_CONTINUITY = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Differences of proportions: in each segment (last axis), pooled, and on one mix of segments."""

    by_segment: Estimates
    pooled: Estimates
    standardised: Estimates

    @property
    def is_reversed(self) -> Booleans:
        """Simpson's paradox: every segment that can be compared has the opposite sign of the pooled difference."""
        opposite = signs_disagree(self.by_segment.values, self.pooled.values[..., np.newaxis])
        compared = known(self.by_segment.missing)
        return np.asarray((opposite | ~compared).all(axis=-1) & compared.any(axis=-1))

    @property
    def depends_on_mix(self) -> Booleans:
        """Whether pooled and standardised difference have opposite signs."""
        return signs_disagree(self.pooled.values, self.standardised.values)


@dataclass(frozen=True, slots=True, eq=False)
class MantelHaenszel:
    """The odds ratio that segments have in common, challenger to champion, and the test that it is 1."""

    odds_ratios: Estimates
    tests: ChiSquareTests


def compare(*, champion: Proportion, challenger: Proportion) -> Comparison:
    """The differences of proportions of users, challenger minus champion; segments are the last axis.

    A segment without users of either variant is left out of the standardised difference, and its weight given to
    the others; the pooled difference is of all users.

    >>> champion, challenger = Proportion([234, 55], [270, 80]), Proportion([81, 192], [87, 263])
    >>> found = compare(champion=champion, challenger=challenger)
    >>> found.by_segment.values.round(4).tolist(), round(found.pooled.single, 4), round(found.standardised.single, 4)
    ([0.0644, 0.0425], -0.0457, 0.0537)
    >>> bool(found.is_reversed), bool(found.depends_on_mix)
    (True, True)

    Raises:
        ValueError: unless the variants have the same segments.
    """
    _require_segments(champion.trials, challenger.trials)
    by_segment = _difference(champion, challenger)
    pooled = _difference(as_one_segment(champion), as_one_segment(challenger))
    usable = known(by_segment.missing)
    weights = _mix(champion.trials + challenger.trials, usable)
    standardised = np.where(usable, weights * by_segment.values, 0.0).sum(axis=-1)
    nowhere = reasons(np.asarray(~usable.any(axis=-1)), lambda _: "no segment has users of both variants")
    return Comparison(
        by_segment, Estimates(pooled.values[..., 0], pooled.missing[..., 0]), Estimates(standardised, nowhere)
    )


def mantel_haenszel(*, champion: Proportion, challenger: Proportion) -> MantelHaenszel:
    """The common odds ratio and its chi-square; segments are the last axis. ``as_one_segment`` gives the marginal.

    The odds ratio is not estimable where it has no upper limit (no segment with a champion's event and a
    challenger's user without one), the test where no segment has users of both variants, with and without event.

    Raises:
        ValueError: as ``compare``.
    """
    _require_segments(champion.trials, challenger.trials)
    users, events = champion.trials + challenger.trials, champion.events + challenger.events
    inverse = np.where(users > 0, 1 / np.where(users > 0, users, 1.0), 0.0)
    up = (challenger.events * champion.others * inverse).sum(axis=-1)
    down = (champion.events * challenger.others * inverse).sum(axis=-1)
    unbounded = "no segment has both an event of the champion and a user of the challenger without one"
    odds = Estimates(up / np.where(down > 0, down, 1.0), reasons(np.asarray(down == 0), lambda _: unbounded))

    # x_B - n_B X / N is (x_B (n_A - x_A) - x_A (n_B - x_B)) / N, without a difference of large counts.
    off = np.maximum(np.abs(up - down) - _CONTINUITY, 0.0)
    both, others = champion.trials * inverse * challenger.trials * inverse, np.where(users > 1, users - 1, np.inf)
    variance = (both * events * (users - events) / others).sum(axis=-1)
    nothing = "no segment has users of both variants, with and without an event"
    missing = reasons(np.asarray(variance == 0), lambda _: nothing)
    statistic = np.asarray(np.square(off) / np.where(variance > 0, variance, 1.0))
    return MantelHaenszel(odds, chi_square.of_statistics(statistic, np.ones_like(statistic), missing=missing))


def as_one_segment(proportion: Proportion) -> Proportion:
    """All segments, the last axis, together in one."""
    return Proportion(proportion.events.sum(axis=-1, keepdims=True), proportion.trials.sum(axis=-1, keepdims=True))


def pooled_difference(*, champion: BucketTable, challenger: BucketTable) -> Effects:
    """The difference of bucket ratios over all segments together; segments are the axis before the buckets.

    Raises:
        ValueError: as ``compare``.
    """
    _require_segments(champion.denominators.sum(axis=-1), challenger.denominators.sum(axis=-1))
    old, new = (BucketTable(t.numerators.sum(axis=-2), t.denominators.sum(axis=-2)) for t in (champion, challenger))
    return ratios.difference(champion=old, challenger=new)


def standardised_difference(*, champion: BucketTable, challenger: BucketTable) -> Effects:
    """The differences of bucket ratios of segments, each with its share of both variants' denominators.

    The shares are taken as known. Segments without an effect (fewer than 20 non-empty buckets in a variant) are
    left out, and their weight given to the others; not estimable where none is left.

    Raises:
        ValueError: as ``compare``.
    """
    both = champion.denominators.sum(axis=-1), challenger.denominators.sum(axis=-1)
    _require_segments(*both)
    totals = np.add(*both)
    usable = known(ratios.estimate(champion).missing) & known(ratios.estimate(challenger).missing)
    labels = [f"segment {number}" for number in range(totals.shape[-1])]
    found = contrasts.contrast(
        champion=champion, challenger=challenger, coefficients=_mix(totals, usable), parts=labels
    )
    worded = f"no segment has data in {ratios.MINIMUM_BUCKETS} buckets of both variants"
    missing = first_of(reasons(np.asarray(~usable.any(axis=-1)), lambda _: worded), found.missing)
    return Effects(found.estimates, found.standard_errors, found.degrees_of_freedom, missing)


def signs_disagree(pooled: ArrayLike, standardised: ArrayLike) -> Booleans:
    """Where one is above 0 and the other below; estimates of ``Effects`` or differences, NaN disagrees with nothing.

    Both are noisy: a sign tells no more than its interval does.
    """
    one, other = arguments.numbers("pooled", pooled), arguments.numbers("standardised", standardised)
    arguments.require_fit(pooled=one, standardised=other)
    return np.asarray(np.sign(one) * np.sign(other) < 0)


def segment_split(users: ArrayLike) -> ChiSquareTests:
    """Whether the variants have the same mix of segments; variants are the last axis but one, segments the last.

    A mismatch is a sample ratio mismatch inside segments. Not estimable with users in fewer than two variants or
    segments, or too few users for a chi-square.

    >>> segment_split([[2000, 3000], [2060, 2940]]).single.p_value.__round__(4)
    0.2218
    """
    return chi_square.independence(users, name="users", rows="variants", columns="segments")


def _require_segments(champion: Floats, challenger: Floats) -> None:
    """Refuse totals whose last axis is not of the same segments."""
    old, new = champion.shape, challenger.shape
    if not old or not new or old[-1] != new[-1]:
        raise ValueError(
            f"champion and challenger must have the same segments as their last axis, found shapes {old}, {new}"
        )
    arguments.require_fit(champion=champion, challenger=challenger)


def _difference(champion: Proportion, challenger: Proportion) -> Estimates:
    old, new = arguments.together({"champion": champion.trials, "challenger": challenger.trials})
    worded = "the champion has {:g} users and the challenger {:g}, both need some"
    missing = reasons((old == 0) | (new == 0), lambda index: worded.format(old[index], new[index]))
    return Estimates(challenger.rates - champion.rates, missing)


def _mix(totals: Floats, usable: Booleans) -> Floats:
    """The share of each segment in the total of those that are usable, 0 for the others."""
    counted = np.where(usable, totals, 0.0)
    whole = counted.sum(axis=-1, keepdims=True)
    return counted / np.where(whole > 0, whole, 1.0)
