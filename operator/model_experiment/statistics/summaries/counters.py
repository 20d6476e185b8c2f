"""What a counter counted between its samples, exact although its process may have restarted.

Each fall is a restart: what stands after it was counted since. The first sample counts in whole where the counter
is known to have been born in the window, else it is where counting starts.

The trap: sums. Counters are added *after* their increases were taken; the increase of a sum takes the restart of
one process for a loss in all.
"""

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments
from model_experiment.statistics.arguments import Floats


def increase(samples: ArrayLike, *, born_in_window: bool) -> Floats:
    """The increase along the last axis of ``samples``, which are in the order of time; leading axes are counters.

    >>> increase([10, 15, 3, 7, 7, 0, 2], born_in_window=False).tolist()
    14.0
    """
    values = arguments.counts("samples", samples)
    if values.ndim == 0:
        raise ValueError("samples must be a list, found one number")
    before, after = values[..., :-1], values[..., 1:]
    grown = np.where(after < before, after, after - before).sum(axis=-1)
    return np.asarray(grown + values[..., 0] if born_in_window and values.shape[-1] else grown)
