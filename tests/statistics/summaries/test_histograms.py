"""Histograms add as their values do, and are exact at their edges only."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_experiment.statistics.summaries.histograms import Histogram

EDGES = [0.1, 0.25, 0.5, 1.0]


def of(values):
    return Histogram.from_cumulative(EDGES, [sum(value <= edge for value in values) for edge in (*EDGES, math.inf)])


latencies = st.lists(st.floats(0.001, 3.0) | st.sampled_from(EDGES))


@settings(max_examples=50)
@given(latencies, latencies, latencies)
def test_merging_equals_concatenation_in_any_order(first, second, third):
    whole = of(first + second + third)
    for merged in ((of(first) + of(second)) + of(third), of(third) + (of(second) + of(first))):
        assert merged.counts.tolist() == whole.counts.tolist()


@settings(max_examples=50)
@given(latencies, st.sampled_from(EDGES))
def test_what_lies_above_an_edge_is_counted_exactly(values, edge):
    share = of(values).above(edge)
    assert (share.events, share.trials) == (sum(value > edge for value in values), len(values))


def test_bins_are_closed_above_as_those_of_prometheus():
    assert of([0.1, 0.2, 0.25, 7.0]).counts.tolist() == [1, 2, 0, 0, 1]


def test_many_experiments_at_once_give_what_each_gives_alone():
    cumulative = [[1, 2, 3, 4, 5], [0, 0, 2, 2, 9]]
    together = Histogram.from_cumulative(EDGES, cumulative)
    for number, one in enumerate(cumulative):
        alone = Histogram.from_cumulative(EDGES, one)
        assert together.counts[number].tolist() == alone.counts.tolist()
        assert together.above(0.5).events[number] == alone.above(0.5).events


ONE = Histogram([1.0, 2.0], [1, 1, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(lambda: ONE.above(1.5), r"limit must be one of the edges \[1.0, 2.0\], found 1.5", id="no edge"),
        pytest.param(lambda: ONE + Histogram([1.0, 3.0], [1, 1, 1]), "edges must be the same to add", id="other edges"),
        pytest.param(
            lambda: ONE + Histogram([1.0, 2.0], [1, 1, 1], lowest=-1),
            "edges must be the same to add",
            id="another start",
        ),
        pytest.param(
            lambda: Histogram([2.0, 1.0], [1, 1, 1]), r"edges must rise from lowest \(0\)", id="falling edges"
        ),
        pytest.param(
            lambda: Histogram([0.0, 1.0], [1, 1, 1]), r"edges must rise from lowest \(0\)", id="an edge at lowest"
        ),
        pytest.param(lambda: Histogram([], [1]), "edges must rise", id="no edges"),
        pytest.param(
            lambda: Histogram([1.0, math.inf], [1, 1, 1]), "edges must be finite, found inf", id="an open edge"
        ),
        pytest.param(
            lambda: Histogram([1.0, 2.0], [1, 1]),
            r"counts must have a last axis of 3 bins for 2 edges, found shape \(2,\)",
            id="a count too few",
        ),
        pytest.param(
            lambda: Histogram([1.0], [1, -1]), "counts must be finite and 0 or more, found -1", id="a negative count"
        ),
        pytest.param(
            lambda: Histogram.from_cumulative([1.0], [3, 2]),
            "cumulative must not fall from bin to bin, found a step of -1",
            id="cumulative counts that fall",
        ),
        pytest.param(lambda: Histogram.from_cumulative([1.0], 3), "counts must have a last axis", id="one number"),
    ],
)
def test_a_bad_argument_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_histogram_of_scores_may_start_below_0():
    assert Histogram([-0.5, 0.5], np.ones(3), lowest=-1).above(-0.5).events == 2
