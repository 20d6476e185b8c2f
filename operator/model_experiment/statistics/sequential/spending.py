"""How much alpha may be gone at which information: spending functions.

A spending function rises from 0 at information 0 to alpha at information 1 (Lan & DeMets 1983). It is chosen
before the start and stored with the experiment; the looks may then come whenever they come::

    OBrienFleming         2 (1 - Phi(z_{alpha/2} / sqrt(t)))
    Pocock                alpha ln(1 + (e - 1) t)
    Power                 alpha t^exponent
    HwangShihDeCani       alpha (1 - exp(-gamma t)) / (1 - exp(-gamma)),   alpha t at gamma 0

The first two are Lan & DeMets 1983, the third Kim & DeMets 1987, the last Hwang, Shih & De Cani 1990.

The trap: for a two-sided test each tail spends by the function at alpha / 2, which for O'Brien-Fleming is not half
of the function at alpha.
"""

import math
from dataclasses import dataclass
from typing import TypeAlias, assert_never

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from model_experiment.statistics import arguments, tails
from model_experiment.statistics.arguments import Floats


@dataclass(frozen=True, slots=True)
class OBrienFleming:
    """Almost nothing early, so the last look costs little; its bounds are close to O'Brien & Fleming's."""


@dataclass(frozen=True, slots=True)
class Pocock:
    """Nearly in proportion to information, a little more early; its bounds are close to Pocock's constant one."""


@dataclass(frozen=True, slots=True)
class Power:
    """A power of information; 1 is linear, 3 is close to O'Brien-Fleming. ``exponent`` is above 0."""

    exponent: float

    def __post_init__(self) -> None:
        arguments.positive("exponent", self.exponent)


@dataclass(frozen=True, slots=True)
class HwangShihDeCani:
    """Exponential in information: ``gamma`` 0 is linear, 1 is close to Pocock, -4 to O'Brien-Fleming."""

    gamma: float

    def __post_init__(self) -> None:
        arguments.finite("gamma", self.gamma)


Spending: TypeAlias = OBrienFleming | Pocock | Power | HwangShihDeCani


def spent(spending: Spending, information: ArrayLike, *, alpha: ArrayLike) -> Floats:
    """The alpha that may be gone at ``information``, 0 to 1: 0 at 0 and ``alpha`` at 1. Arrays broadcast.

    >>> spent(OBrienFleming(), [0.4, 0.75, 1], alpha=0.13).round(9).tolist()
    [0.016665509, 0.080406163, 0.13]
    >>> spent(HwangShihDeCani(-4), 0.5, alpha=0.05).round(6).tolist()  # .05 (e^2 - 1) / (e^4 - 1)
    0.00596

    Raises:
        ValueError: for information outside 0 to 1 or alpha outside (0, 1).
    """
    t, whole = arguments.together(
        {"information": arguments.shares("information", information), "alpha": arguments.probabilities("alpha", alpha)}
    )
    return np.where(t == 1, whole, np.minimum(_spent(spending, t, whole), whole))


def _spent(spending: Spending, t: Floats, alpha: Floats) -> Floats:
    match spending:
        case OBrienFleming():
            with np.errstate(divide="ignore"):  # a z of infinity at information 0 has an area of 0
                return np.asarray(2 * special.ndtr(-tails.normal_quantile(alpha / 2) / np.sqrt(t)))
        case Pocock():
            return np.asarray(alpha * np.log1p((math.e - 1) * t))
        case Power(exponent):
            return np.asarray(alpha * t**exponent)
        case HwangShihDeCani(gamma):
            return alpha * _exponential(t, gamma)
        case _:
            assert_never(spending)


def _exponential(t: Floats, gamma: float) -> Floats:
    """(1 - exp(-gamma t)) / (1 - exp(-gamma)) without a 0 / 0 at gamma 0 or an overflow where it is very negative.

    exprel(x) = (e^x - 1) / x is 1 at 0; what a negative gamma would make huge is divided out beforehand.
    """
    steep = abs(gamma)
    late = np.exp(-steep * (1 - t)) if gamma < 0 else 1.0
    return np.asarray(late * t * special.exprel(-steep * t) / special.exprel(-steep))
