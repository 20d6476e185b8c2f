"""How much alpha may be gone at which information: spending functions.

A spending function rises from 0 at information 0 to alpha at information 1. It is chosen before the start;
the looks may then come whenever they come (Lan & DeMets 1983).

The trap: for a two-sided test each tail spends ``f(t, alpha / 2)``, which is not half of ``f(t, alpha)``.
"""

from scipy import special

from model_experiment.statistics import arguments, tails


def obrien_fleming(information: float, *, alpha: float) -> float:
    """2 (1 - Phi(z_{alpha/2} / sqrt(t))): almost nothing early, so the last look costs little.

    ``information`` lies between 0 and 1.

    >>> round(obrien_fleming(0.4, alpha=0.13), 9)
    0.016665509
    """
    if not 0 <= information <= 1:
        raise ValueError(f"information must lie between 0 and 1, found {information}")
    quantile = tails.normal_quantile(arguments.probability("alpha", alpha) / 2)
    return 2 * float(special.ndtr(-quantile / information**0.5)) if information > 0 else 0.0
