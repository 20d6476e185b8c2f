"""Users needed to show that the challenger is not worse than a limit.

With p_1, p_2 the rates of challenger and champion, d_0 the limit on p_1 - p_2, and r = n_2 / n_1::

    n_1 = (z_alpha sqrt(v_0) + z_beta sqrt(v_1))^2 / (p_1 - p_2 - d_0)^2
    v_1 = p_1 (1-p_1) + p_2 (1-p_2) / r,    v_0 the same at the rates that are likeliest if p_1 - p_2 were d_0

Farrington & Manning 1990 (Statistics in Medicine 9, 1447-1454), whose appendix has the likeliest rates as a root of
a cubic. Alpha is one-sided. For means, the t test of ``means`` with one side.

The trap: at d_0 the rates differ, so the pooled variance of a test of "no effect" is the wrong one for v_0.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments, roots
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.planning import deviates, inflation, means
from model_experiment.statistics.tails import Sides

_EDGE = 1e-14  # how near to the ends of the possible rates a likeliest rate is told from an end


@dataclass(frozen=True, slots=True, eq=False)
class Sizes:
    """The users of each variant, not rounded: arrays of one shape, an entry a plan."""

    champion: Floats
    challenger: Floats

    @property
    def total(self) -> Floats:
        """The users of both."""
        return np.asarray(self.champion + self.challenger)

    @classmethod
    def split(cls, total: Floats, *, share: Floats) -> "Sizes":
        """``total`` users, of which the challenger gets ``share``."""
        return cls(champion=np.asarray(total * (1 - share)), challenger=np.asarray(total * share))


def required_for_rates(
    *,
    champion: ArrayLike,
    challenger: ArrayLike,
    limit: ArrayLike,
    alpha: ArrayLike,
    power: ArrayLike,
    share: ArrayLike = 0.5,
) -> Sizes:
    """The users that show a difference of rates, challenger minus champion, to be on its own side of ``limit``.

    ``limit`` is negative where higher is better. ``share`` of the users get the challenger; alpha is one-sided.

    >>> sizes = required_for_rates(
    ...     champion=0.1, challenger=0.1, limit=-0.2, alpha=0.05, power=0.90, share=0.6
    ... )
    >>> float(sizes.challenger.round(2)), float(sizes.champion.round(2))
    (62.88, 41.92)

    Raises:
        ValueError: where the expected difference is the limit itself, or alpha is not below power.
    """
    wrong, right = deviates.quantiles(alpha=alpha, power=power, sides=Sides.ONE)
    *given, wrong, right = _given(champion, challenger, limit, share, {"alpha": wrong, "power": right})
    gap = _gap(*given[:3])
    same = np.flatnonzero(gap == 0)
    if same.size:
        raise ValueError(f"limit must not be the expected difference, found {given[2].flat[same[0]]:g} for both")
    noise, signal = _deviations(*given)
    return Sizes.split(np.asarray(np.square((wrong * noise + right * signal) / gap)), share=given[3])


def power_for_rates(
    *,
    champion: ArrayLike,
    challenger: ArrayLike,
    limit: ArrayLike,
    total: ArrayLike,
    alpha: ArrayLike,
    share: ArrayLike = 0.5,
) -> Floats:
    """The probability that ``total`` users show it; arguments as in ``required_for_rates``.

    >>> given = {"champion": 0.1, "challenger": 0.1, "limit": -0.2, "alpha": 0.05, "share": 0.6}
    >>> round(float(power_for_rates(total=104.8, **given)), 3)
    0.9
    """
    users, z = arguments.positives("total", total), deviates.rejection(alpha=alpha, sides=Sides.ONE)
    *given, users, z = _given(champion, challenger, limit, share, {"total": users, "alpha": z})
    noise, signal = _deviations(*given)
    return deviates.power_of(np.abs(_gap(*given[:3])) * np.sqrt(users) - z * noise, spread=signal)


def required_for_means(
    *,
    limit: ArrayLike,
    standard_deviation: ArrayLike,
    alpha: ArrayLike,
    power: ArrayLike,
    difference: ArrayLike = 0.0,
    share: ArrayLike = 0.5,
) -> Sizes:
    """The same for means that are expected to differ by ``difference``, challenger minus champion.

    The degrees of freedom are those of an even split, which asks for a little more than an uneven one needs.

    >>> sizes = required_for_means(limit=-1.0, standard_deviation=1.0, alpha=0.05, power=0.90)
    >>> round(float(sizes.challenger), 3)
    17.847
    """
    expected, least, spread, given_share, level, wanted = arguments.together(
        {
            "difference": arguments.finite("difference", difference),
            "limit": arguments.finite("limit", limit),
            "standard_deviation": arguments.positives("standard_deviation", standard_deviation),
            "share": arguments.probabilities("share", share),
            "alpha": arguments.probabilities("alpha", alpha),
            "power": deviates.wanted_power(power, alpha=alpha),
        }
    )
    same = np.flatnonzero(expected == least)
    if same.size:
        raise ValueError(f"limit must not be the expected difference, found {least.flat[same[0]]:g} for both")
    per_variant = means.required_per_variant((expected - least) / spread, alpha=level, power=wanted, sides=Sides.ONE)
    return Sizes.split(2 * per_variant * inflation.split(given_share), share=given_share)


def _given(
    champion: ArrayLike, challenger: ArrayLike, limit: ArrayLike, share: ArrayLike, others: dict[str, Floats]
) -> tuple[Floats, ...]:
    least = arguments.finite("limit", limit)
    if not (np.abs(least) < 1).all():
        found = least[np.abs(least) >= 1].flat[0]
        raise ValueError(f"limit must lie strictly between -1 and 1, found {found:g}")
    return arguments.together(
        {
            "champion": arguments.shares("champion", champion),
            "challenger": arguments.shares("challenger", challenger),
            "limit": least,
            "share": arguments.probabilities("share", share),
            **others,
        }
    )


def _gap(champion: Floats, challenger: Floats, limit: Floats) -> Floats:
    return np.asarray(challenger - champion - limit)


def _deviations(champion: Floats, challenger: Floats, limit: Floats, share: Floats) -> tuple[Floats, Floats]:
    """The standard deviations, for one user in all, of the difference if it were the limit and as it is."""

    def deviation(old: Floats, new: Floats) -> Floats:
        return np.asarray(np.sqrt(new * (1 - new) / share + old * (1 - old) / (1 - share)))

    likeliest = _likeliest(champion, challenger, limit, share)
    return deviation(likeliest - limit, likeliest), deviation(champion, challenger)


def _likeliest(champion: Floats, challenger: Floats, limit: Floats, share: Floats) -> Floats:
    """The challenger's rate that is likeliest with a difference of ``limit``, where the given rates are found.

    It is where the likelihood stops rising, or the end of the possible rates up to which it rises or falls. The
    cubic of the appendix in the form that keeps its digits where rates are small.
    """
    low, high = np.maximum(limit, 0.0), np.minimum(1 + limit, 1.0)

    def slope(new: Floats) -> Floats:
        old = new - limit
        rises = share * (challenger - new) * old * (1 - old) + (1 - share) * (champion - old) * new * (1 - new)
        return np.asarray(rises)

    inner_low, inner_high = low + _EDGE * (high - low), high - _EDGE * (high - low)
    falls, rises = slope(inner_low) <= 0, slope(inner_high) >= 0

    def crossing(new: Floats) -> Floats:
        return np.where(falls, inner_low - new, np.where(rises, inner_high - new, slope(new)))

    inside = roots.root(crossing, inner_low, inner_high, tolerance=_EDGE)
    return np.where(falls, low, np.where(rises, high, inside))
