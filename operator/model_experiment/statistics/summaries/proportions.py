"""Events among trials: all that a yes-or-no outcome leaves behind.

The trap: trials must be independent. Where one user makes many of them they are not, and then either buckets carry
the error (``effects.ratios``) or the counts are thinned by the over-dispersion, ``thinned(phi)``: as many
independent trials as say the same.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments
from model_experiment.statistics.arguments import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Proportion:
    """``events`` of ``trials``, arrays of one shape with an entry an experiment; ``a + b`` joins different trials.

    >>> day = Proportion(3, 40) + Proportion(2, 60)
    >>> float(day.events), float(day.trials), float(day.rates)
    (5.0, 100.0, 0.05)

    Raises:
        ValueError: unless both are finite and 0 or more, of shapes that fit, and ``events`` are at most ``trials``.
    """

    events: Floats
    trials: Floats

    def __init__(self, events: ArrayLike, trials: ArrayLike) -> None:
        part, whole = arguments.parts("events", events, whole_name="trials", whole=trials)
        object.__setattr__(self, "events", part)
        object.__setattr__(self, "trials", whole)

    def __add__(self, other: "Proportion") -> "Proportion":
        arguments.require_fit(left=self.trials, right=other.trials)
        return Proportion(self.events + other.events, self.trials + other.trials)

    @property
    def others(self) -> Floats:
        """The trials without the event."""
        return self.trials - self.events

    @property
    def rates(self) -> Floats:
        """The share of events among trials, NaN where there are no trials."""
        return np.where(self.trials > 0, self.events / np.where(self.trials > 0, self.trials, 1.0), np.nan)

    def thinned(self, phi: ArrayLike) -> "Proportion":
        """Both counts divided by the over-dispersion ``phi`` of 1 or more; they need not be whole then."""
        factor = arguments.at_least("phi", phi, smallest=1)
        arguments.require_fit(trials=self.trials, phi=factor)
        return Proportion(self.events / factor, self.trials / factor)
