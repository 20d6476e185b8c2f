"""Tests of two variants that count possible outcomes instead of taking anything as normal.

Given how many events there were in all, k, the challenger's number X of them has a known law under "no effect"::

    Fisher     X hypergeometric: k events among n_A + n_B trials, n_B of them the challenger's
    Poisson    X binomial: k events, each the challenger's with probability w_B / (w_A + w_B), w the exposures

    increase   P(X >= x),    decrease   P(X <= x),    two-sided   sum of P(X = y) over P(X = y) <= P(X = x)

Fisher 1935 (JRSS 98, 39-82); Przyborowski & Wilenski 1940 (Biometrika 31, 313-323). For the two-sided value the
other tail's edge is found by halving, because both laws fall from their mode to both sides; nothing is summed over
all outcomes.

The trap: an outcome as likely as the observed one differs from it by rounding. Probabilities that agree to 1e-7
count as equal, as in R.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments, binomial_tails
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.not_estimable import Estimates, Reasons, reasons
from model_experiment.statistics.summaries.proportions import Proportion

_AS_LIKELY = math.log1p(1e-7)
_TERMS = 256  # of a hypergeometric tail that are added first, then twice as many, as far as memory goes
_MOST_AT_ONCE = 2**16
_NEGLIGIBLE = 1e-20
_SMALLEST_SHARE = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True, eq=False)
class ExactTest:
    """Logarithms of p-values, and the sample's own ``ratio``: of odds (Fisher) or of rates (Poisson).

    A ratio to nothing is infinite, and of nothing to nothing not estimable.
    """

    ratio: Estimates
    log_p_increase: Estimates
    log_p_decrease: Estimates
    log_p_two_sided: Estimates


@dataclass(frozen=True, slots=True, eq=False)
class EventRate:
    """``events`` during ``exposure``: time, requests, users; they may exceed it, it must be above 0.

    Raises:
        ValueError: unless events are whole and 0 or more, the exposure above 0, and their shapes fit.
    """

    events: Floats
    exposure: Floats

    def __init__(self, events: ArrayLike, exposure: ArrayLike) -> None:
        counted, exposed = arguments.whole_counts("events", events), arguments.positives("exposure", exposure)
        counted, exposed = arguments.together({"events": counted, "exposure": exposed})
        object.__setattr__(self, "events", counted)
        object.__setattr__(self, "exposure", exposed)


@dataclass(frozen=True, slots=True)
class _Law:
    """A law of counts that falls to both sides of its ``mode``; ``log_at_least`` and ``_most`` go one step outside."""

    lowest: Floats
    mode: Floats
    highest: Floats
    log_pmf: Callable[[Floats], Floats]
    log_at_least: Callable[[Floats], Floats]
    log_at_most: Callable[[Floats], Floats]


def fisher(*, champion: Proportion, challenger: Proportion) -> ExactTest:
    """Fisher's exact test of two proportions, with the sample odds ratio.

    Not estimable where a variant has no trials. Without an event, or with nothing but events, the only possible
    outcome has p = 1 and no odds ratio.

    >>> test = fisher(champion=Proportion(1, 4), challenger=Proportion(3, 4))  # the lady tasting tea
    >>> test.ratio.single, round(math.exp(test.log_p_increase.single), 4)
    (9.0, 0.2429)
    >>> round(math.exp(test.log_p_two_sided.single), 4)
    0.4857

    Raises:
        ValueError: for counts that are not whole.
    """
    named = {
        "champion.events": champion.events,
        "champion.trials": champion.trials,
        "challenger.events": challenger.events,
        "challenger.trials": challenger.trials,
    }
    whole = {name: arguments.whole_counts(name, counts) for name, counts in named.items()}
    x_old, n_old, x_new, n_new = arguments.together(whole)
    nobody = reasons(np.asarray((n_old == 0) | (n_new == 0)), lambda _: "a variant has no trials")
    law = _hypergeometric(events=x_old + x_new, drawn=n_new, others=n_old + n_new - x_old - x_new)
    odds_ratio = _quotient(x_new * (n_old - x_old), (n_new - x_new) * x_old)
    return _test(_log_p_values(law, x_new), ratio=odds_ratio, missing=nobody)


def poisson(*, champion: EventRate, challenger: EventRate) -> ExactTest:
    """The exact conditional test of two Poisson rates, with their sample ratio; vectorised, at any counts.

    Without any event the only possible outcome has p = 1 and no ratio.

    >>> test = poisson(champion=EventRate(30, 54308.7), challenger=EventRate(60, 51477.5))
    >>> round(test.ratio.single, 4), round(math.exp(test.log_p_two_sided.single), 9)
    (2.11, 0.000675183)
    """
    x_old, w_old, x_new, w_new = arguments.together(
        {
            "champion.events": champion.events,
            "champion.exposure": champion.exposure,
            "challenger.events": challenger.events,
            "challenger.exposure": challenger.exposure,
        }
    )
    ratio = _quotient(x_new * (w_old / w_new), x_old)
    # Of the variant with less exposure, for a share near 1 leaves no digits of what is beside it.
    less = w_new < w_old
    exposures = np.minimum(w_old, w_new) / np.maximum(w_old, w_new)
    law = _binomial(x_old + x_new, np.maximum(exposures / (1 + exposures), _SMALLEST_SHARE))
    at_least, at_most, two_sided = _log_p_values(law, np.where(less, x_new, x_old))
    increase, decrease = np.where(less, at_least, at_most), np.where(less, at_most, at_least)
    return _test((increase, decrease, two_sided), ratio=ratio, missing=np.full(x_new.shape, None, dtype=object))


def _test(log_p_values: tuple[Floats, Floats, Floats], *, ratio: Estimates, missing: Reasons) -> ExactTest:
    return ExactTest(ratio, *(Estimates(log_p, missing) for log_p in log_p_values))


def _log_p_values(law: _Law, x: Floats) -> tuple[Floats, Floats, Floats]:
    """The logarithms of P(X >= x), P(X <= x) and the two-sided p-value."""
    at_least, at_most = law.log_at_least(x), law.log_at_most(x)
    two_sided = np.logaddexp(np.where(x < law.mode, at_most, at_least), _log_other_tail(law, x))
    return at_least, at_most, np.minimum(two_sided, 0.0)


def _log_other_tail(law: _Law, x: Floats) -> Floats:
    """The logarithm of what lies beyond the mode, seen from x, and is no more likely than x."""
    level = law.log_pmf(x) + _AS_LIKELY
    above = x < law.mode
    side, farthest = np.where(above, 1.0, -1.0), np.where(above, law.highest - law.mode, law.mode - law.lowest)
    # The first distance from the mode that is no more likely; one past the farthest where there is none.
    low, high = np.zeros_like(x), farthest + 1
    while np.any(low < high):
        middle = np.floor((low + high) / 2)
        reached = law.log_pmf(law.mode + side * np.minimum(middle, farthest)) <= level
        open_ = low < high
        high = np.where(open_ & reached, middle, high)
        low = np.where(open_ & ~reached, middle + 1, low)
    edge = law.mode + side * low
    return np.where(above, law.log_at_least(edge), law.log_at_most(edge))


def _binomial(trials: Floats, p: Floats) -> _Law:
    return _Law(
        lowest=np.zeros_like(trials),
        mode=np.minimum(np.floor((trials + 1) * p), trials),
        highest=trials,
        log_pmf=lambda x: binomial_tails.log_pmf(x, trials, p),
        log_at_least=lambda x: binomial_tails.log_at_least(x, trials, p),
        log_at_most=lambda x: binomial_tails.log_at_most(x, trials, p),
    )


def _hypergeometric(*, events: Floats, drawn: Floats, others: Floats) -> _Law:
    """How many of ``events`` are among the ``drawn`` of ``events + others``."""
    return _Law(
        lowest=np.maximum(drawn - others, 0.0),
        mode=_hypergeometric_mode(events, drawn, others),
        highest=np.minimum(events, drawn),
        log_pmf=lambda x: _log_hypergeometric_pmf(x, events, drawn, others),
        log_at_least=lambda x: _log_hypergeometric_tail(x, events, drawn, others),
        log_at_most=lambda x: _log_hypergeometric_tail(drawn - x, others, drawn, events),
    )


def _hypergeometric_mode(events: Floats, drawn: Floats, others: Floats) -> Floats:
    mode = np.floor((drawn + 1) * ((events + 1) / (events + others + 2)))
    return np.clip(mode, np.maximum(drawn - others, 0.0), np.minimum(events, drawn))


def _log_hypergeometric_pmf(x: Floats, events: Floats, drawn: Floats, others: Floats) -> Floats:
    """By three binomials of one p, which cancels: with the share drawn no digit is lost."""
    p = (drawn + 0.5) / (events + others + 1)
    there, elsewhere = binomial_tails.log_pmf(x, events, p), binomial_tails.log_pmf(drawn - x, others, p)
    return np.asarray(there + elsewhere - binomial_tails.log_pmf(drawn, events + others, p))


def _log_hypergeometric_tail(x: Floats, events: Floats, drawn: Floats, others: Floats) -> Floats:
    """The logarithm of P(X >= x), by terms from x outward, or from x - 1 downward where x is not above the mode."""
    above = x > _hypergeometric_mode(events, drawn, others)
    start = np.where(above, x, drawn - x + 1)
    inside, outside = np.where(above, events, others), np.where(above, others, events)
    highest = np.minimum(inside, drawn)
    first = np.minimum(start, highest)
    log_sum = _log_hypergeometric_pmf(first, inside, drawn, outside) + _log_series(first, inside, drawn, outside)
    log_tail = np.where(start > highest, -np.inf, np.minimum(log_sum, 0.0))
    with np.errstate(divide="ignore"):
        return np.where(above, log_tail, np.log1p(-np.exp(log_tail)))


def _log_series(x: Floats, events: Floats, drawn: Floats, others: Floats) -> Floats:
    """The logarithm of the sum over y >= x of P(X = y) / P(X = x), x at the mode or above it."""
    total, last = np.ones_like(x), np.ones_like(x)
    step, terms = 0, _TERMS
    while np.any(last > _NEGLIGIBLE * total):
        y = x[..., np.newaxis] + np.arange(step, step + terms)
        events_left, drawn_left = (
            np.maximum(events[..., np.newaxis] - y, 0.0),
            np.maximum(drawn[..., np.newaxis] - y, 0.0),
        )
        ratios = events_left * drawn_left / ((y + 1) * ((others - drawn)[..., np.newaxis] + y + 1))
        parts = last[..., np.newaxis] * np.cumprod(ratios, axis=-1)
        total, last = total + parts.sum(axis=-1), parts[..., -1]
        step, terms = step + terms, max(_TERMS, min(2 * terms, _MOST_AT_ONCE // x.size))
    return np.asarray(np.log(total))


def _quotient(numerators: Floats, denominators: Floats) -> Estimates:
    neither = np.asarray((numerators == 0) & (denominators == 0))
    with np.errstate(divide="ignore", invalid="ignore"):  # a ratio to nothing is infinite
        return Estimates(
            np.asarray(numerators / denominators), reasons(neither, lambda _: "there is nothing to divide by")
        )
