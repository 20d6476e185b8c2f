"""Does the effect change while the experiment runs? Novelty wears off, primacy grows.

An early and a late window (thirds of the run, for example), variants A and B, the same buckets of users in both::

    D = (R_B,late - R_A,late) - (R_B,early - R_A,early)

It is the contrast of ``effects/contrasts.py`` with the coefficients (-1, 1), whose error pairs the buckets of both
windows; ``slope`` is one with the coefficients of a weighted least squares line over days.

The trap: the same users come back. Taking windows for independent makes the error of D too large, and that of an
average over days too small. And D of a significant effect chosen for its size falls by itself: judge D against the
effect, and decide on the late window only where that was registered.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments
from model_experiment.statistics.arguments import Booleans, Floats
from model_experiment.statistics.effects import contrasts, ratios
from model_experiment.statistics.effects.effect import Effects
from model_experiment.statistics.not_estimable import Reasons, first_of, known, reasons
from model_experiment.statistics.summaries.buckets import BucketTable

ALPHA = 0.05
NOTABLE_SHARE = 1 / 3
"""A change smaller than this share of the effect does not matter for the decision."""

_FEWEST_DAYS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """What one variant's buckets held early and late in the run: tables of one shape.

    Raises:
        ValueError: where the shapes differ.
    """

    early: BucketTable
    late: BucketTable

    def __post_init__(self) -> None:
        early, late = self.early.numerators.shape, self.late.numerators.shape
        if early != late:
            raise ValueError(f"early and late must be tables of one shape, found shapes {early}, {late}")


def change(*, champion: Windows, challenger: Windows) -> Effects:
    """D: the late effect minus the early one, with an error that pairs the buckets of both windows.

    Where D has the effect's sign the effect grows (primacy); with the opposite sign it wears off (novelty). Not
    estimable where a window of a variant is not (fewer than 20 non-empty buckets), or where nothing varies in one.
    """
    return contrasts.contrast(
        champion=_stacked(champion), challenger=_stacked(challenger), coefficients=[-1.0, 1.0], parts=["early", "late"]
    )


def is_flagged(changes: Effects, *, effect: Effects, alpha: ArrayLike = ALPHA) -> Booleans:
    """Where the effect is not the same late as early: p < ``alpha``, and abs(D) above a third of the ``effect``.

    ``effect`` is that of the whole run, on the same scale. False where either is not estimable, which is not the
    same as steady: the reason stands in their ``missing``.

    Raises:
        ValueError: where the scales differ, or the shapes do not fit.
    """
    if changes.scale is not effect.scale:
        raise ValueError(f"changes and effect must be on one scale, found {changes.scale}, {effect.scale}")
    level = arguments.probabilities("alpha", alpha)
    arguments.require_fit(changes=changes.estimates, effect=effect.estimates, alpha=level)
    notable = np.abs(changes.estimates) > NOTABLE_SHARE * np.abs(effect.estimates)
    return np.asarray((changes.log_p_values < np.log(level)) & notable)


def slope(*, champion: BucketTable, challenger: BucketTable, days: ArrayLike | None = None) -> Effects:
    """By how much the daily effect changes a day: a weighted least squares line through the days' differences.

    Days are the axis before the buckets, at times ``days`` (0, 1, 2, ... if not given). A day weighs w_A w_B /
    (w_A + w_B) of its denominators, its precision if users vary alike on all days: the measured variances are no
    weights, because those of rare events fall and rise with the rate itself. Days without an effect are left out.
    Not estimable with fewer than three days.

    Raises:
        ValueError: unless both variants have the same days, and ``days`` a time for each.
    """
    old, new = champion.denominators.sum(axis=-1), challenger.denominators.sum(axis=-1)
    time = _times(old, new, days)
    usable = known(ratios.estimate(champion).missing) & known(ratios.estimate(challenger).missing)
    weights = np.where(usable, old * new / np.where(usable, old + new, 1.0), 0.0)
    total = np.where(weights.sum(axis=-1, keepdims=True) > 0, weights.sum(axis=-1, keepdims=True), 1.0)
    centred = time - (weights * time).sum(axis=-1, keepdims=True) / total
    spread = (weights * np.square(centred)).sum(axis=-1, keepdims=True)
    coefficients = weights * centred / np.where(spread > 0, spread, 1.0)
    labels = [f"day {day:g}" for day in range(usable.shape[-1])]
    found = contrasts.contrast(champion=champion, challenger=challenger, coefficients=coefficients, parts=labels)
    missing = first_of(_too_few_days(usable), _at_once(time, usable), found.missing)
    return Effects(found.estimates, found.standard_errors, found.degrees_of_freedom, missing)


def _times(champion: Floats, challenger: Floats, days: ArrayLike | None) -> Floats:
    """The times of the days, the last axis of both variants' denominators."""
    if not champion.shape[-1:] == challenger.shape[-1:] != ():
        shapes = f"found shapes {champion.shape}, {challenger.shape}"
        raise ValueError(f"champion and challenger must have the same days before their buckets, {shapes}")
    count = champion.shape[-1]
    time = np.arange(count, dtype=np.float64) if days is None else arguments.finite("days", days)
    if time.shape[-1:] != (count,):
        raise ValueError(f"days must be a time for each of the {count} days, found shape {time.shape}")
    arguments.require_fit(champion=champion, challenger=challenger, days=time)
    return time


def _at_once(time: Floats, usable: Booleans) -> Reasons:
    """Why there is no slope, where the weighted spread of the times is 0 but for rounding."""
    first, last = (
        np.where(usable, time, np.inf).min(axis=-1, initial=np.inf),
        np.where(usable, time, -np.inf).max(axis=-1, initial=-np.inf),
    )
    return reasons(np.asarray(first >= last), lambda _: "all days that have an effect are at one time")


def _stacked(windows: Windows) -> BucketTable:
    tables = windows.early, windows.late
    return BucketTable(
        np.stack([table.numerators for table in tables], axis=-2),
        np.stack([table.denominators for table in tables], axis=-2),
    )


def _too_few_days(usable: Booleans) -> Reasons:
    found, days = np.asarray(np.count_nonzero(usable, axis=-1)), usable.shape[-1]
    worded = "{} of {} days have an effect, at least {} are needed for a slope"
    return reasons(np.asarray(found < _FEWEST_DAYS), lambda index: worded.format(found[index], days, _FEWEST_DAYS))
