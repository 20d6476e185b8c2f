"""How long a guardrail takes to hear of harm, and the traffic that it takes to hear of it in time.

With n requests a second, of which the challenger gets the share f, rates p and q of champion and challenger, m the
allowed ratio of rates and N planned polls::

    delay  = (ln(2/alpha) + ln N) / (n (f q + (1-f) p) KL(theta_1 || theta_0) / phi)
    theta_1 = f q / (f q + (1-f) p),  theta_0 = m f / (m f + 1 - f)            against the champion
    delay  = (ln(2/alpha) + ln N) / (n f KL(q || limit) / phi)                 against a limit

KL(a || b) = a ln(a/b) + (1-a) ln((1-a)/(1-b)) is what one event (one request) tells on average. The numerator is what
``guardrails.change_point`` asks for: 1/alpha, over the prior mass 1/(2N) of one poll. Of harm from the first poll on,
which has a prior mass of 1/2, the delay is that of N = 1. First order, as in Lorden 1971 (Annals of Mathematical
Statistics 42, 1897-1908); the median alarm comes within some 10 % of it, after the poll that is under way.

The trap: it is not the delay until traffic is taken back. Scraping, polling and routing come on top.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from model_experiment.statistics import arguments
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.guardrails.change_point import FROM_THE_START
from model_experiment.statistics.not_estimable import Estimates, reasons


def information_against_champion(
    *, champion: ArrayLike, challenger: ArrayLike, share: ArrayLike, ratio: ArrayLike = 1.0, phi: ArrayLike = 1.0
) -> Floats:
    """The evidence that a request of either variant brings on average, in nats; 0 for a rate that is allowed.

    ``champion`` and ``challenger`` are rates of events, ``share`` the challenger's of the requests, ``ratio`` the
    allowed ratio of rates, ``phi`` the over-dispersion by which counts are divided.

    >>> round(float(information_against_champion(champion=0.01, challenger=0.02, share=0.5)), 7)
    0.0008495
    """
    old, new, part, m, dispersion = arguments.together(
        {
            "champion": arguments.shares("champion", champion),
            "challenger": arguments.shares("challenger", challenger),
            "share": arguments.probabilities("share", share),
            "ratio": arguments.positives("ratio", ratio),
            "phi": arguments.at_least("phi", phi, smallest=1),
        }
    )
    of_challenger, weight = part * new, m * part
    events = of_challenger + (1 - part) * old
    found = np.where(events > 0, of_challenger / np.where(events > 0, events, 1.0), 0.0)
    return events * _divergence(found, weight / (weight + 1 - part)) / dispersion


def information_against_limit(
    *, challenger: ArrayLike, limit: ArrayLike, share: ArrayLike, phi: ArrayLike = 1.0
) -> Floats:
    """The same where the challenger's rate may be ``limit``, whatever the champion's is.

    >>> round(float(information_against_limit(challenger=0.02, limit=0.01, share=0.5)), 7)
    0.0019568
    """
    new, allowed, part, dispersion = arguments.together(
        {
            "challenger": arguments.shares("challenger", challenger),
            "limit": arguments.probabilities("limit", limit),
            "share": arguments.probabilities("share", share),
            "phi": arguments.at_least("phi", phi, smallest=1),
        }
    )
    return np.asarray(part * _divergence(new, allowed) / dispersion)


def expected_delay(
    information: ArrayLike, *, requests_per_second: ArrayLike, alpha: ArrayLike, planned_polls: ArrayLike
) -> Estimates:
    """The seconds from the first bad request to the alarm, for the ``information`` of a request.

    ``requests_per_second`` are those of both variants. Not estimable where there are none, and where the rate is
    allowed, so that there is nothing to hear of.

    >>> told = information_against_champion(champion=0.01, challenger=0.02, share=0.5)
    >>> found = expected_delay(told, requests_per_second=40, alpha=0.01, planned_polls=80_640)
    >>> round(found.single / 60, 1)
    8.1
    """
    return _needed_evidence(alpha, planned_polls, information, "requests_per_second", requests_per_second)


def required_requests_per_second(
    information: ArrayLike, *, delay: ArrayLike, alpha: ArrayLike, planned_polls: ArrayLike
) -> Estimates:
    """The requests a second of both variants that make an alarm within ``delay`` seconds, 0 or more.

    Not estimable in no time, and where the rate is allowed.

    >>> told = information_against_champion(champion=0.01, challenger=0.02, share=0.5)
    >>> round(required_requests_per_second(told, delay=255, alpha=0.01, planned_polls=80_640).single, 1)
    76.6
    """
    return _needed_evidence(alpha, planned_polls, information, "delay", delay)


def _needed_evidence(
    alpha: ArrayLike, planned_polls: ArrayLike, information: ArrayLike, name: str, factor: ArrayLike
) -> Estimates:
    """The evidence of an alarm over information times ``factor``: seconds or requests a second, each from the other."""
    polls = arguments.at_least("planned_polls", planned_polls, smallest=1)
    polls, level, told, times = arguments.together(
        {
            "planned_polls": polls,
            "alpha": arguments.probabilities("alpha", alpha),
            "information": arguments.counts("information", information),
            name: arguments.counts(name, factor),
        }
    )
    needed = np.log(polls) - math.log(1 - FROM_THE_START) - np.log(level)
    rate = told * times

    def worded(index: tuple[int, ...]) -> str:
        if told[index] == 0:
            return "the rate is allowed, so no alarm is to be expected"
        return f"no alarm can come with {name} of {times[index]:g}"

    return Estimates(needed / np.where(rate > 0, rate, 1.0), reasons(rate == 0, worded))


def _divergence(found: Floats, allowed: Floats) -> Floats:
    """KL(found || allowed), 0 where ``found`` is not above ``allowed``."""
    told = special.rel_entr(found, allowed) + special.rel_entr(1 - found, 1 - allowed)
    return np.where(found > allowed, told, 0.0)
