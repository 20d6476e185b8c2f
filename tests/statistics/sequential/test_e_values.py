"""What was once excluded stays excluded, and evidence is read the same way however it came about."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_experiment.statistics.effects.effect import Interval, Intervals
from model_experiment.statistics.sequential import beta_binomial, e_values, rate_ratio

START = Intervals(np.array(-np.inf), np.array(np.inf))


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.98), st.sampled_from([0.01, 0.05, 0.3]))
def test_a_confidence_sequence_never_widens(seed, share, alpha):
    trials = np.arange(1, 201, 5)
    successes = np.cumsum(np.random.default_rng(seed).random(200) < share)[trials - 1]
    proportion = beta_binomial.confidence_sequence(successes, trials, alpha=alpha, concentration=10)
    ratio = rate_ratio.confidence_sequence(
        champion=trials - successes, challenger=successes, share=0.5, alpha=alpha, concentration=10
    )
    for looks in (proportion, ratio):
        state = START
        for low, high in zip(looks.low, looks.high, strict=True):
            before, state = state, e_values.narrowed(state, Intervals(low, high))
            assert before.low <= state.low
            assert state.high <= before.high
        assert state.single == Interval(looks.low.max(), looks.high.min())


def test_the_intervals_of_single_looks_do_widen():
    looks = beta_binomial.confidence_sequence([30, 40], [100, 120], alpha=0.05, concentration=10)
    assert looks.low[1] > looks.low[0]
    assert looks.high[1] > looks.high[0]
    assert e_values.narrowed(looks, Intervals(looks.low[1], looks.high[1])).high[0] == looks.high[0]


def test_the_running_intersection_misses_the_truth_in_no_more_runs_than_alpha():
    random, truth, trials = np.random.default_rng(5), 0.3, np.arange(10, 1001, 10)
    successes = np.cumsum(random.random((400, 1000)) < truth, axis=1)[:, trials - 1]
    looks = beta_binomial.confidence_sequence(successes, trials, alpha=0.1, concentration=20)
    state = Intervals(looks.low.max(axis=-1), looks.high.min(axis=-1))
    missed = ((state.low > truth) | (state.high < truth)).mean()
    assert missed <= 0.1 + 3 * (0.1 * 0.9 / 400) ** 0.5


def test_a_look_without_an_effect_excludes_nothing():
    so_far = Intervals(np.array([-1.0, -np.inf]), np.array([1.0, np.inf]))
    found = e_values.narrowed(so_far, Intervals(np.array([np.nan, np.nan]), np.array([np.nan, np.nan])))
    assert found.low.tolist() == [-1.0, -np.inf]
    assert found.high.tolist() == [1.0, np.inf]


def test_looks_that_contradict_each_other_leave_nothing():
    found = e_values.narrowed(Intervals(np.array(0.1), np.array(0.2)), Intervals(np.array(0.3), np.array(0.4))).single
    assert found == Interval(0.3, 0.2)


def test_states_of_another_shape_are_refused():
    message = "so_far and latest must have shapes that fit together, found (2,), (3,)"
    with pytest.raises(ValueError, match=re.escape(message)):
        e_values.narrowed(Intervals(np.zeros(2), np.ones(2)), Intervals(np.zeros(3), np.ones(3)))
