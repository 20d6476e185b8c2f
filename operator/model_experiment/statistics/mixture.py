"""Evidence and intervals that hold at every look: the normal mixture.

With z the effect over its standard error, n the total sample size of the pair and rho a tuning constant::

    ln E   = 1/2 ln(rho / (n + rho)) + z^2 n / (2 (n + rho))
    radius = s * sqrt((n + rho)/n * ln((n + rho) / (rho alpha^2)))

Howard, Ramdas, McAuliffe & Sekhon 2021 (arXiv 1810.08240), propositions 4 and 5; as an asymptotic confidence
sequence Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024 (arXiv 2103.06476). The mixture of the mSPRT
(Johari, Pekelis & Walsh 2022) is the same with n = 1/s^2 and rho = 1/tau^2.

The trap: rho is fixed for the whole run. Tuning it again to the sample size at hand is looking without
paying.
"""

import math
from dataclasses import dataclass

from model_experiment.statistics import arguments


@dataclass(frozen=True, slots=True)
class NormalMixture:
    """A mixture with a fixed ``rho`` above 0, in the unit of the sample size.

    >>> mixture = NormalMixture.tuned_at(20_000, alpha=0.05)
    >>> round(mixture.multiplier(20_000, alpha=0.05), 3)
    3.035
    """

    rho: float

    def __post_init__(self) -> None:
        arguments.positive("rho", self.rho)

    @classmethod
    def tuned_at(cls, sample_size: float, *, alpha: float) -> "NormalMixture":
        """The mixture whose interval is narrowest at about ``sample_size``, both variants together."""
        log_inverse = -2 * math.log(arguments.probability("alpha", alpha))
        return cls(arguments.positive("sample_size", sample_size) / (log_inverse + math.log1p(log_inverse)))

    def log_e_value(self, z: float, sample_size: float) -> float:
        """The evidence ln E against "no effect" at an effect's ``z``; 0 at ``sample_size`` 0."""
        n = arguments.count("sample_size", sample_size)
        if not math.isfinite(z):
            raise ValueError(f"z must be finite, found {z}")
        return 0.5 * math.log(self.rho / (n + self.rho)) + z**2 * n / (2 * (n + self.rho))

    def multiplier(self, sample_size: float, *, alpha: float) -> float:
        """How many standard errors the interval reaches to each side; the argument of ``Effect.interval``.

        At ``alpha`` the interval excludes "no effect" exactly where E exceeds 1/alpha.
        """
        n = arguments.positive("sample_size", sample_size)
        grown = (n + self.rho) / self.rho
        excess = math.log(grown) - 2 * math.log(arguments.probability("alpha", alpha))
        return math.sqrt((n + self.rho) / n * excess)
