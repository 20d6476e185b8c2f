"""Differences of two proportions, from counts of events.

A is the champion and B the challenger, p = x / n, and P = (x_A + x_B) / (n_A + n_B)::

    unpooled   d = p_B - p_A       s^2 = p_A q_A / n_A + p_B q_B / n_B                     normal
    pooled     d = p_B - p_A       s^2 = P Q (1/n_A + 1/n_B)                               normal
    relative   d = p_B / p_A - 1   s^2 = v_B / p_A^2 + v_A p_B^2 / p_A^4,  v = p q / n     t, df of Welch

Textbook formulas (Agresti 2013, "Categorical Data Analysis", sections 3.1.3 and 3.2.1); relative by the delta method
as in ``effects.means``. With fewer than some 30 events or non-events in a variant take ``newcombe`` for the interval,
with fewer than 10 ``exact.fisher`` for the test.

The trap: the trials must be independent. Requests of users that return are not: see ``effects.ratios``.
"""

import numpy as np

from model_experiment.statistics import arguments
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.effects import means
from model_experiment.statistics.effects.effect import Effects
from model_experiment.statistics.not_estimable import Reasons, first_of, reasons
from model_experiment.statistics.summaries.moments import Moments
from model_experiment.statistics.summaries.proportions import Proportion


def difference(*, champion: Proportion, challenger: Proportion) -> Effects:
    """The challenger's proportion minus the champion's with the unpooled error: made for the *interval*.

    Not estimable without trials in a variant, or where each variant has only events or only non-events.

    >>> effect = difference(champion=Proportion(40, 100), challenger=Proportion(50, 100)).single
    >>> round(effect.value, 9), round(effect.standard_error, 6), round(effect.p_value, 6)
    (0.1, 0.07, 0.153127)
    """
    arguments.require_fit(champion=champion.trials, challenger=challenger.trials)
    return _effects(champion, challenger, _variances(champion) + _variances(challenger))


def pooled_difference(*, champion: Proportion, challenger: Proportion) -> Effects:
    """The same with the error under "no effect": made for the *test*, z and p-value.

    Its ``interval`` answers only whether 0 is inside: take that of ``difference`` or ``newcombe``. Not estimable
    without trials in a variant, or where both have only events or both only non-events.

    >>> round(pooled_difference(champion=Proportion(12, 99), challenger=Proportion(5, 83)).single.z, 4)
    -1.4078
    """
    arguments.require_fit(champion=champion.trials, challenger=challenger.trials)
    pooled = champion + challenger
    old, new = (np.where(one.trials > 0, one.trials, 1.0) for one in (champion, challenger))
    return _effects(champion, challenger, _variances(pooled) * pooled.trials * (1 / old + 1 / new))


def relative_difference(*, champion: Proportion, challenger: Proportion) -> Effects:
    """The challenger's proportion / the champion's - 1 by the delta method (``Scale.RELATIVE``).

    Not estimable with fewer than two trials in a variant, where nothing varies, and where the champion's proportion
    is not 4 standard errors above 0 (some 16 events): relative to such a one nothing has bounds (Fieller 1954).

    >>> effect = relative_difference(champion=Proportion(14, 28), challenger=Proportion(16, 30)).single
    >>> round(effect.value, 5), round(effect.standard_error, 4), round(effect.degrees_of_freedom, 2)
    (0.06667, 0.2717, 55.71)

    Raises:
        ValueError: for trials that are not whole, since they have no degrees of freedom.
    """
    return means.relative_difference(champion=_moments(champion), challenger=_moments(challenger))


def _effects(champion: Proportion, challenger: Proportion, variances: Floats) -> Effects:
    constant = reasons(
        np.asarray(variances == 0), lambda _: "every outcome of a variant is the same, so there is no error to judge by"
    )
    missing = first_of(_no_trials(champion, means.CHAMPION), _no_trials(challenger, means.CHALLENGER), constant)
    return Effects(challenger.rates - champion.rates, np.sqrt(variances), np.asarray(np.inf), missing)


def _no_trials(proportion: Proportion, subject: str) -> Reasons:
    return reasons(np.asarray(proportion.trials == 0), lambda _: f"{subject} has no trials")


def _variances(proportion: Proportion) -> Floats:
    """The variances p (1 - p) / n, by the non-events, which 1 - p would lose near p = 1; 0 of no trials."""
    n = np.where(proportion.trials > 0, proportion.trials, 1.0)
    return np.asarray(proportion.events / n * (proportion.others / n) / n)


def _moments(proportion: Proportion) -> Moments:
    """The moments of the outcomes, 1 or 0, with the variance p (1 - p) and not that by n - 1."""
    n = proportion.trials
    squares = _variances(proportion) * n * np.maximum(n - 1, 0.0)
    return Moments(n=n, means=np.where(n > 0, proportion.rates, 0.0), squares=squares)
