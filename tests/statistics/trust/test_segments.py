"""Segments are judged together: intervals at alpha / S, one test for "all effects are one"."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from model_experiment.statistics.effects.effect import Effect, Effects, Scale
from model_experiment.statistics.not_estimable import NotEstimable, reasons
from model_experiment.statistics.trust import segments
from model_experiment.statistics.trust.equivalence import Better

estimates = st.lists(st.floats(-0.2, 0.2), min_size=5, max_size=5)
errors = st.lists(st.floats(0.001, 0.1), min_size=5, max_size=5)
some = st.tuples(estimates, errors)


def effects(estimates, errors, *, scale=Scale.DIFFERENCE):
    """NaN estimates are segments without an effect."""
    d = np.asarray(estimates, dtype=float)
    missing = reasons(np.isnan(d), lambda index: f"nobody in segment {index[-1]}")
    return Effects(d, np.asarray(errors, dtype=float), np.inf, missing, scale)


@settings(max_examples=50)
@given(some)
def test_q_is_the_weighted_least_squares_distance_from_one_effect(pair):
    d, s = map(np.array, pair)
    mean = np.average(d, weights=s**-2)
    test = segments.interaction(effects(d, s)).single
    assert test.statistic == pytest.approx((((d - mean) / s) ** 2).sum(), rel=1e-9, abs=1e-9)
    assert test.degrees_of_freedom == 4
    assert test.p_value == pytest.approx(stats.chi2.sf(test.statistic, 4), rel=1e-9)


@settings(max_examples=50)
@given(some, st.floats(-1, 1))
def test_an_effect_that_all_segments_share_is_no_interaction(pair, shared):
    d, s = map(np.array, pair)
    one, other = (segments.interaction(effects(x, s)).single.statistic for x in (d, d + shared))
    assert one == pytest.approx(other, rel=1e-6, abs=1e-6)


def test_q_of_two_segments_is_the_squared_z_of_their_difference():
    test = segments.interaction(effects([0.03, -0.01], [0.01, 0.02])).single
    assert test.statistic == pytest.approx(0.04**2 / (0.01**2 + 0.02**2))
    assert test.p_value == pytest.approx(Effect(0.04, math.hypot(0.01, 0.02)).p_value)


@settings(max_examples=50)
@given(some, st.floats(0.001, 0.5))
def test_each_interval_is_one_at_alpha_over_the_number_of_segments(pair, alpha):
    d, s = map(np.array, pair)
    limits = segments.simultaneous_intervals(effects(d, s), alpha=alpha)
    radius = stats.norm.isf(alpha / 10) * s
    assert limits.low == pytest.approx(d - radius, rel=1e-9, abs=1e-12)
    assert limits.high == pytest.approx(d + radius, rel=1e-9, abs=1e-12)


def test_a_segment_without_an_effect_is_left_out_of_everything_and_named():
    whole = effects([0.05, math.nan, -0.06], [0.01, 0.02, 0.01])
    rest = effects([0.05, -0.06], [0.01, 0.01])
    assert segments.interaction(whole).single == segments.interaction(rest).single
    limits, alone = (segments.simultaneous_intervals(one, alpha=0.05) for one in (whole, rest))
    assert np.array_equal(limits.low, [alone.low[0], math.nan, alone.low[1]], equal_nan=True)
    labels = ["android", "web", "ios"]
    assert segments.names(~whole.estimable, labels=labels) == ("web",)
    harmed = segments.hidden_negative(whole, tolerance=0.01, better=Better.HIGHER, alpha=0.05)
    assert segments.names(harmed, labels=labels) == ("ios",)


@pytest.mark.parametrize(
    ("estimate", "tolerance", "better", "harmed"),
    [
        pytest.param(-0.05, 0.0, Better.HIGHER, True, id="the interval is below 0"),
        pytest.param(-0.05, 0.0, Better.LOWER, False, id="a fall where lower is better is no harm"),
        pytest.param(0.05, 0.0, Better.LOWER, True, id="a rise where lower is better is harm"),
        pytest.param(-0.05, 0.03, Better.HIGHER, False, id="the upper limit is within the tolerance"),
        pytest.param(-0.05, 0.02, Better.HIGHER, True, id="the upper limit is below minus the tolerance"),
        pytest.param(-0.02, 0.0, Better.HIGHER, False, id="shown alone at alpha, but not among two segments"),
    ],
)
def test_a_hidden_negative_segment_is_shown_to_be_harmed_among_all(estimate, tolerance, better, harmed):
    """The radius of both is 2.2414 * .01 = .0224; that at .05 alone would be .0196."""
    pair = effects([0.0, estimate], [0.01, 0.01])
    found = segments.hidden_negative(pair, tolerance=tolerance, better=better, alpha=0.05)
    assert found.tolist() == [False, harmed]


def test_a_relative_tolerance_is_a_relative_change():
    fallen = effects([math.log(0.9), math.log(0.9)], [0.001, 0.03], scale=Scale.LOG_RATIO)
    assert segments.hidden_negative(fallen, tolerance=0.09, better=Better.HIGHER, alpha=0.05).tolist() == [True, False]


@settings(max_examples=50)
@given(some, st.floats(0, 0.1))
def test_the_opposite_effects_harm_where_the_direction_is_opposite(pair, tolerance):
    d, s = map(np.array, pair)
    one = segments.hidden_negative(effects(d, s), tolerance=tolerance, better=Better.HIGHER, alpha=0.1)
    other = segments.hidden_negative(effects(-d, s), tolerance=tolerance, better=Better.LOWER, alpha=0.1)
    assert one.tolist() == other.tolist()


def test_many_experiments_at_once_give_what_each_gives_alone():
    d = [[0.05, -0.06, 0.01], [math.nan, -0.2, 0.03], [math.nan, math.nan, 0.1]]
    s = [[0.01, 0.02, 0.03], [0.01, 0.02, 0.03], [0.01, 0.02, 0.03]]
    many, rows = effects(d, s), [effects(*row) for row in zip(d, s, strict=True)]
    together = segments.interaction(many)
    assert [together[i] for i in range(2)] == [segments.interaction(row).single for row in rows[:2]]
    assert together[2] == NotEstimable("1 of 3 segments have an effect, two are needed to compare")
    options = {"better": Better.HIGHER, "alpha": 0.05}
    harmed = segments.hidden_negative(many, tolerance=[0.0, 0.1, 0.0], **options)
    alone = [
        segments.hidden_negative(row, tolerance=tolerance, **options)
        for row, tolerance in zip(rows, [0.0, 0.1, 0.0], strict=True)
    ]
    assert harmed.tolist() == [row.tolist() for row in alone]
    assert harmed.any(axis=-1).tolist() == [True, True, False]


def test_without_any_effect_nothing_is_said():
    none = effects([math.nan, math.nan], [1.0, 1.0])
    assert np.isnan(segments.simultaneous_intervals(none, alpha=0.05).low).all()
    expected = NotEstimable("0 of 2 segments have an effect, two are needed to compare")
    assert segments.interaction(none).single == expected


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: segments.interaction(effects(0.1, 1.0)),
            "effects must have the segments as their last axis, found a single effect",
            id="a single effect",
        ),
        pytest.param(
            lambda: segments.simultaneous_intervals(effects([0.1], [1.0]), alpha=0),
            "alpha must lie strictly between 0 and 1, found 0",
            id="alpha of 0",
        ),
        pytest.param(
            lambda: segments.hidden_negative(effects([0.1], [1.0]), tolerance=-1, better=Better.LOWER, alpha=0.05),
            "tolerance must be finite and 0 or more, found -1",
            id="a negative tolerance",
        ),
        pytest.param(
            lambda: segments.names(np.array([True, False]), labels=["web"]),
            "labels must be one for each segment, found 1 for shape (2,)",
            id="too few labels",
        ),
    ],
)
def test_is_refused(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
