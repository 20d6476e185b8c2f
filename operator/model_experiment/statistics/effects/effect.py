"""An effect: challenger minus champion on some scale, with what is needed to judge it.

It holds for any way of estimating: what matters here is an estimate that is close to normal, its standard
error, and the degrees of freedom of that error. ``Effects`` are many at once, one an experiment (or a segment, or
a metric), some of which may have no number; ``Effects.single`` is the only one of a lone experiment.

The trap: ``value`` and ``interval`` speak in the reader's unit (a difference, or a relative change such as
0.061 for +6.1 %), while ``estimate`` and ``standard_error`` live on the scale where the estimate is close to
normal.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments, tails
from model_experiment.statistics.arguments import Booleans, Floats
from model_experiment.statistics.not_estimable import NotEstimable, Reasons, known, reason_at


class Scale(StrEnum):
    """The scale of an estimate and its standard error."""

    DIFFERENCE = "difference"
    """Challenger minus champion, in the metric's own unit."""

    RELATIVE = "relative difference"
    """Challenger / champion - 1, itself taken as close to normal."""

    LOG_RATIO = "log ratio"
    """ln(challenger / champion); shown as challenger / champion - 1."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Limits in the unit of ``Effect.value``; an end is infinite where the data set no limit."""

    low: float
    high: float

    def contains(self, value: float) -> bool:
        """Whether ``value`` lies inside or on a limit."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """The limits of many intervals: two arrays of one shape, NaN where there is no effect."""

    low: Floats
    high: Floats

    def __getitem__(self, index: int | tuple[int, ...]) -> Interval:
        low, high = self.low[index], self.high[index]
        if np.ndim(low):
            raise ValueError(f"index must be that of one interval among those of shape {self.low.shape}, found {index}")
        return Interval(float(low), float(high))

    @property
    def single(self) -> Interval:
        """The interval of a lone experiment."""
        return self[()]


@dataclass(frozen=True, slots=True)
class Effect:
    """One estimated effect; ``standard_error`` is above 0, ``degrees_of_freedom`` may be ``math.inf``.

    >>> effect = Effect(estimate=0.009, standard_error=0.0032097, degrees_of_freedom=198)
    >>> round(effect.z, 4), round(effect.p_value, 6)
    (2.7733, 0.00555)
    """

    estimate: float
    standard_error: float
    degrees_of_freedom: float = math.inf
    scale: Scale = Scale.DIFFERENCE

    def __post_init__(self) -> None:
        arguments.number("estimate", self.estimate)
        arguments.positive("standard_error", self.standard_error)
        freedom = arguments.numbers("degrees_of_freedom", self.degrees_of_freedom)
        if freedom.ndim or not freedom > 0:
            raise ValueError(f"degrees_of_freedom must be above 0, found {self.degrees_of_freedom}")

    @property
    def value(self) -> float:
        """The effect in the reader's unit."""
        return float(_shown(np.asarray(self.estimate), self.scale))

    @property
    def z(self) -> float:
        """The normal deviate with the tail area of estimate / standard_error; bounds are for this."""
        return float(self._alone().z)

    @property
    def p_value(self) -> float:
        """Two-sided p-value of "no effect" for *one* look at a planned size; not for repeated looks.

        0 only where the area is below the smallest float, about 5e-324: use ``log_p_value`` there.
        """
        return math.exp(self.log_p_value)

    @property
    def log_p_value(self) -> float:
        """The natural logarithm of ``p_value``."""
        return float(self._alone().log_p_values)

    @property
    def p_value_of_increase(self) -> float:
        """One-sided p-value of "the effect is 0 or below", for one look at a planned size."""
        return math.exp(self._alone().log_upper_p_values)

    def interval(self, critical: float) -> Interval:
        """Limits that exclude "no effect" exactly where abs(z) exceeds ``critical``, on the z scale.

        1.96 gives the ordinary 95 % interval; a group-sequential bound gives the repeated confidence interval
        (Jennison & Turnbull 2000, ch. 9); the multiplier of a confidence sequence gives the anytime one.
        """
        return self._alone().interval(critical).single

    def _alone(self) -> "Effects":
        estimate, error, freedom = (
            np.asarray(number, dtype=np.float64)
            for number in (self.estimate, self.standard_error, self.degrees_of_freedom)
        )
        return Effects(estimate, error, freedom, np.full((), None, dtype=object), self.scale)


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """Effects of many experiments: arrays of one shape, one entry an experiment.

    ``missing`` holds a ``NotEstimable`` where there is no effect and None elsewhere; there the numbers, and all
    that is computed from them, are NaN.
    """

    estimates: Floats
    standard_errors: Floats
    degrees_of_freedom: Floats
    missing: Reasons
    scale: Scale = Scale.DIFFERENCE

    def __post_init__(self) -> None:
        estimable = self.estimable
        for name in ("estimates", "standard_errors", "degrees_of_freedom"):
            numbers = np.broadcast_to(np.asarray(getattr(self, name), dtype=np.float64), estimable.shape)
            object.__setattr__(self, name, np.where(estimable, numbers, np.nan))

    def __getitem__(self, index: int | tuple[int, ...]) -> Effect | NotEstimable:
        missing = reason_at(self.missing, index)
        if missing:
            return missing
        estimate, error, freedom = (
            float(numbers[index]) for numbers in (self.estimates, self.standard_errors, self.degrees_of_freedom)
        )
        return Effect(estimate, error, freedom, self.scale)

    @property
    def single(self) -> Effect | NotEstimable:
        """The effect of a lone experiment, or why there is none."""
        return self[()]

    @property
    def estimable(self) -> Booleans:
        """Where there is an effect."""
        return known(self.missing)

    @property
    def values(self) -> Floats:
        """The effects in the reader's unit."""
        return _shown(self.estimates, self.scale)

    @property
    def z(self) -> Floats:
        """As ``Effect.z``."""
        return tails.z_of_t(self._ratios(), self.degrees_of_freedom)

    @property
    def log_p_values(self) -> Floats:
        """As ``Effect.log_p_value``."""
        return np.asarray(math.log(2) + tails.log_t_tail(np.abs(self._ratios()), self.degrees_of_freedom))

    @property
    def log_upper_p_values(self) -> Floats:
        """The logarithm of ``Effect.p_value_of_increase``."""
        ratio = self._ratios()
        log_tail = tails.log_t_tail(np.abs(ratio), self.degrees_of_freedom)
        return np.where(ratio >= 0, log_tail, np.log1p(-np.exp(log_tail)))

    def interval(self, critical: ArrayLike) -> Intervals:
        """As ``Effect.interval``; ``critical`` broadcasts against the effects."""
        bound = _not_negative("critical", critical)
        arguments.require_fit(critical=bound, effects=self.estimates)
        multiplier = tails.t_of_z(bound, self.degrees_of_freedom)
        radius = multiplier * self.standard_errors
        return Intervals(_shown(self.estimates - radius, self.scale), _shown(self.estimates + radius, self.scale))

    def _ratios(self) -> Floats:
        with np.errstate(over="ignore"):  # beyond a float is beyond every bound
            return np.asarray(self.estimates / self.standard_errors)


def _shown(estimates: Floats, scale: Scale) -> Floats:
    match scale:
        case Scale.DIFFERENCE | Scale.RELATIVE:
            return np.asarray(estimates)
        case Scale.LOG_RATIO:
            with np.errstate(over="ignore"):  # a limit beyond a float is infinite, not an error
                return np.asarray(np.expm1(estimates))
        case _:
            assert_never(scale)


def _not_negative(name: str, values: ArrayLike) -> Floats:
    """Numbers of 0 or more, infinity allowed: an infinite bound means that nothing can be said."""
    array = np.asarray(values, dtype=np.float64)
    if not (array >= 0).all():
        raise ValueError(f"{name} must be 0 or more, found {array[~(array >= 0)].flat[0]:g}")
    return array
