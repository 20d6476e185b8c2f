"""Evidence at every look on how often something happens: the beta-binomial mixture.

Of n trials, x are successes and y are not. Against "the share of successes is theta", with a concentration k::

    a = k theta,  b = k (1 - theta)
    two-sided   ln E = ln B(a + x, b + y) - ln B(a, b) - x ln theta - y ln(1 - theta)
    one-sided   ln E = the same + ln P(Beta(a + x, b + y) > theta) - ln P(Beta(a, b) > theta)   against "at most theta"

The trials may depend on each other, as long as each has the share given those before it. Howard, Ramdas, McAuliffe &
Sekhon 2021 (arXiv 1810.08240), propositions 6 and 7. There a sum s of numbers in [-g, h] with expectation 0 has the
clock v = n g h; it stands for x = (v + h s) / (h (g + h)) and y = (v - g s) / (g (g + h)), theta = g / (g + h), and
the tuning r for k = r / (g h). Tuned at v: k = max(rho - g h, g h / 1000) / (g h) with the rho of ``normal_mixture``.

The trap: the concentration is the number of trials that the prior is worth, and it is fixed for the whole run. A small
one sees large changes early, a large one sees small changes late.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from model_experiment.statistics import arguments, binomial_tails, roots
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.effects.effect import Intervals
from model_experiment.statistics.sequential.normal_mixture import NormalMixture

LEAST_CONCENTRATION = 1e-3
"""What the tuning never goes below, however small the plan."""

LogEvidence: TypeAlias = Callable[..., Floats]

_LEAST_LOGIT, _LARGEST_LOGIT = -690.0, 36.0  # shares that a float keeps apart from 0 and from 1


def log_e_value(successes: ArrayLike, failures: ArrayLike, *, share: ArrayLike, concentration: ArrayLike) -> Floats:
    """The two-sided ln E against "the share of successes is ``share``"; arguments broadcast, counts may be fractional.

    Good to 1e-9 at a billion trials, because large parts are cancelled before they are computed.

    >>> round(float(log_e_value(8, 2, share=0.5, concentration=2)), 6)
    0.726914
    """
    prior, posterior, theta = _betas(successes, failures, share, concentration)
    return np.asarray(binomial_tails.log_power(*prior, theta) - binomial_tails.log_power(*posterior, theta))


def log_e_value_above(
    successes: ArrayLike, failures: ArrayLike, *, share: ArrayLike, concentration: ArrayLike
) -> Floats:
    """The one-sided ln E against "the share of successes is at most ``share``"."""
    prior, posterior, theta = _betas(successes, failures, share, concentration)
    one, other = (
        binomial_tails.log_power(*beta, theta) - binomial_tails.log_above(*beta, theta) for beta in (prior, posterior)
    )
    return np.asarray(one - other)


def tuned_concentration(trials: ArrayLike, *, alpha: ArrayLike) -> Floats:
    """The k whose interval is narrowest at about that many ``trials``; one-sided, give twice the alpha.

    >>> round(float(tuned_concentration(1000, alpha=0.05)), 3)
    125.006
    """
    planned = arguments.positives("trials", trials)
    return np.maximum(NormalMixture.tuned_at(planned, alpha=alpha).rho - 1, LEAST_CONCENTRATION)


def as_trials(total: ArrayLike, clock: ArrayLike, *, g: ArrayLike, h: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Successes, failures and their share for a sum of numbers in [-g, h] with expectation 0, at the clock n g h.

    Raises:
        ValueError: for a sum below -v/h or above v/g, which such numbers cannot have.
    """
    s, v, low, high = arguments.together(
        {
            "total": arguments.finite("total", total),
            "clock": arguments.counts("clock", clock),
            "g": arguments.positives("g", g),
            "h": arguments.positives("h", h),
        }
    )
    rounding = 1e-9 * v
    impossible = (low * s > v + rounding) | (high * s < -v - rounding)
    if impossible.any():
        raise ValueError(f"total must lie between -clock/h and clock/g, found {s[impossible].flat[0]:g}")
    successes, failures = np.maximum(v + high * s, 0.0) / high, np.maximum(v - low * s, 0.0) / low
    return successes / (low + high), failures / (low + high), low / (low + high)


def bound(
    clock: ArrayLike,
    *,
    g: ArrayLike,
    h: ArrayLike,
    concentration: ArrayLike,
    alpha: ArrayLike,
    evidence: LogEvidence = log_e_value,
) -> Floats:
    """The sum of numbers in [-g, h] at which ``evidence`` reaches 1/alpha; v/g, the largest sum, where none does.

    ``evidence`` is ``log_e_value`` or ``log_e_value_above``.
    """
    v, low, high, k, level = arguments.together(
        {
            "clock": arguments.positives("clock", clock),
            "g": arguments.positives("g", g),
            "h": arguments.positives("h", h),
            "concentration": arguments.positives("concentration", concentration),
            "alpha": arguments.probabilities("alpha", alpha),
        }
    )

    def found(total: Floats) -> Floats:
        successes, failures, share = as_trials(np.nan_to_num(total), v, g=low, h=high)  # NaN: found already
        return evidence(successes, failures, share=share, concentration=k)

    largest = v / low
    needed = np.minimum(-np.log(level), found(largest))
    return np.where(needed < -np.log(level), largest, roots.root(lambda s: found(s) - needed, 0.0, largest))


def confidence_sequence(
    successes: ArrayLike, trials: ArrayLike, *, alpha: ArrayLike, concentration: ArrayLike
) -> Intervals:
    """The shares of successes that have less two-sided evidence than 1/alpha against them, at every look.

    A limit is 0 or 1 where the evidence against shares that small, or large, never gets that far: so the lower one is
    0 for up to one success (before the first trial everything is possible).

    >>> concentration = tuned_concentration(100, alpha=0.05)
    >>> limits = confidence_sequence(700, 1000, alpha=0.05, concentration=concentration).single
    >>> round(limits.low, 6), round(limits.high, 6)
    (0.65163, 0.74595)

    Raises:
        ValueError: for counts that are not whole, or more successes than trials.
    """
    x, n = arguments.parts(
        "successes",
        arguments.whole_counts("successes", successes),
        whole_name="trials",
        whole=arguments.whole_counts("trials", trials),
    )
    x, n, level, k = arguments.together(
        {
            "successes": x,
            "trials": n,
            "alpha": arguments.probabilities("alpha", alpha),
            "concentration": arguments.positives("concentration", concentration),
        }
    )
    return Intervals(_lower_limit(x, n - x, level, k), 1 - _lower_limit(n - x, x, level, k))


def _lower_limit(successes: Floats, failures: Floats, alpha: Floats, concentration: Floats) -> Floats:
    """The share below the observed one at which the evidence is 1/alpha, found on the scale of the logit."""

    def excess(logit: Floats) -> Floats:
        share = special.expit(np.nan_to_num(logit))  # NaN: found already
        return np.asarray(log_e_value(successes, failures, share=share, concentration=concentration) + np.log(alpha))

    with np.errstate(divide="ignore", invalid="ignore"):
        observed = np.log(successes / failures)
    highest = np.clip(np.nan_to_num(observed, nan=0.0, neginf=0.0), _LEAST_LOGIT, _LARGEST_LOGIT)
    limited = (excess(np.full(highest.shape, _LEAST_LOGIT)) > 0) & (successes > 0)
    # Where there is no limit, a range of no length at the observed share keeps the others together.
    found = roots.root(lambda u: np.where(limited, excess(u), 0.0), np.where(limited, _LEAST_LOGIT, 0.0), highest)
    return np.where(limited, special.expit(found), 0.0)


def _betas(
    successes: ArrayLike, failures: ArrayLike, share: ArrayLike, concentration: ArrayLike
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats], Floats]:
    """The parameters of prior and posterior, and the share."""
    x, y, theta, k = arguments.together(
        {
            "successes": arguments.counts("successes", successes),
            "failures": arguments.counts("failures", failures),
            "share": arguments.probabilities("share", share),
            "concentration": arguments.positives("concentration", concentration),
        }
    )
    prior = (np.asarray(k * theta), np.asarray(k * (1 - theta)))
    return prior, (np.asarray(prior[0] + x), np.asarray(prior[1] + y)), theta
