"""Is the challenger as good, or close enough on both sides? Equivalence and non-inferiority against margins.

With the interval (l, u) that an effect has at a multiplier ``critical``, and margins (low, high) around 0::

    shown     low < l and u < high
    refuted   u < low or l > high            the whole interval is beyond a margin
    p         max of P(T > (d - low)/s) and P(T > (high - d)/s)         for one look at a planned size

These are two one-sided tests (Schuirmann 1987, J. Pharmacokin. Biopharm. 15, 657-680). Non-inferiority is the one
of them on the bad side (the other margin is infinite). ``critical`` is z_alpha for one look,
``tails.normal_quantile(alpha)``; at every look it is that look's group-sequential bound or a confidence sequence's
multiplier, and then the promise holds however often one looks.

Margins are in the unit of ``Effects.values``: points of a difference, or a relative change such as 0.02. On the
log-ratio scale they are taken at ln(1 + margin), so -2 % and +2 % are not the same distance there.

The trap: "not significantly different" is not "equivalent". A margin is chosen before the data, and a wide
interval shows nothing.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments
from model_experiment.statistics.arguments import Booleans, Floats
from model_experiment.statistics.effects.effect import Effects, Interval, Intervals, Scale
from model_experiment.statistics.not_estimable import Index, NotEstimable, Reasons, reason_at


class Better(StrEnum):
    """Which way the metric should go."""

    HIGHER = "higher"
    LOWER = "lower"


class Verdict(StrEnum):
    """What an interval says about a claim."""

    SHOWN = "shown"
    NOT_SHOWN = "not shown"
    REFUTED = "refuted"
    """The contrary is shown: inferior beyond the margin, or different by more than a margin."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one interval says, and the interval."""

    verdict: Verdict
    interval: Interval


@dataclass(frozen=True, slots=True, eq=False)
class Judgements:
    """The verdicts on many experiments; where ``missing`` holds a ``NotEstimable`` nothing is shown or refuted."""

    shown: Booleans
    refuted: Booleans
    intervals: Intervals
    missing: Reasons

    def __getitem__(self, index: int | Index) -> Judgement | NotEstimable:
        if missing := reason_at(self.missing, index):
            return missing
        verdict = Verdict.NOT_SHOWN
        if self.shown[index]:
            verdict = Verdict.SHOWN
        elif self.refuted[index]:
            verdict = Verdict.REFUTED
        return Judgement(verdict, self.intervals[index])

    @property
    def single(self) -> Judgement | NotEstimable:
        """The judgement on a lone experiment, or why there is none."""
        return self[()]


def equivalence(effects: Effects, *, low: ArrayLike, high: ArrayLike, critical: ArrayLike) -> Judgements:
    """Whether the effect lies between the margins ``low`` < 0 < ``high``; all arguments broadcast.

    >>> from model_experiment.statistics.not_estimable import reasons
    >>> some = Effects(np.array([0.002, 0.002, 0.05]), np.array([0.003, 0.02, 0.01]), np.inf, reasons([0, 0, 0], str))
    >>> judged = equivalence(some, low=-0.01, high=0.01, critical=1.645)
    >>> [str(judged[experiment].verdict) for experiment in range(3)]
    ['shown', 'not shown', 'refuted']

    Raises:
        ValueError: unless ``low`` is below 0 and ``high`` above it; for a relative margin of -100 % or less.
    """
    return _within(effects, *_margins(low, high), critical=critical)


def equivalence_log_p_values(effects: Effects, *, low: ArrayLike, high: ArrayLike) -> Floats:
    """The logarithm of the p-value against "the effect is beyond a margin", for one look at a planned size."""
    lower, upper = arguments.together(dict(zip(("low", "high"), _margins(low, high), strict=True)))
    return np.maximum(_log_p_above(effects, lower), _log_p_below(effects, upper))


def non_inferiority(effects: Effects, *, margin: ArrayLike, better: Better, critical: ArrayLike) -> Judgements:
    """Whether the challenger is worse by less than ``margin``, 0 or more; all arguments broadcast.

    A ``margin`` of 0 asks for superiority, and refutes it where the challenger is shown to be worse.

    >>> from model_experiment.statistics.effects.effect import Effect
    >>> from model_experiment.statistics.not_estimable import reasons
    >>> slower = Effects(np.array(0.03), np.array(0.01), np.array(np.inf), reasons(np.array(False), str))
    >>> non_inferiority(slower, margin=0.05, better=Better.LOWER, critical=1.96).single
    Judgement(verdict=<Verdict.SHOWN: 'shown'>, interval=Interval(low=0.0104, high=0.0496))

    Raises:
        ValueError: for a negative margin, or one of 100 % or more of a relative effect that should not fall.
    """
    size = arguments.counts("margin", margin)
    match better:
        case Better.HIGHER:
            return _within(effects, -size, np.array(np.inf), critical=critical)
        case Better.LOWER:
            return _within(effects, np.array(-np.inf), size, critical=critical)
        case _:
            assert_never(better)


def non_inferiority_log_p_values(effects: Effects, *, margin: ArrayLike, better: Better) -> Floats:
    """The logarithm of the p-value against "worse by ``margin`` or more", for one look at a planned size."""
    size = arguments.counts("margin", margin)
    match better:
        case Better.HIGHER:
            return _log_p_above(effects, -size)
        case Better.LOWER:
            return _log_p_below(effects, size)
        case _:
            assert_never(better)


def _margins(low: ArrayLike, high: ArrayLike) -> tuple[Floats, Floats]:
    lower = arguments.finite("low", low)
    if (lower >= 0).any():
        raise ValueError(f"low must be below 0, found {lower[lower >= 0].flat[0]:g}")
    return lower, arguments.positives("high", high)


def _within(effects: Effects, low: Floats, high: Floats, *, critical: ArrayLike) -> Judgements:
    _require_reachable(effects.scale, low)
    limits = effects.interval(critical)
    arguments.require_fit(effects=limits.low, low=low, high=high)
    shown = np.asarray((limits.low > low) & (limits.high < high))
    refuted = np.asarray((limits.high < low) | (limits.low > high))
    shape = shown.shape
    intervals = Intervals(np.broadcast_to(limits.low, shape), np.broadcast_to(limits.high, shape))
    return Judgements(shown, refuted, intervals, np.broadcast_to(effects.missing, shape))


def _log_p_above(effects: Effects, margin: Floats) -> Floats:
    """The logarithm of P(T > (estimate - margin) / s), against "the effect is ``margin`` or less"."""
    return _from(effects, margin, sign=1.0).log_upper_p_values


def _log_p_below(effects: Effects, margin: Floats) -> Floats:
    return _from(effects, margin, sign=-1.0).log_upper_p_values


def _from(effects: Effects, margin: Floats, *, sign: float) -> Effects:
    """The distance of the effects from a margin, on the scale of their estimates."""
    _require_reachable(effects.scale, margin)
    arguments.require_fit(effects=effects.estimates, margin=margin)
    distance = sign * (effects.estimates - (np.log1p(margin) if effects.scale is Scale.LOG_RATIO else margin))
    missing = np.broadcast_to(effects.missing, distance.shape)
    return Effects(distance, effects.standard_errors, effects.degrees_of_freedom, missing)


def _require_reachable(scale: Scale, margin: Floats) -> None:
    impossible = (margin <= -1) & np.isfinite(margin)
    if scale is Scale.LOG_RATIO and impossible.any():
        raise ValueError(f"a relative margin must be above -1 (-100 %), found {margin[impossible].flat[0]:g}")
