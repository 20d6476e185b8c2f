"""The circuit breaker: exact, rarely wrong over a whole run, and honest about clusters."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from model_experiment.statistics.guardrails import ceiling
from model_experiment.statistics.summaries.proportions import Proportion


@settings(max_examples=50)
@given(st.integers(0, 300), st.floats(0.01, 0.9), st.integers(1, 100_000))
def test_it_breaks_where_so_many_events_are_too_unlikely_at_the_ceiling(events, limit, polls):
    chance = stats.binom.sf(events - 1, 300, limit)
    broken = ceiling.is_broken(Proportion(events, 300), ceiling=limit, alpha=0.01, planned_polls=polls)
    assert broken == (chance < 0.01 / polls)


def test_over_a_whole_run_at_the_ceiling_it_breaks_with_less_than_alpha():
    """Looking at the sums of all polls so far, 400 runs of 100 polls."""
    events = np.cumsum(np.random.default_rng(3).binomial(50, 0.1, size=(400, 100)), axis=1)
    sums = Proportion(events, 50 * np.arange(1, 101))
    broken = ceiling.is_broken(sums, ceiling=0.1, alpha=0.05, planned_polls=100)
    assert broken.any(axis=1).mean() <= 0.05
    assert ceiling.is_broken(sums, ceiling=0.06, alpha=0.05, planned_polls=100)[:, -1].mean() > 0.99


def test_phi_divides_the_counts():
    thick = ceiling.lower_bound(Proportion(40, 200), alpha=0.01, planned_polls=10, phi=4)
    assert thick == ceiling.lower_bound(Proportion(10, 50), alpha=0.01, planned_polls=10)
    assert thick < ceiling.lower_bound(Proportion(40, 200), alpha=0.01, planned_polls=10)


def test_the_bound_falls_with_more_polls_and_less_alpha():
    bounds = ceiling.lower_bound(Proportion(40, 200), alpha=[0.05, 0.01, 0.01], planned_polls=[10, 10, 1000])
    assert np.all(np.diff(bounds) < 0)


@pytest.mark.parametrize("trials", [0, 9, 10**9])
def test_without_an_event_it_never_breaks(trials):
    assert ceiling.lower_bound(Proportion(0, trials), alpha=0.01, planned_polls=10) == 0
    assert not ceiling.is_broken(Proportion(0, trials), ceiling=1e-9, alpha=0.01, planned_polls=10)


def test_many_experiments_at_once_give_what_each_gives_alone():
    events, trials, limits = [30, 300, 0, 1], [1000, 1000, 0, 1], [0.2, 0.2, 0.1, 0.5]
    together = ceiling.is_broken(Proportion(events, trials), ceiling=limits, alpha=0.01, planned_polls=100)
    for number, (x, n, limit) in enumerate(zip(events, trials, limits, strict=True)):
        alone = ceiling.is_broken(Proportion(x, n), ceiling=limit, alpha=0.01, planned_polls=100)
        assert together[number] == alone


def broken(**changed):
    return ceiling.is_broken(Proportion(1, 2), **{"ceiling": 0.1, "alpha": 0.01, "planned_polls": 10, **changed})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        pytest.param({"ceiling": 1.0}, "ceiling must lie strictly between 0 and 1, found 1", id="a ceiling of 1"),
        pytest.param({"alpha": 0.0}, "alpha must lie strictly between 0 and 1, found 0", id="alpha of 0"),
        pytest.param({"planned_polls": 0}, "planned_polls must be finite and 1 or more, found 0", id="no polls"),
        pytest.param({"phi": math.nan}, "phi must be finite and 1 or more, found nan", id="phi that is NaN"),
    ],
)
def test_a_bad_argument_is_refused_by_name(changed, message):
    with pytest.raises(ValueError, match=message):
        broken(**changed)
