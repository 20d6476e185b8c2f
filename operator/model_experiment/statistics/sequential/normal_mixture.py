"""Evidence and intervals that hold at every look: the normal mixture, two-sided and one-sided.

With z the effect over its standard error s, n the total sample size of the pair, rho a tuning constant and
y = z sqrt(n / (n + rho))::

    two-sided   ln E   = 1/2 ln(rho / (n + rho)) + y^2 / 2
                radius = s sqrt((n + rho)/n ln((n + rho) / (rho alpha^2)))
    one-sided   ln E   = 1/2 ln(4 rho / (n + rho)) + y^2 / 2 + ln Phi(y)              against "no increase"
                radius : the z where E = 1/alpha, times s; never above s sqrt(2 (n + rho)/n
                         ln(1 + sqrt((n + rho)/rho) / (2 alpha)))
    tuned at v  rho    = v / (-2 ln a + ln(1 - 2 ln a)),   a = alpha two-sided, 2 alpha one-sided

Howard, Ramdas, McAuliffe & Sekhon 2021 (arXiv 1810.08240), propositions 4 and 5; as an asymptotic confidence
sequence Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024 (arXiv 2103.06476), equations 9, 134, 155 and 161, with
their rho^2 = 1/rho; GrowthBook's sequential test is that. The mixture of the mSPRT (Johari, Pekelis & Walsh 2022) is
the same with n = 1/s^2 and rho = 1/tau^2.

The trap: rho is fixed for the whole run. Tuning it again to the sample size at hand is looking without
paying.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from model_experiment.statistics import arguments, roots
from model_experiment.statistics.arguments import Floats


@dataclass(frozen=True, slots=True, eq=False)
class NormalMixture:
    """A mixture with a fixed ``rho`` above 0, in the unit of the sample size; arrays hold one an experiment.

    >>> mixture = NormalMixture.tuned_at(20_000, alpha=0.05)
    >>> round(float(mixture.multiplier(20_000, alpha=0.05)), 3)
    3.035
    """

    rho: Floats

    def __init__(self, rho: ArrayLike) -> None:
        object.__setattr__(self, "rho", arguments.positives("rho", rho))

    @classmethod
    def tuned_at(cls, sample_size: ArrayLike, *, alpha: ArrayLike) -> "NormalMixture":
        """The mixture whose interval is narrowest at about ``sample_size``, both variants together."""
        return cls(_tuned_rho(sample_size, arguments.probabilities("alpha", alpha)))

    def log_e_value(self, z: ArrayLike, sample_size: ArrayLike) -> Floats:
        """The evidence ln E against "no effect" at an effect's ``z``; 0 at ``sample_size`` 0, NaN for a z of NaN."""
        shrunk, spread = _shrunk(z, sample_size, self.rho)
        return np.asarray((np.square(shrunk) - np.log1p(spread)) / 2)

    def multiplier(self, sample_size: ArrayLike, *, alpha: ArrayLike) -> Floats:
        """How many standard errors the interval reaches to each side; the argument of ``Effect.interval``.

        At ``alpha`` the interval excludes "no effect" exactly where E exceeds 1/alpha.
        """
        n, rho, level = _sized(sample_size, self.rho, alpha)
        return np.asarray(np.sqrt((n + rho) / n * (np.log1p(n / rho) - 2 * np.log(level))))


@dataclass(frozen=True, slots=True, eq=False)
class OneSidedNormalMixture:
    """The mixture over increases alone, with a fixed ``rho`` above 0; for decreases turn the sign of z.

    >>> mixture = OneSidedNormalMixture.tuned_at(20_000, alpha=0.05)
    >>> round(float(mixture.multiplier(20_000, alpha=0.05)), 3)
    2.766
    """

    rho: Floats

    def __init__(self, rho: ArrayLike) -> None:
        object.__setattr__(self, "rho", arguments.positives("rho", rho))

    @classmethod
    def tuned_at(cls, sample_size: ArrayLike, *, alpha: ArrayLike) -> "OneSidedNormalMixture":
        """The mixture whose bound is lowest at about ``sample_size``; ``alpha`` is one-sided and below 1/2."""
        level = 2 * arguments.probabilities("alpha", alpha)
        if not (level < 1).all():
            raise ValueError(f"alpha must lie below 0.5 for a one-sided mixture, found {level.max() / 2:g}")
        return cls(_tuned_rho(sample_size, level))

    def log_e_value(self, z: ArrayLike, sample_size: ArrayLike) -> Floats:
        """The evidence ln E against "no increase"; 0 at ``sample_size`` 0, NaN for a z of NaN."""
        shrunk, spread = _shrunk(z, sample_size, self.rho)
        below = np.minimum(shrunk, 0.0)  # there y^2/2 and ln Phi(y) cancel: erfcx is their product
        log_gain = np.where(
            shrunk < 0,
            np.log(special.erfcx(-below / math.sqrt(2))),
            np.square(shrunk) / 2 + math.log(2) + special.log_ndtr(shrunk),
        )
        return np.asarray(log_gain - np.log1p(spread) / 2)

    def multiplier(self, sample_size: ArrayLike, *, alpha: ArrayLike) -> Floats:
        """The z above which E exceeds 1/alpha: the effect lies above its estimate less this many standard errors.

        Of ``Effect.interval`` with it only the lower limit is meant, and holds with 1 - alpha at every look.
        """
        n, rho, level = _sized(sample_size, self.rho, alpha)
        mixture, needed = OneSidedNormalMixture(rho), -np.log(level)
        highest = NormalMixture(rho).multiplier(n, alpha=level)
        return roots.root(lambda z: mixture.log_e_value(z, n) - needed, 0.0, highest * (1 + 1e-9))

    def closed_multiplier(self, sample_size: ArrayLike, *, alpha: ArrayLike) -> Floats:
        """The same in closed form, some thousandths larger (Waudby-Smith et al., equation 134)."""
        n, rho, level = _sized(sample_size, self.rho, alpha)
        excess = np.log1p(np.sqrt((n + rho) / rho) / (2 * level))
        return np.asarray(np.sqrt(2 * (n + rho) / n * excess))


def _tuned_rho(sample_size: ArrayLike, level: Floats) -> Floats:
    n, whole = arguments.together({"sample_size": arguments.positives("sample_size", sample_size), "alpha": level})
    log_inverse = -2 * np.log(whole)
    return np.asarray(n / (log_inverse + np.log1p(log_inverse)))


def _shrunk(z: ArrayLike, sample_size: ArrayLike, rho: Floats) -> tuple[Floats, Floats]:
    """The y of the formulas, and n / rho."""
    found, n, tuned = arguments.together(
        {"z": finite_or_missing("z", z), "sample_size": arguments.counts("sample_size", sample_size), "rho": rho}
    )
    return np.asarray(found * np.sqrt(n / (n + tuned))), np.asarray(n / tuned)


def _sized(sample_size: ArrayLike, rho: Floats, alpha: ArrayLike) -> tuple[Floats, ...]:
    return arguments.together(
        {
            "sample_size": arguments.positives("sample_size", sample_size),
            "rho": rho,
            "alpha": arguments.probabilities("alpha", alpha),
        }
    )


def finite_or_missing(name: str, values: ArrayLike) -> Floats:
    """Numbers that may be NaN, as those of a missing effect are, but not infinite."""
    array = np.asarray(values, dtype=np.float64)
    arguments.finite(name, np.where(np.isnan(array), 0.0, array))
    return array
