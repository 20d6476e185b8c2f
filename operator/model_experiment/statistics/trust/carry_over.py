"""Does an older experiment reach into a new one? Its variants must be spread evenly over the new one's.

The K variants of the old experiment are rows, the L variants of the new one are columns, and the counts are the
users exposed to both. If the new split is independent of the old one, whatever the old variants did to their users
is in all new variants alike; ``chi_square.independence`` tests that with (K - 1)(L - 1) degrees of freedom.

The trap: a reused salt. Two experiments that hash users alike have dependent splits, although the shares of each
look right. Users outside the old experiment may stand in a row of their own.
"""

from numpy.typing import ArrayLike

from model_experiment.statistics import chi_square
from model_experiment.statistics.chi_square import ChiSquareTests


def independence(users: ArrayLike) -> ChiSquareTests:
    """Whether old and new variants are independent: ``users`` has the old ones along its last axis but one.

    Not estimable where there are users in fewer than two variants of either, or too few for a chi-square.

    >>> independence([[2510, 2490], [2470, 2530]]).single.p_value.__round__(4)
    0.4237

    Raises:
        ValueError: for counts that are negative or not finite, or fewer than two axes.
    """
    return chi_square.independence(users, name="users", rows="old variants", columns="new variants")
