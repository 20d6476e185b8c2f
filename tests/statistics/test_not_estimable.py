"""Why there is no number: worded where it fails and nowhere else, once for all that lack the same."""

import numpy as np
import pytest

from model_experiment.statistics.not_estimable import NotEstimable, first_of, known, reasons


def worded(index):
    return f"experiment {index} has no users"


@pytest.mark.parametrize(
    "fails",
    [
        pytest.param(np.ones((), dtype=bool), id="a lone experiment"),
        pytest.param(np.array([False, True, True]), id="a list"),
        pytest.param(np.array([[False, True], [True, False]]), id="metrics of experiments"),
        pytest.param(np.zeros((0, 3), dtype=bool), id="no experiment"),
    ],
)
def test_there_is_a_reason_exactly_where_it_fails(fails):
    found = reasons(fails, worded)
    assert found.shape == fails.shape
    assert np.array_equal(known(found), ~fails)
    assert all(found[index] == NotEstimable(worded(index)) for index in np.ndindex(fails.shape) if fails[index])


def test_experiments_that_lack_the_same_share_one_reason():
    found = reasons(np.ones(3, dtype=bool), lambda _: "no users")
    assert found[0] is found[1] is found[2]


def test_the_first_reason_stands():
    one, other = reasons(np.array([True, False]), lambda _: "one"), reasons(np.ones(2, dtype=bool), lambda _: "other")
    assert first_of(one, other).tolist() == [NotEstimable("one"), NotEstimable("other")]
