"""Differences of means per user, and of ratios of two sums per user, from moments.

A is the champion and B the challenger, m the mean of a variant, s^2 its users' variance and v = s^2 / n::

    Welch      d = m_B - m_A       v_A + v_B                          df = (v_A + v_B)^2 / sum of v^2 / (n - 1)
    pooled     d = m_B - m_A       s_p^2 (1/n_A + 1/n_B)              df = n_A + n_B - 2
    relative   d = m_B / m_A - 1   v_B / m_A^2 + v_A m_B^2 / m_A^4    df of Welch
    ratio      m = Y / X           s^2 = sum (y - m x)^2 / (n - 1) / X^2, Y and X the means of users' y and x

Welch 1947 (Biometrika 34, 28-35), degrees of freedom by Satterthwaite 1946; delta method as in Deng, Knoblich & Lu
2018 (arXiv 1803.06336). A one-sided result is ``Effect.p_value_of_increase``, with ``Effect.interval`` at the normal
quantile of alpha instead of alpha / 2.

The trap: the users must be what was split. Moments over requests take one user for many independent ones.
"""

from dataclasses import dataclass

import numpy as np

from model_experiment.statistics import arguments
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.effects.effect import Effects, Scale
from model_experiment.statistics.effects.ratios import too_near_zero, welch
from model_experiment.statistics.not_estimable import Index, Reasons, first_of, known, reasons
from model_experiment.statistics.summaries.moments import JointMoments, Moments

CHAMPION, CHALLENGER = "the champion", "the challenger"


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """The mean or ratio of one variant as the mean of its users' values, and why there is none."""

    users: Moments
    missing: Reasons

    @property
    def means(self) -> Floats:
        return self.users.means

    @property
    def variances(self) -> Floats:
        """The variances of the means themselves."""
        return self.users.variances / np.maximum(self.users.n, 1.0)


def difference(*, champion: Moments, challenger: Moments) -> Effects:
    """The challenger's mean minus the champion's by Welch: the variants may spread differently.

    Not estimable with fewer than two users in a variant, or where nobody differs from the variant's mean.

    >>> effect = difference(champion=Moments.of([1.0, 2.0, 3.0]), challenger=Moments.of([4.0, 6.0, 8.0])).single
    >>> effect.value, round(effect.standard_error, 4), round(effect.degrees_of_freedom, 4)
    (4.0, 1.291, 2.9412)
    """
    return _welch(*_means(champion, challenger))


def pooled_difference(*, champion: Moments, challenger: Moments) -> Effects:
    """The same by Student's t, for variants that are known to spread alike; else its error rate is not alpha.

    Not estimable where ``difference`` is not.
    """
    old, new = _means(champion, challenger)
    freedom = np.maximum(champion.n + challenger.n - 2, 1.0)
    pooled = (champion.squares + challenger.squares) / freedom
    per_user = 1 / np.maximum(champion.n, 1.0) + 1 / np.maximum(challenger.n, 1.0)
    return _effects(old, new, new.means - old.means, variances=pooled * per_user, freedom=freedom)


def relative_difference(*, champion: Moments, challenger: Moments) -> Effects:
    """The challenger's mean / the champion's - 1 by the delta method, itself taken as normal (``Scale.RELATIVE``).

    Not estimable where ``difference`` is not, and where the champion's mean is not 4 standard errors above 0: what
    is relative to such a mean has no bounds (Fieller 1954).

    >>> relative_difference(champion=Moments.of([0.0, 0.0, 3.0]), challenger=Moments.of([4.0, 6.0, 8.0])).single
    NotEstimable(reason="the champion's level must be 4 standard errors above 0, found 1 with standard error 1")
    """
    return _relative(*_means(champion, challenger))


def ratio_difference(*, champion: JointMoments, challenger: JointMoments) -> Effects:
    """The difference of the ratios of two sums over users, first over second, by the delta method and Welch.

    Not estimable where ``difference`` is not (with y - m x for a user's value), and where the mean of the second, the
    denominator, is not 4 standard errors above 0.

    >>> old, new = JointMoments.of([1, 1, 4, 2], [2, 3, 4, 3]), JointMoments.of([3, 5, 4, 4], [3, 4, 5, 4])
    >>> effect = ratio_difference(champion=old, challenger=new).single
    >>> round(effect.value, 4), round(effect.standard_error, 4)
    (0.3333, 0.1928)
    """
    return _welch(*_ratios(champion, challenger))


def relative_ratio_difference(*, champion: JointMoments, challenger: JointMoments) -> Effects:
    """The same relative to the champion's ratio; not estimable either where that is near 0."""
    return _relative(*_ratios(champion, challenger))


def _means(champion: Moments, challenger: Moments) -> tuple[_Level, _Level]:
    arguments.require_fit(champion=champion.n, challenger=challenger.n)
    return _mean(champion, CHAMPION), _mean(challenger, CHALLENGER)


def _ratios(champion: JointMoments, challenger: JointMoments) -> tuple[_Level, _Level]:
    arguments.require_fit(champion=champion.first.n, challenger=challenger.first.n)
    return _ratio(champion, CHAMPION), _ratio(challenger, CHALLENGER)


def _mean(moments: Moments, subject: str) -> _Level:
    def too_few(index: Index) -> str:
        return f"{subject} has {moments.n[index]:.15g} of the 2 users that it takes to measure how users differ"

    return _Level(moments, reasons(moments.n < 2, too_few))  # noqa: PLR2004


def _ratio(joint: JointMoments, subject: str) -> _Level:
    denominators = _mean(joint.second, subject)
    near = too_near_zero(denominators.means, np.sqrt(denominators.variances), subject=f"{subject}'s mean denominator")
    return _Level(joint.ratios(), first_of(denominators.missing, near))


def _welch(old: _Level, new: _Level) -> Effects:
    variances = old.variances + new.variances
    return _effects(old, new, new.means - old.means, variances=variances, freedom=_freedom(old, new))


def _relative(old: _Level, new: _Level) -> Effects:
    near = too_near_zero(old.means, np.sqrt(old.variances), subject=f"{CHAMPION}'s level")
    old = _Level(old.users, first_of(old.missing, near))
    baseline = np.where(known(old.missing), old.means, np.nan)
    ratio = new.means / baseline
    variances = (new.variances + old.variances * np.square(ratio)) / np.square(baseline)
    return _effects(old, new, ratio - 1, variances=variances, freedom=_freedom(old, new), scale=Scale.RELATIVE)


def _effects(
    old: _Level, new: _Level, estimates: Floats, *, variances: Floats, freedom: Floats, scale: Scale = Scale.DIFFERENCE
) -> Effects:
    def no_error(index: Index) -> str:
        return f"the estimate {estimates[index]:.4g} has a standard error of 0, so there is nothing to judge it by"

    missing = first_of(old.missing, new.missing, reasons(variances == 0, no_error))
    return Effects(estimates, np.sqrt(variances), freedom, missing, scale)


def _freedom(old: _Level, new: _Level) -> Floats:
    return welch((old.variances, new.variances), (old.users.n - 1, new.users.n - 1))
