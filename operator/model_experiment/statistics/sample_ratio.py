"""Did the split happen as asked? A check of exposed users per variant that may be made at every poll.

A Dirichlet prior with concentration k around the asked shares theta bets against them. With x users a
variant, in all n, and a = k theta + x (Lindon & Malek 2022, arXiv 2011.03567)::

    ln E = ln B(a) - ln B(k theta) - sum x ln theta,     B(a) = prod Gamma(a_i) / Gamma(sum a_i)

The trap: the shares must have stood since the first counted user. After a change of the split the check
starts again with the users that came after it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from model_experiment.statistics import arguments, e_values
from model_experiment.statistics.arguments import Floats

CONCENTRATION = 1000.0
"""Sees a 51/49 split of a 50/50 plan after some thirty thousand users; larger sees less, but later."""

ALPHA = 0.001
"""The chance, over the whole run, to call a right split wrong; what it costs is the whole experiment."""


@dataclass(frozen=True, slots=True)
class SampleRatioCheck:
    """The state of the check: the highest ln E so far, 0 at the start.

    >>> check = SampleRatioCheck().with_users([5300, 4700], weights=[1, 1])
    >>> check.p_value < ALPHA, check.is_mismatch()
    (True, True)
    """

    highest_log_e: float = 0.0

    def with_users(self, users: Sequence[float], *, weights: Sequence[float]) -> Self:
        """The state after a poll that found ``users`` a variant in all, asked to be split by ``weights``."""
        return type(self)(max(self.highest_log_e, float(log_e_value(users, weights=weights))))

    @property
    def p_value(self) -> float:
        """The smallest anytime p-value so far: holds however often one has looked."""
        return e_values.anytime_p_value(self.highest_log_e)

    def is_mismatch(self, *, alpha: float = ALPHA) -> bool:
        """Whether the split did not happen as asked; stays so once it is."""
        return self.highest_log_e >= math.log(e_values.threshold(alpha))


def log_e_value(counts: ArrayLike, *, weights: ArrayLike, concentration: float = CONCENTRATION) -> Floats:
    """The ln E against "users are split by ``weights``", variants along the last axis of ``counts``.

    ``weights`` are above 0 and need not sum to 1. The largest terms are cancelled before they are computed,
    so the result is good to 1e-9 at a billion users, where a difference of log-gammas has lost five digits.

    >>> round(float(log_e_value([5300, 4700], weights=[1, 1], concentration=100)), 6)
    15.524012
    """
    x, asked = arguments.counts("counts", counts), arguments.positives("weights", weights)
    if asked.ndim != 1 or asked.size < 2 or x.shape[-1:] != asked.shape:  # noqa: PLR2004 - a split has two sides
        raise ValueError(
            f"counts and weights must have one number for each of two or more variants, "
            f"found shapes {x.shape} and {asked.shape}"
        )
    k = arguments.positive("concentration", concentration)
    shares = asked / asked.sum()
    users = x.sum(axis=-1, keepdims=True)
    prior, posterior = k * shares, k * shares + x
    deviation = (x - users * shares) / ((k + users) * shares)
    # The sum of a ln(a / (A theta)), less its first-order part: that is 0 in sum and would drown the rest.
    divergence = (k + users) * shares * ((1 + deviation) * np.log1p(deviation) - deviation)
    details = -np.log(posterior / prior) / 2 + _stirling_remainder(posterior) - _stirling_remainder(prior)
    whole = np.log1p(users / k) / 2 - _stirling_remainder(k + users) + _stirling_remainder(np.array(k))
    return np.asarray((divergence + details).sum(axis=-1) + whole[..., 0])


def _stirling_remainder(z: Floats) -> Floats:
    """What Stirling leaves: ln Gamma(z) - ((z - 1/2) ln z - z + ln(2 pi)/2), by its series for large z."""
    series = (1 / 12 - (1 / 360 - 1 / (1260 * z**2)) / z**2) / z
    near = np.minimum(z, 50.0)
    direct = special.gammaln(near) - ((near - 0.5) * np.log(near) - near + math.log(2 * math.pi) / 2)
    return np.asarray(np.where(z > near, series, direct))
