"""Effects with less noise: what users did before the start explains part of what they do after it (CUPED).

d is the effect, h_b the influence of a bucket on its variant's level (its residual over the variant's denominator;
on the log scale also over the ratio), "pre" marks the same in a period before the start::

    theta = sum h h_pre / sum h_pre^2                over all buckets of both variants
    d'    = d - theta d_pre                          d_pre: the difference of the ratios before the start
    V'    = B/(B-1) * sum (h - theta h_pre)^2        of a variant; V' = V'_A + V'_B with the f df of Welch
    s'^2  = V' f/(f-1) (1 + d_pre^2 / (V_pre f))     V_pre: V of both before the start; t with f - 1 df

Deng, Xu, Kohavi & Walker 2013 (WSDM, section 3), here on buckets of users. Before the start users differ between
variants by chance alone, so d_pre is 0 on average and no multiple of it shifts the effect; this one leaves about
1 - correlation^2 of the variance. The last line is the error of an adjusted difference in the analysis of covariance
(Cochran 1957, Biometrics 13, 261-281): the farther apart the variants were, the more depends on theta. For users'
own moments h is y - mean, theta that of all users together, and the error that of ``effects.means``, without the
last line.

The trap: only what the experiment cannot have changed may be adjusted by. A period that reaches past the start
holds a part of the effect, and takes it away.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from model_experiment.statistics import arguments
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.effects import means, ratios
from model_experiment.statistics.effects.effect import Effects
from model_experiment.statistics.effects.ratios import Ratios
from model_experiment.statistics.not_estimable import Estimates, Index, first_of, known, reasons
from model_experiment.statistics.summaries.buckets import BucketTable
from model_experiment.statistics.summaries.moments import JointMoments, Moments

# What a difference of two equal numbers leaves, relative to them.
_ROUNDING = 64 * np.finfo(np.float64).eps

FEWEST = 100
"""With fewer buckets (or users) in both variants together, theta fits noise: at 40, 5 % false alarms are 6 %."""


@dataclass(frozen=True, slots=True, eq=False)
class Adjusted:
    """Adjusted effects, and what the adjustment did.

    ``variance_left`` is the share of the unadjusted variance that is left: 0.5 where it is halved. ``theta`` is 0
    where nothing varied before the start: there the estimate is the unadjusted one. It is NaN without an effect.
    """

    effects: Effects
    variance_left: Estimates
    theta: Floats


def difference(
    *, champion: BucketTable, champion_before: BucketTable, challenger: BucketTable, challenger_before: BucketTable
) -> Adjusted:
    """``ratios.difference`` adjusted by the same buckets in a period before the start.

    Not estimable where the unadjusted effect is not, below 100 non-empty buckets in both variants together, where a
    variant has no ratio before the start, or where the adjustment leaves no variation.

    Raises:
        ValueError: unless both tables of a variant have one shape.
    """
    plain = ratios.difference(champion=champion, challenger=challenger)
    old = _variant(champion, champion_before, subject=means.CHAMPION)
    return _adjusted(plain, old, _variant(challenger, challenger_before, subject=means.CHALLENGER))


def relative_difference(
    *, champion: BucketTable, champion_before: BucketTable, challenger: BucketTable, challenger_before: BucketTable
) -> Adjusted:
    """``ratios.relative_difference`` adjusted likewise: the log ratio, by the plain difference before the start.

    So a period before the start may be near 0; the experiment itself may not, as in ``ratios``.
    """
    plain = ratios.relative_difference(champion=champion, challenger=challenger)
    old = _variant(champion, champion_before, subject=means.CHAMPION)
    new = _variant(challenger, challenger_before, subject=means.CHALLENGER)
    return _adjusted(plain, old.relatively(), new.relatively())


def mean_difference(*, champion: JointMoments, challenger: JointMoments) -> Adjusted:
    """``means.difference`` of the first variable, adjusted by the second, the same users' before the start.

    Not estimable where the unadjusted effect is not, below 100 users in both variants together, or where the
    adjustment leaves no variation. The degrees of freedom are those of
    Welch; none is taken away for theta.
    """
    return _of_users(means.difference, champion, challenger)


def relative_mean_difference(*, champion: JointMoments, challenger: JointMoments) -> Adjusted:
    """``means.relative_difference`` adjusted likewise, relative to the champion's adjusted mean."""
    return _of_users(means.relative_difference, champion, challenger)


def theta_of_users(*, champion: JointMoments, challenger: JointMoments) -> Floats:
    """Covariance over variance of all users of both variants, as GrowthBook has it; 0 without variation before.

    >>> one = JointMoments.of([2.0, 1.0, 5.0, 3.0], [0.3, 0.5, 0.9, 22.0])
    >>> round(float(theta_of_users(champion=one, challenger=one)), 5)
    0.01864
    """
    arguments.require_fit(champion=champion.first.n, challenger=challenger.first.n)
    both = champion + challenger
    return _slope(both.products, both.second.squares)


class _Comparison(Protocol):
    def __call__(self, *, champion: Moments, challenger: Moments) -> Effects: ...


def _of_users(compare: _Comparison, champion: JointMoments, challenger: JointMoments) -> Adjusted:
    theta = theta_of_users(champion=champion, challenger=challenger)
    middle = (champion + challenger).second.means
    plain = compare(champion=champion.first, challenger=challenger.first)
    adjusted = compare(champion=_less(champion, theta, middle), challenger=_less(challenger, theta, middle))
    return _reported(plain, adjusted, theta, size=champion.first.n + challenger.first.n, of="users")


def _less(joint: JointMoments, theta: Floats, middle: Floats) -> Moments:
    """The moments of y - theta (x - middle), with the middle of all users, so that the level stays that of y."""
    rest = joint.combined(1.0, -theta)
    return Moments(n=rest.n, means=rest.means + theta * middle, squares=rest.squares)


@dataclass(frozen=True, slots=True, eq=False)
class _Variant:
    """One variant: its ratio and the influences of its buckets, during the experiment and before it."""

    during: Ratios
    before: Ratios
    influences: Floats
    influences_before: Floats

    def relatively(self) -> "_Variant":
        """With influences on the logarithm of the ratio."""
        ratio = np.where(self.during.values > 0, self.during.values, np.nan)
        return replace(self, influences=self.influences / ratio[..., np.newaxis])


def _variant(table: BucketTable, table_before: BucketTable, *, subject: str) -> _Variant:
    if table.numerators.shape != table_before.numerators.shape:
        found = f"{table.numerators.shape}, {table_before.numerators.shape}"
        raise ValueError(f"{subject} must have the same buckets in both periods, found shapes {found}")
    during, before = ratios.estimate(table), ratios.estimate(table_before, subject=f"before the start {subject}")
    varied = (before.variances > 0)[..., np.newaxis]
    influences_before = np.where(varied, _influences(table_before, before), 0.0)
    return _Variant(during, before, _influences(table, during), influences_before)


def _influences(table: BucketTable, ratio: Ratios) -> Floats:
    """By how much each bucket moves the ratio; NaN where there is none."""
    total = np.where(known(ratio.missing), table.denominators.sum(axis=-1), np.nan)
    return np.asarray(ratios.residuals(table, ratio.values) / total[..., np.newaxis])


def _adjusted(plain: Effects, old: _Variant, new: _Variant) -> Adjusted:
    both = old, new
    products = sum(_product(one.influences, one.influences_before) for one in both)
    squares = sum(_product(one.influences_before, one.influences_before) for one in both)
    theta = _slope(np.asarray(products), np.asarray(squares))
    before = new.before.values - old.before.values
    variances = _variance(old, theta), _variance(new, theta)
    freedom = ratios.welch(variances, (old.during.buckets - 1, new.during.buckets - 1))
    fitted = _cost_of_theta(freedom, before, old.before.variances + new.before.variances)
    missing = first_of(old.before.missing, new.before.missing)
    errors = np.sqrt((variances[0] + variances[1]) * fitted)
    adjusted = Effects(plain.estimates - theta * before, errors, freedom - 1, missing, plain.scale)
    return _reported(plain, adjusted, theta, size=old.during.buckets + new.during.buckets, of="non-empty buckets")


def _cost_of_theta(freedom: Floats, before: Floats, variance_before: Floats) -> Floats:
    """How many times the variance is what it seems with theta as given; 1 where nothing varied before the start."""
    varied = (variance_before > 0) & (freedom > 1)
    safe_freedom, safe_variance = np.where(varied, freedom, 2.0), np.where(varied, variance_before, 1.0)
    cost = safe_freedom / (safe_freedom - 1) * (1 + np.square(before) / safe_variance / safe_freedom)
    return np.where(varied, cost, 1.0)


def _variance(variant: _Variant, theta: Floats) -> Floats:
    left = variant.influences - theta[..., np.newaxis] * variant.influences_before
    return variant.during.buckets / np.maximum(variant.during.buckets - 1, 1.0) * _product(left, left)


def _product(one: Floats, other: Floats) -> Floats:
    return np.asarray(np.einsum("...b,...b->...", one, other))


def _slope(products: Floats, squares: Floats) -> Floats:
    return np.where(squares == 0, 0.0, products / np.where(squares == 0, 1.0, squares))


def _reported(plain: Effects, adjusted: Effects, theta: Floats, *, size: Floats, of: str) -> Adjusted:
    def too_few(index: Index) -> str:
        return f"both variants together have {size[index]:.15g} {of}, an adjustment needs {FEWEST}"

    def nothing_left(_: Index) -> str:
        return "what was before the start explains all that varies, so there is no error to measure with"

    left = np.square(adjusted.standard_errors / plain.standard_errors)
    few, all_explained = reasons(size < FEWEST, too_few), reasons(left < _ROUNDING, nothing_left)
    effects = replace(adjusted, missing=first_of(plain.missing, few, all_explained, adjusted.missing))
    return Adjusted(effects, Estimates(left, effects.missing), np.where(effects.estimable, theta, np.nan))
