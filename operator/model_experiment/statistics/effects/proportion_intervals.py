"""Intervals for the probability behind a proportion, and for the difference of two.

With x events of n trials, z the normal quantile of the tail::

    Wilson           (x + z^2/2 -+ z sqrt(x (n - x)/n + z^2/4)) / (n + z^2)
    Clopper-Pearson  low: P(X >= x | low) = tail,    high: P(X <= x | high) = tail
    Newcombe         d - sqrt((p_B - l_B)^2 + (u_A - p_A)^2),  d + sqrt((u_B - p_B)^2 + (p_A - l_A)^2)

with d = p_B - p_A and Wilson limits l, u. Wilson 1927 (JASA 22, 209-212); Clopper & Pearson 1934 (Biometrika 26,
404-413); Newcombe 1998 (Stat. Med. 17, 857-872, methods 3 and 5, and 873-890, method 10).

Wilson's covers 1 - alpha on average over rates, Clopper-Pearson's at least that at *every* rate. ``_low`` and
``_high`` are one-sided: all of ``alpha`` lies in their one tail. Of no trials the limits are 0 and 1.

The trap: estimate -+ 1.96 standard errors. With no event at all its interval has no width.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from model_experiment.statistics import arguments, binomial_tails, tails
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.effects.effect import Intervals
from model_experiment.statistics.summaries.proportions import Proportion

# The logits between which limits are looked for: p from 1e-304 to 1 - 2e-16, the last before 1.
_LOWEST, _HIGHEST = -700.0, 36.0
_TOLERANCE, _MOST_STEPS = 1e-10, 100
_EPSILON = float(np.finfo(np.float64).eps)


def wilson(proportion: Proportion, *, alpha: ArrayLike) -> Intervals:
    """The two-sided score interval at 1 - ``alpha``.

    >>> limits = wilson(Proportion(15, 148), alpha=0.05).single
    >>> round(limits.low, 4), round(limits.high, 4)
    (0.0624, 0.1605)
    """
    half = arguments.probabilities("alpha", alpha) / 2
    return Intervals(wilson_low(proportion, alpha=half), wilson_high(proportion, alpha=half))


def wilson_low(proportion: Proportion, *, alpha: ArrayLike) -> Floats:
    """The one-sided lower score limit; exactly 0 without an event."""
    z = _quantile(proportion, alpha)
    return np.where((proportion.events == 0) & (z >= 0), 0.0, _score_limit(proportion, -z, of_nothing=0.0))


def wilson_high(proportion: Proportion, *, alpha: ArrayLike) -> Floats:
    """The one-sided upper score limit; exactly 1 where every trial is an event."""
    z = _quantile(proportion, alpha)
    return np.where((proportion.others == 0) & (z >= 0), 1.0, _score_limit(proportion, z, of_nothing=1.0))


def clopper_pearson(proportion: Proportion, *, alpha: ArrayLike) -> Intervals:
    """The two-sided exact interval at 1 - ``alpha``, half of it in each tail.

    >>> limits = clopper_pearson(Proportion(15, 148), alpha=0.05).single
    >>> round(limits.low, 4), round(limits.high, 4)
    (0.0578, 0.1617)
    """
    half = arguments.probabilities("alpha", alpha) / 2
    return Intervals(clopper_pearson_low(proportion, alpha=half), clopper_pearson_high(proportion, alpha=half))


def clopper_pearson_low(proportion: Proportion, *, alpha: ArrayLike) -> Floats:
    """The one-sided exact lower limit, good to 1e-12 at a billion trials; 0 without an event."""
    x, others, log_level = _prepared(proportion, alpha)
    a = np.where(x > 0, x, 1.0)
    return np.where(x > 0, _crossing(binomial_tails.log_below, a, others + 1, log_level, direction=1), 0.0)


def clopper_pearson_high(proportion: Proportion, *, alpha: ArrayLike) -> Floats:
    """The one-sided exact upper limit; 1 where every trial is an event, 1 - alpha^(1/n) where none is.

    >>> round(float(clopper_pearson_high(Proportion(0, 59), alpha=0.05)), 7)
    0.0495076
    """
    x, others, log_level = _prepared(proportion, alpha)
    b = np.where(others > 0, others, 1.0)
    return np.where(others > 0, _crossing(binomial_tails.log_above, x + 1, b, log_level, direction=-1), 1.0)


def newcombe(*, champion: Proportion, challenger: Proportion, alpha: ArrayLike) -> Intervals:
    """Newcombe's hybrid score interval for the challenger's probability minus the champion's.

    It keeps its coverage with few or no events, where an estimate and its standard error do not. NaN where a
    variant has no trials: ``effects.proportions.difference`` says so in words.

    >>> limits = newcombe(champion=Proportion(48, 80), challenger=Proportion(56, 70), alpha=0.05).single
    >>> round(limits.low, 4), round(limits.high, 4)
    (0.0524, 0.3339)
    """
    arguments.require_fit(champion=champion.trials, challenger=challenger.trials)
    old, new = wilson(champion, alpha=alpha), wilson(challenger, alpha=alpha)
    p_old, p_new = champion.rates, challenger.rates
    below = np.hypot(p_new - new.low, old.high - p_old)
    above = np.hypot(new.high - p_new, p_old - old.low)
    return Intervals(p_new - p_old - below, p_new - p_old + above)


def _quantile(proportion: Proportion, alpha: ArrayLike) -> Floats:
    tail = arguments.probabilities("alpha", alpha)
    arguments.require_fit(proportion=proportion.trials, alpha=tail)
    return tails.normal_quantile(tail)


def _score_limit(proportion: Proportion, z: Floats, *, of_nothing: float) -> Floats:
    """The limit ``z`` standard errors, of the limit's own rate, above the observed rate."""
    x, n = proportion.events, np.where(proportion.trials > 0, proportion.trials, 1.0)
    root = np.sqrt(x / n * proportion.others + z * z / 4)
    return np.where(proportion.trials > 0, (x + z * z / 2 + z * root) / (n + z * z), of_nothing)


def _prepared(proportion: Proportion, alpha: ArrayLike) -> tuple[Floats, ...]:
    level = arguments.probabilities("alpha", alpha)
    x, others, level = arguments.together({"events": proportion.events, "trials": proportion.others, "alpha": level})
    return x, others, np.log(level)


def _crossing(
    log_tail: Callable[[Floats, Floats, Floats], Floats], a: Floats, b: Floats, log_level: Floats, *, direction: int
) -> Floats:
    """The p at which ``log_tail`` of a, b and p is ``log_level``, by Newton's steps on the logit of p.

    The logarithm of a binomial tail is concave in that logit (its second derivative is the variance given the tail
    less the variance), so from the second step on Newton's method comes nearer from one side and cannot miss.
    ``direction`` is 1 where the tail rises with p and -1 where it falls.
    """
    logit = special.logit(a / (a + b))
    p = special.expit(logit)
    for _ in range(_MOST_STEPS):
        value = log_tail(a, b, p)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # a flat tail: one step to the far end
            slope = direction * np.exp(binomial_tails.log_power(a, b, p) - value)
            step = np.where(value == log_level, 0.0, (log_level - value) / slope)
        logit = np.clip(logit + step, _LOWEST, _HIGHEST)
        last, p = p, special.expit(logit)
        if np.all(np.abs(p - last) <= np.maximum(_TOLERANCE * np.minimum(p, 1 - p), _EPSILON)):
            break
    return np.asarray(p)
