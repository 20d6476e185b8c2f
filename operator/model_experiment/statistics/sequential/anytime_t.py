"""Evidence and intervals for every look where the error has few degrees of freedom: the anytime t.

With t the estimate over its standard error s, nu its degrees of freedom, n the sample size and g a tuning constant::

    r = g / (g + n),   q = (r alpha^2)^(1 / (nu + 1))
    ln E   = 1/2 ln r + (nu + 1)/2 (ln(1 + t^2/nu) - ln(1 + r t^2/nu))
    radius = s sqrt(nu (1 - q) / (q - r)),   infinite where q <= r

Lindon, Ham, Tingley & Bojinov 2022 (arXiv 2210.08589), for a coefficient of a linear model with normal errors; there
nu is n less the number of coefficients. For large nu it is the two-sided ``normal_mixture`` with rho = g.

The trap: this is a t and no z. ``multiplier`` counts standard errors; to give it to ``Effect.interval``, which takes
the z scale, map it by ``tails.z_of_t``. And the normal mixture of t taken for z alarms too often at few degrees.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments, roots
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.sequential.normal_mixture import finite_or_missing


@dataclass(frozen=True, slots=True, eq=False)
class AnytimeT:
    """The mixture with a fixed ``g`` above 0, in the unit of the sample size; arrays hold one an experiment.

    >>> mixture = AnytimeT.tuned_at(100, degrees_of_freedom=92, alpha=0.05)
    >>> round(float(mixture.g), 4), round(float(mixture.multiplier(100, degrees_of_freedom=92, alpha=0.05)), 4)
    (11.5815, 3.1039)
    """

    g: Floats

    def __init__(self, g: ArrayLike) -> None:
        object.__setattr__(self, "g", arguments.positives("g", g))

    @classmethod
    def tuned_at(cls, sample_size: ArrayLike, *, degrees_of_freedom: ArrayLike, alpha: ArrayLike) -> "AnytimeT":
        """The mixture with the least radius at ``sample_size``: dq/dr (1 - r) = 1 - q, which has one solution."""
        n, freedom, level = arguments.together(_sized(sample_size, degrees_of_freedom, alpha))
        power, log_level = freedom + 1, 2 * np.log(level)

        def slope(log_r: Floats) -> Floats:
            log_q = (log_r + log_level) / power
            return np.asarray(-np.exp(log_q - log_r) * np.expm1(log_r) + power * np.expm1(log_q))

        lowest = -power / freedom * (np.log(2 * power) - log_level / power)
        share = np.exp(roots.root(slope, lowest, log_level / freedom))
        return cls(n * share / (1 - share))

    def log_e_value(self, t: ArrayLike, sample_size: ArrayLike, *, degrees_of_freedom: ArrayLike) -> Floats:
        """The evidence ln E against "no effect"; 0 at ``sample_size`` 0, NaN for a t of NaN."""
        found, n, freedom, g = arguments.together(
            {
                "t": finite_or_missing("t", t),
                "sample_size": arguments.counts("sample_size", sample_size),
                "degrees_of_freedom": arguments.positives("degrees_of_freedom", degrees_of_freedom),
                "g": self.g,
            }
        )
        share, squared = g / (g + n), np.square(found) / freedom
        gain = (freedom + 1) * (np.log1p(squared) - np.log1p(share * squared))
        return np.asarray((gain - np.log1p(n / g)) / 2)

    def multiplier(self, sample_size: ArrayLike, *, degrees_of_freedom: ArrayLike, alpha: ArrayLike) -> Floats:
        """How many standard errors the interval reaches to each side; infinite where there is too little data.

        At ``alpha`` the interval excludes "no effect" exactly where E exceeds 1/alpha.
        """
        n, freedom, level, g = arguments.together({**_sized(sample_size, degrees_of_freedom, alpha), "g": self.g})
        share = g / (g + n)
        log_q = (np.log(share) + 2 * np.log(level)) / (freedom + 1)
        reserve = np.exp(log_q) - share
        there = reserve > 0
        squared = -freedom * np.expm1(log_q) / np.where(there, reserve, 1.0)
        return np.where(there, np.sqrt(squared), np.inf)


def _sized(sample_size: ArrayLike, degrees_of_freedom: ArrayLike, alpha: ArrayLike) -> dict[str, Floats]:
    return {
        "sample_size": arguments.positives("sample_size", sample_size),
        "degrees_of_freedom": arguments.positives("degrees_of_freedom", degrees_of_freedom),
        "alpha": arguments.probabilities("alpha", alpha),
    }
