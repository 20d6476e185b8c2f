"""Designs of equal steps whose bounds have a given shape: those of Pocock and of O'Brien and Fleming.

    Pocock 1977                 c
    O'Brien & Fleming 1979      c / sqrt(t_k),   t_k = k / K

The constant c makes the chance of ever stopping under no effect alpha (Jennison & Turnbull 2000, tables 2.1 and
2.3).

The trap: they hold for the looks that were planned, at equal steps, and for nothing else. Where looks come as they
come, ``group_sequential.next_look`` has a spending function for either shape. Its looks and these are of one kind,
so what takes the one takes the other.
"""

from dataclasses import replace

import numpy as np

from model_experiment.statistics import arguments, roots, tails
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.sequential import group_sequential
from model_experiment.statistics.sequential.group_sequential import Look
from model_experiment.statistics.tails import Sides

_HALF = 0.5
_MARGIN = 1e-6


def pocock(count: int, *, alpha: float, sides: Sides = Sides.TWO) -> tuple[Look, ...]:
    """``count`` looks with one bound for all of them; ``group_sequential.nominal_p_values`` are then equal, too.

    >>> looks = pocock(5, alpha=0.05)
    >>> round(looks[0].bound, 3), round(group_sequential.nominal_p_values(looks)[0], 4)
    (2.413, 0.0158)

    Raises:
        ValueError: for a ``count`` below 1 or an ``alpha`` outside (0, 1), one-sided outside (0, 1/2).
    """
    return _shaped(count, alpha=alpha, exponent=0.0, sides=sides)


def obrien_fleming(count: int, *, alpha: float, sides: Sides = Sides.TWO) -> tuple[Look, ...]:
    """``count`` looks whose bounds fall like 1 / sqrt(t): one bound for the score.

    >>> [round(look.bound, 2) for look in obrien_fleming(4, alpha=0.05)]
    [4.05, 2.86, 2.34, 2.02]

    Raises:
        ValueError: as ``pocock``.
    """
    return _shaped(count, alpha=alpha, exponent=-0.5, sides=sides)


def _shaped(count: int, *, alpha: float, exponent: float, sides: Sides) -> tuple[Look, ...]:
    """Looks with bounds in proportion to t^exponent, -1/2 to 0."""
    tail = arguments.probability("alpha", alpha) / sides
    if tail >= _HALF:
        raise ValueError(f"alpha must lie strictly between 0 and 1/2 where one side stops, found {alpha}")
    informations = group_sequential.equal_steps(count)

    def at(constant: float) -> list[Look]:
        return [Look(information, 0.0, constant * information**exponent) for information in informations]

    def excess(constant: Floats) -> float:
        return sum(group_sequential.upper_crossings(at(float(constant)), sides=sides)) - tail

    # the constant is at least what one look needs and at most what Bonferroni asks of each
    low, high = tails.normal_quantile([tail, tail / count]) * [1 - _MARGIN, 1 + _MARGIN]
    looks = at(float(roots.root(excess, low, high)))
    spent = sides * np.cumsum(group_sequential.upper_crossings(looks, sides=sides))
    return tuple(replace(look, spent=float(gone)) for look, gone in zip(looks, spent, strict=True))
