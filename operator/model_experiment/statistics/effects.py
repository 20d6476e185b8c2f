"""An effect: challenger minus champion on some scale, with what is needed to judge it.

It holds for any way of estimating: what matters here is an estimate that is close to normal, its standard
error, and the degrees of freedom of that error.

The trap: ``value`` and ``interval`` speak in the reader's unit (a difference, or a relative change such as
0.061 for +6.1 %), while ``estimate`` and ``standard_error`` live on the scale where the estimate is close to
normal.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from model_experiment.statistics import tails


class Scale(StrEnum):
    """The scale of an estimate and its standard error."""

    DIFFERENCE = "difference"
    """Challenger minus champion, in the metric's own unit."""

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
        if not math.isfinite(self.estimate):
            raise ValueError(f"estimate must be finite, found {self.estimate}")
        if not (math.isfinite(self.standard_error) and self.standard_error > 0):
            raise ValueError(f"standard_error must be finite and above 0, found {self.standard_error}")
        if not self.degrees_of_freedom > 0:
            raise ValueError(f"degrees_of_freedom must be above 0, found {self.degrees_of_freedom}")

    @property
    def value(self) -> float:
        """The effect in the reader's unit."""
        return self._shown(self.estimate)

    @property
    def z(self) -> float:
        """The normal deviate with the tail area of estimate / standard_error; bounds are for this."""
        return tails.z_of_t(self.estimate / self.standard_error, self.degrees_of_freedom)

    @property
    def p_value(self) -> float:
        """Two-sided p-value of "no effect" for *one* look at a planned size; not for repeated looks.

        0 only where the area is below the smallest float, about 5e-324: use ``log_p_value`` there.
        """
        return math.exp(self.log_p_value)

    @property
    def log_p_value(self) -> float:
        """The natural logarithm of ``p_value``."""
        ratio = abs(self.estimate / self.standard_error)
        return math.log(2) + tails.log_t_tail(ratio, self.degrees_of_freedom)

    def interval(self, critical: float) -> Interval:
        """Limits that exclude "no effect" exactly where abs(z) exceeds ``critical``, on the z scale.

        1.96 gives the ordinary 95 % interval; a group-sequential bound gives the repeated confidence interval
        (Jennison & Turnbull 2000, ch. 9); the multiplier of a confidence sequence gives the anytime one.
        """
        if not critical >= 0:
            raise ValueError(f"critical must be 0 or more, found {critical}")
        radius = tails.t_of_z(critical, self.degrees_of_freedom) * self.standard_error
        return Interval(self._shown(self.estimate - radius), self._shown(self.estimate + radius))

    def _shown(self, estimate: float) -> float:
        match self.scale:
            case Scale.DIFFERENCE:
                return estimate
            case Scale.LOG_RATIO:
                return _ratio_minus_one(estimate)
            case _:
                assert_never(self.scale)


def _ratio_minus_one(log_ratio: float) -> float:
    """exp(log_ratio) - 1, infinite where that is beyond a float instead of an error."""
    try:
        return math.expm1(log_ratio)
    except OverflowError:
        return math.inf
