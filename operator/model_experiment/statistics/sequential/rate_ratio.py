"""Evidence at every look on the ratio of two rates, from events and exposures alone, and on a rate against a limit.

With x_A, x_B events and exposures w_A, w_B (users, requests, time): if the challenger's rate is m times the
champion's, each event is the challenger's with probability theta, however both rates vary together over time, so
events are trials of ``beta_binomial``::

    theta(m) = m w_B / (w_A + m w_B),   w_B / (w_A + w_B) is the challenger's share
    ln E     = ln E of x_B successes and x_A failures against theta(m)
    interval : all m with  ln B(a + x_B, b + x_A) - ln B(a, b) - x_B ln theta(m) - x_A ln(1 - theta(m)) < -ln alpha,
               where a = k theta(1), b = k (1 - theta(1)): one prior, about equal rates, for all of them

Against "the rate is at most l" for x events in an exposure w, with L = l w and a prior Gamma(k, k) on rate / l::

    ln E = k ln k - (k + x) ln(k + L) + ln Gamma(k + x) - ln Gamma(k) + L + ln Q(k + x, k + L) - ln Q(k, k)

Lindon & Malek 2022 (arXiv 2011.03567); Q is the regularised upper incomplete gamma function. k is the number of
events that the prior is worth: 10 sees large changes early, 100 one of 10 %.

The trap: w_A / w_B must be the same for all events. After a change of the split begin again with what comes after
it, and add up the ln E of these segments. And events of one user are alike: divide counts by their over-dispersion.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from model_experiment.statistics import arguments, chi_square, roots, stirling
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.effects.effect import Intervals
from model_experiment.statistics.sequential import beta_binomial

CONCENTRATION = 10.0
"""The events that the prior is worth where nothing else is asked for."""


def log_e_value(
    *,
    champion: ArrayLike,
    challenger: ArrayLike,
    share: ArrayLike,
    ratio: ArrayLike = 1.0,
    concentration: ArrayLike = CONCENTRATION,
) -> Floats:
    """The two-sided ln E against "the challenger's rate is ``ratio`` times the champion's".

    ``champion`` and ``challenger`` are counts of events, ``share`` is the challenger's of the exposure.

    >>> round(float(log_e_value(champion=50, challenger=90, share=0.5, concentration=100)), 4)
    2.9239
    """
    x_a, x_b, theta, k = _trials(champion, challenger, share, ratio, concentration)
    return beta_binomial.log_e_value(x_b, x_a, share=theta, concentration=k)


def log_e_value_above(
    *,
    champion: ArrayLike,
    challenger: ArrayLike,
    share: ArrayLike,
    ratio: ArrayLike = 1.0,
    concentration: ArrayLike = CONCENTRATION,
) -> Floats:
    """The one-sided ln E against "the challenger's rate is at most ``ratio`` times the champion's"."""
    x_a, x_b, theta, k = _trials(champion, challenger, share, ratio, concentration)
    return beta_binomial.log_e_value_above(x_b, x_a, share=theta, concentration=k)


def confidence_sequence(
    *,
    champion: ArrayLike,
    challenger: ArrayLike,
    share: ArrayLike,
    alpha: ArrayLike,
    concentration: ArrayLike = CONCENTRATION,
) -> Intervals:
    """Limits of ln(challenger's rate / champion's rate) that hold at every look; arguments as above.

    A side is infinite while the variant that bounds it has no event: the lower one needs events of the challenger.

    >>> limits = confidence_sequence(champion=120, challenger=150, share=0.5, alpha=0.05, concentration=100).single
    >>> round(limits.low, 6), round(limits.high, 6)
    (-0.12623, 0.577088)
    """
    x_a, x_b, theta, level, k = arguments.together(
        {
            "champion": arguments.counts("champion", champion),
            "challenger": arguments.counts("challenger", challenger),
            "share": arguments.probabilities("share", share),
            "alpha": arguments.probabilities("alpha", alpha),
            "concentration": arguments.positives("concentration", concentration),
        }
    )
    low = _lowest_logit(x_b, x_a, theta, log_inverse_alpha=-np.log(level), concentration=k)
    high = -_lowest_logit(x_a, x_b, 1 - theta, log_inverse_alpha=-np.log(level), concentration=k)
    return Intervals(low - special.logit(theta), high - special.logit(theta))


def _trials(
    champion: ArrayLike, challenger: ArrayLike, share: ArrayLike, ratio: ArrayLike, concentration: ArrayLike
) -> tuple[Floats, ...]:
    """The counts, theta (the challenger's share of the events at that ``ratio`` of rates) and the concentration."""
    x_a, x_b, part, m, k = arguments.together(
        {
            "champion": arguments.counts("champion", champion),
            "challenger": arguments.counts("challenger", challenger),
            "share": arguments.probabilities("share", share),
            "ratio": arguments.positives("ratio", ratio),
            "concentration": arguments.positives("concentration", concentration),
        }
    )
    weight = m * part
    return x_a, x_b, np.asarray(weight / (weight + 1 - part)), k


def _lowest_logit(
    events: Floats, others: Floats, share: Floats, *, log_inverse_alpha: Floats, concentration: Floats
) -> Floats:
    """The lowest logit of theta that is still possible, or minus infinity where there are no events.

    The root lies below the observed logit ln(x/y); from x ln(1 + e^-u) >= -x u it lies above -(room)/x.
    """
    x = np.where(events > 0, events, 1.0)
    at_share = beta_binomial.log_e_value(x, others, share=share, concentration=concentration)
    room = log_inverse_alpha - at_share - x * np.log(share) - others * np.log1p(-share)

    def excess(logit: Floats) -> Floats:
        return np.asarray(x * np.logaddexp(0, -logit) + others * np.logaddexp(0, logit) - room)

    found = roots.root(excess, -room / x - 1, np.log(x / np.where(others > 0, others, np.minimum(room, 1.0))))
    return np.where(events > 0, found, -np.inf)


def log_e_value_above_limit(
    events: ArrayLike, *, exposure: ArrayLike, limit: ArrayLike, concentration: ArrayLike = CONCENTRATION
) -> Floats:
    """The one-sided ln E against "``events`` come at a rate of at most ``limit`` per unit of ``exposure``".

    For events that have no number of trials, such as restarts. Of shares, use ``beta_binomial.log_e_value_above``
    with the limit as the share: events are its successes.

    >>> round(float(log_e_value_above_limit(30, exposure=100.0, limit=0.1)), 4)
    7.8075
    """
    x, w, rate, k = arguments.together(
        {
            "events": arguments.counts("events", events),
            "exposure": arguments.positives("exposure", exposure),
            "limit": arguments.positives("limit", limit),
            "concentration": arguments.positives("concentration", concentration),
        }
    )
    a, b = k + x, k + w * rate
    excess = (a - b) / b
    # With Stirling's formula for both gamma functions, so that nothing of the size of x is left to cancel.
    two_sided = b * stirling.divergence(excess) - np.log(a / k) / 2
    two_sided += stirling.remainder(a) - stirling.remainder(k)
    return np.asarray(two_sided + chi_square.log_tail(2 * b, 2 * a) - chi_square.log_tail(2 * k, 2 * k))
