"""How many independent pairs a table says as much as: users repeat, and few users say little."""

import numpy as np
import pytest

from model_experiment.decision.pairs import independent
from model_experiment.statistics.summaries.buckets import BucketTable


def table(*groups):
    """Groups of (buckets, different, compared), each bucket of a group the same; all others are empty."""
    rows = [(different, compared) for buckets, different, compared in groups for _ in range(buckets)]
    different, compared = np.array(rows + [(0, 0)] * (100 - len(rows))).T
    return BucketTable(different, compared)


@pytest.mark.parametrize(
    ("counted", "least", "most"),
    [
        pytest.param(table(), 0, 0, id="none"),
        pytest.param(table((1, 0, 3000)), 1, 1, id="of one user"),
        pytest.param(table((1, 3000, 3000)), 1, 1, id="of one user, all different"),
        pytest.param(table((15, 0, 200)), 15, 18, id="of 15 users"),
        pytest.param(table((1, 200, 200), (14, 0, 200)), 15, 18, id="of 15 users, one of whom differs"),
        pytest.param(table((1, 0, 3000), (99, 0, 1)), 1, 2, id="of one user, and a few of others"),
        pytest.param(table((30, 10, 30), (70, 0, 30)), 350, 400, id="of users who are found to be alike to themselves"),
        pytest.param(table((30, 1, 100)), 3000, 3000, id="of 30 users who are found not to be alike to themselves"),
        pytest.param(table((100, 0, 30)), 3000, 3000, id="of very many users"),
    ],
)
def test_pairs_say_as_much_as_so_many_independent_ones(counted, least, most):
    found = independent(counted)
    assert least <= float(found.trials) <= most
    assert float(found.events) * counted.denominators.sum() == pytest.approx(
        float(found.trials) * counted.numerators.sum()
    )
