"""Proportions add as their trials do, and refuse what cannot be counted."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_experiment.statistics.summaries.proportions import Proportion


def of(outcomes):
    return Proportion(sum(outcomes), len(outcomes))


@settings(max_examples=50)
@given(*[st.lists(st.integers(0, 1))] * 3)
def test_merging_equals_concatenation_in_any_order(first, second, third):
    whole = of(first + second + third)
    for merged in ((of(first) + of(second)) + of(third), of(third) + (of(second) + of(first))):
        assert (merged.events, merged.trials) == (whole.events, whole.trials)
    assert whole.others == (first + second + third).count(0)


def test_many_experiments_at_once_give_what_each_gives_alone():
    together = Proportion([1, 2, 0], [4, 8, 0]) + Proportion([1, 0, 0], 4)
    for number, (events, trials) in enumerate([(2, 8), (2, 12), (0, 4)]):
        assert (together.events[number], together.trials[number]) == (events, trials)
        assert together.rates[number] == Proportion(events, trials).rates


def test_of_no_trials_there_is_no_rate():
    assert np.isnan(Proportion([0, 1], [0, 2]).rates).tolist() == [True, False]


def test_thinned_counts_keep_the_rate_and_say_less():
    thin = Proportion(30, 100).thinned([1.0, 4.0])
    assert thin.trials.tolist() == [100.0, 25.0]
    assert thin.rates.tolist() == [0.3, 0.3]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: Proportion(3, 2), "events must not exceed trials, found 3 of 2", id="more events than trials"
        ),
        pytest.param(lambda: Proportion(-1, 2), "events must be finite and 0 or more, found -1", id="negative events"),
        pytest.param(
            lambda: Proportion(math.nan, 2), "events must be finite and 0 or more, found nan", id="events that are NaN"
        ),
        pytest.param(
            lambda: Proportion(1, math.inf), "trials must be finite and 0 or more, found inf", id="infinite trials"
        ),
        pytest.param(
            lambda: Proportion([1, 1], [2, 2, 2]),
            r"events and trials must have shapes that fit together, found \(2,\), \(3,\)",
            id="shapes that do not fit",
        ),
        pytest.param(
            lambda: Proportion(1, 2).thinned(0.5), "phi must be finite and 1 or more, found 0.5", id="phi below 1"
        ),
    ],
)
def test_a_bad_argument_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
