"""How long it takes until enough users have come, from the traffic there is now.

::

    days = 7 ceil(users / users a day / 7), 7 at least, + label delay + washout

Whole weeks, because users of a Sunday are not those of a Monday. The washout comes before the first user counts, and
the delay of labels after the last one.

The trap: users a day are *new* users, those not seen before. The daily active users, added up over two weeks, count a
daily visitor fourteen times.
"""

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments
from model_experiment.statistics.arguments import Floats
from model_experiment.statistics.not_estimable import Estimates, reasons

WEEK = 7.0

# What may be lost on the way from users of whole weeks back to weeks.
_ROUNDING = 1e-12


def days(
    users: ArrayLike, *, users_per_day: ArrayLike, label_delay: ArrayLike = 0.0, washout: ArrayLike = 0.0
) -> Estimates:
    """The days until ``users``, those of all variants together, have come and their labels too.

    ``users_per_day`` come into the experiment; the delays are in days. Not estimable where no users come.

    >>> days(29_502, users_per_day=2_000, label_delay=3).single
    24.0
    """
    wanted, traffic, waits = arguments.together(
        {
            "users": arguments.counts("users", users),
            "users_per_day": arguments.counts("users_per_day", users_per_day),
            "label_delay and washout": _waits(label_delay, washout),
        }
    )
    weeks = np.ceil(wanted / np.where(traffic > 0, traffic, 1.0) / WEEK * (1 - _ROUNDING))
    missing = reasons(traffic == 0, lambda index: f"no users come, so {wanted[index]:.0f} are never reached")
    return Estimates(WEEK * np.maximum(weeks, 1.0) + waits, missing)


def reached(
    maximum_days: ArrayLike, *, users_per_day: ArrayLike, label_delay: ArrayLike = 0.0, washout: ArrayLike = 0.0
) -> Floats:
    """The users, of all variants together, whose labels are there after ``maximum_days``.

    All days count, also those of a week that is not full.

    >>> float(reached(17, users_per_day=2_000, label_delay=3))
    28000.0
    """
    longest, traffic, waits = arguments.together(
        {
            "maximum_days": arguments.counts("maximum_days", maximum_days),
            "users_per_day": arguments.counts("users_per_day", users_per_day),
            "label_delay and washout": _waits(label_delay, washout),
        }
    )
    return np.asarray(np.maximum(longest - waits, 0.0) * traffic)


def _waits(label_delay: ArrayLike, washout: ArrayLike) -> Floats:
    before_labels, before_users = arguments.together(
        {"label_delay": arguments.counts("label_delay", label_delay), "washout": arguments.counts("washout", washout)}
    )
    return np.asarray(before_labels + before_users)
