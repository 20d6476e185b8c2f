"""Do two models answer alike? x disagreements in n mirrored requests that both answered.

Is the divergence D below a ``limit``, above it, or above the champion's own?

- ``upper_bound``: the exact one-sided limit for *one* look; with no disagreement it is 1 - alpha^(1/n), so 59 pairs
  without one show D < 5 % at alpha = .05.
- ``log_e_below`` and ``log_e_above``: evidence that may be looked at after every pair, the one-sided
  ``sequential.beta_binomial`` with a prior worth k = 50 pairs around the limit L, cut off at it. For "above"
  disagreements are its successes and L their share; for "below" agreements are, and 1 - L is theirs.
- ``log_e_above_floor``: a model also disagrees with *itself* (sampling, clocks, ties). The champion's own divergence is
  measured by a second champion, and the challenger's is compared with it::

      ln E = min over q of  ln E("the challenger's is above q") + ln E("the champion's own is below q")

  If the challenger's is not above the champion's, some q lies between them; at this q each factor is fair or worse, so
  the product is, and the minimum is no more than that.

That comparison is not the conditional binomial (Lindon & Malek 2022), whose closed form needs one split of the pairs
between both measurements at all times: the floor is usually measured first, and then it would be wrong. It is not
Newcombe's interval either, which holds for one look. This one needs totals only, in any order; pairs of one request
in both measurements make it err on the safe side where both tend to differ on the same requests, since what moves both
up moves the two factors apart. Where one differs rather on requests on which the other does not, it may err a little
more often than alpha.

The trap: pairs of one user are alike. Divide both counts by the over-dispersion (``Proportion.thinned``) first.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from model_experiment.statistics import arguments, roots
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.effects import proportion_intervals
from model_experiment.statistics.sequential import beta_binomial
from model_experiment.statistics.summaries.proportions import Proportion

CONCENTRATION = 50.0
"""The weight of the prior, in pairs. At a limit of 5 % half of all runs end by 250 pairs at a true 2 %, 620 at 3 %."""

# Logits of the shares q that are looked at: from 1e-9 to 1 - 1e-9, then between the neighbours of the best so far,
# until these are so near, for the number of pairs, that ln E is at its minimum to 1e-5.
_FARTHEST = 20.7
_PLACES_AT_FIRST, _PLACES = 33, 9
_NEAR = 0.02  # over the square root of the pairs


def upper_bound(pairs: Proportion, *, alpha: ArrayLike) -> Floats:
    """The exact (Clopper-Pearson) bound that the divergence lies below, at 1 - ``alpha``, for one look.

    >>> upper_bound(Proportion(0, [58, 59]), alpha=0.05).round(4).tolist()
    [0.0503, 0.0495]
    """
    return proportion_intervals.clopper_pearson_high(pairs, alpha=alpha)


def log_e_below(pairs: Proportion, *, limit: ArrayLike) -> Floats:
    """Evidence ln E that the divergence is below ``limit``, against "at it or above"; 0 without pairs.

    >>> log_e_below(Proportion([0, 5], [100, 100]), limit=0.05).round(4).tolist()
    [2.8617, -0.6302]
    """
    share = 1 - _limit(pairs, limit)
    return beta_binomial.log_e_value_above(pairs.others, pairs.events, share=share, concentration=CONCENTRATION)


def log_e_above(pairs: Proportion, *, limit: ArrayLike) -> Floats:
    """Evidence ln E that the divergence is above ``limit``, against "at it or below"; 0 without pairs."""
    share = _limit(pairs, limit)
    return beta_binomial.log_e_value_above(pairs.events, pairs.others, share=share, concentration=CONCENTRATION)


def least_pairs(*, limit: ArrayLike, alpha: ArrayLike) -> Floats:
    """How many independent pairs prove at any time that the divergence is below ``limit``, where none differs.

    >>> least_pairs(limit=[0.01, 0.05, 0.2], alpha=0.05).round(1).tolist()
    [366.2, 103.8, 38.8]
    """
    share, proof = arguments.probabilities("limit", limit), -np.log(arguments.probabilities("alpha", alpha))
    least = proof / -np.log1p(-share)  # at a single look
    return roots.root(lambda pairs: log_e_below(Proportion(0, pairs), limit=share) - proof, least / 2, 200 * least)


def log_e_above_floor(*, champion: Proportion, challenger: Proportion) -> Floats:
    """Evidence ln E that the challenger diverges from the champion more than the champion from itself.

    A floor below 1e-9 is taken as that. 0 or less without pairs of either.

    >>> floor = Proportion(40, 2000)
    >>> log_e_above_floor(champion=floor, challenger=Proportion([40, 100], 2000)).round(2).tolist()
    [-3.81, 11.1]
    """
    arguments.require_fit(champion=champion.trials, challenger=challenger.trials)
    own_events, own, events, pairs = np.broadcast_arrays(
        *(part[..., np.newaxis] for part in (champion.events, champion.trials, challenger.events, challenger.trials))
    )
    low, high = np.full(own.shape, -_FARTHEST), np.full(own.shape, _FARTHEST)
    near = _NEAR / np.sqrt(np.max(np.maximum(own, pairs), initial=1.0))
    places = _PLACES_AT_FIRST
    log_e = np.zeros_like(own)
    while np.any(high - low > near):
        logits = low + (high - low) * np.linspace(0, 1, places)
        q = special.expit(logits)
        log_e = log_e_above(Proportion(events, pairs), limit=q) + log_e_below(Proportion(own_events, own), limit=q)
        best = np.argmin(log_e, axis=-1, keepdims=True)
        low, high = (np.take_along_axis(logits, np.clip(best + step, 0, places - 1), axis=-1) for step in (-1, 1))
        places = _PLACES
    return np.asarray(np.min(log_e, axis=-1))


def _limit(pairs: Proportion, limit: ArrayLike) -> Floats:
    share = arguments.probabilities("limit", limit)
    arguments.require_fit(pairs=pairs.trials, limit=share)
    return share
