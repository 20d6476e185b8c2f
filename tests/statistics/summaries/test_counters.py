"""The increase of a counter is exact through restarts and births."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_experiment.statistics.summaries import counters


@pytest.mark.parametrize(
    ("samples", "born_in_window", "expected"),
    [
        pytest.param([10, 15, 15, 21], False, 11, id="without a restart it is the last less the first"),
        pytest.param([10, 15, 3, 7], False, 12, id="what stands after a restart was counted since"),
        pytest.param([10, 15, 3, 7], True, 22, id="a counter born in the window counts from 0"),
        pytest.param([5], True, 5, id="the first sample of a newborn"),
        pytest.param([5], False, 0, id="one sample of an old counter says nothing"),
        pytest.param([], True, 0, id="no sample"),
        pytest.param([[1, 2], [9, 4]], False, [1, 4], id="two counters at once"),
    ],
)
def test_the_increase_is_what_was_counted(samples, born_in_window, expected):
    assert counters.increase(samples, born_in_window=born_in_window).tolist() == expected


@given(st.lists(st.lists(st.integers(0, 9), min_size=1), min_size=1))
def test_any_lives_of_a_process_add_up_to_all_it_counted(lives):
    samples = np.concatenate([np.cumsum([0, *steps]) for steps in lives])
    assert counters.increase(samples, born_in_window=True) == sum(map(sum, lives))


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        pytest.param([1, -2], "samples must be finite and 0 or more, found -2", id="a negative count"),
        pytest.param([1, np.nan], "samples must be finite and 0 or more, found nan", id="NaN"),
        pytest.param(3, "samples must be a list, found one number", id="one number"),
    ],
)
def test_bad_samples_are_refused(samples, message):
    with pytest.raises(ValueError, match=message):
        counters.increase(samples, born_in_window=True)
