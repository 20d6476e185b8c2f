"""A claim is shown exactly where its one-sided tests reject; the scale and direction change its words only."""

import math
import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from model_experiment.statistics import tails
from model_experiment.statistics.effects.effect import Effects, Scale
from model_experiment.statistics.not_estimable import NotEstimable, reasons
from model_experiment.statistics.trust.equivalence import (
    Better,
    Verdict,
    equivalence,
    equivalence_log_p_values,
    non_inferiority,
    non_inferiority_log_p_values,
)

estimates, errors = st.floats(-0.2, 0.2), st.floats(0.001, 0.1)
freedoms = st.sampled_from([38.0, 198.0, math.inf])
margins = st.floats(0.01, 0.3)


def effects(estimate, error, freedom=math.inf, scale=Scale.DIFFERENCE):
    estimate = np.asarray(estimate, dtype=float)
    return Effects(estimate, np.asarray(error), np.asarray(freedom), reasons(np.zeros(estimate.shape), str), scale)


some_effects = st.builds(effects, estimates, errors, freedoms)


def t_tail(ratio, freedom):
    return stats.t.sf(ratio, freedom) if math.isfinite(freedom) else stats.norm.sf(ratio)


@settings(max_examples=50)
@given(estimates, errors, freedoms, margins, margins)
def test_the_p_value_of_equivalence_is_the_larger_of_two_one_sided_ones(estimate, error, freedom, below, above):
    found = float(equivalence_log_p_values(effects(estimate, error, freedom), low=-below, high=above))
    one, other = t_tail((estimate + below) / error, freedom), t_tail((above - estimate) / error, freedom)
    assert math.exp(found) == pytest.approx(max(one, other), rel=1e-8, abs=1e-300)


@settings(max_examples=50)
@given(st.builds(effects, estimates, errors, freedoms, st.sampled_from(Scale)), margins, margins, st.floats(0.001, 0.3))
def test_at_one_look_equivalence_is_shown_exactly_where_p_is_below_alpha(given_effects, below, above, alpha):
    log_p = float(equivalence_log_p_values(given_effects, low=-below, high=above))
    assume(abs(log_p - math.log(alpha)) > 1e-6)
    judged = equivalence(given_effects, low=-below, high=above, critical=tails.normal_quantile(alpha)).single
    assert (judged.verdict is Verdict.SHOWN) == (log_p < math.log(alpha))


@settings(max_examples=50)
@given(some_effects, margins, st.floats(0.1, 6), st.sampled_from(Better))
def test_non_inferiority_looks_at_the_bad_side_only(given_effects, margin, critical, better):
    judged = non_inferiority(given_effects, margin=margin, better=better, critical=critical).single
    loss = -judged.interval.low if better is Better.HIGHER else judged.interval.high
    gain = -judged.interval.high if better is Better.HIGHER else judged.interval.low
    expected = Verdict.SHOWN if loss < margin else Verdict.REFUTED if gain > margin else Verdict.NOT_SHOWN
    assert judged.verdict is expected


@settings(max_examples=50)
@given(estimates, errors, freedoms, margins, st.floats(0.1, 6))
def test_the_opposite_effect_has_the_same_verdict_where_lower_is_better(estimate, error, freedom, margin, critical):
    higher, lower = (
        non_inferiority(effects(sign * estimate, error, freedom), margin=margin, better=better, critical=critical)
        for sign, better in ((1, Better.HIGHER), (-1, Better.LOWER))
    )
    assert higher.single.verdict is lower.single.verdict
    one, other = (
        non_inferiority_log_p_values(effects(sign * estimate, error, freedom), margin=margin, better=better)
        for sign, better in ((1, Better.HIGHER), (-1, Better.LOWER))
    )
    assert float(one) == float(other)


@settings(max_examples=50)
@given(some_effects, margins, st.floats(0.1, 5), st.floats(0.1, 5))
def test_a_larger_bound_shows_and_refutes_no_more(given_effects, margin, one, other):
    small, large = (
        non_inferiority(given_effects, margin=margin, better=Better.HIGHER, critical=critical)
        for critical in sorted((one, other))
    )
    assert small.shown or not large.shown
    assert small.refuted or not large.refuted


def test_relative_margins_are_logarithms_on_the_log_ratio_scale():
    found = non_inferiority_log_p_values(effects(0.01, 0.02, scale=Scale.LOG_RATIO), margin=0.05, better=Better.HIGHER)
    assert math.exp(found) == pytest.approx(stats.norm.sf((0.01 - math.log(0.95)) / 0.02), rel=1e-10)
    upper = non_inferiority_log_p_values(effects(0.01, 0.02, scale=Scale.LOG_RATIO), margin=0.05, better=Better.LOWER)
    assert math.exp(upper) == pytest.approx(stats.norm.sf((math.log(1.05) - 0.01) / 0.02), rel=1e-10)


def test_the_published_way_by_a_90_percent_interval():
    """Schuirmann: equivalence at .05 is the 90 % interval inside the margins, here .5 -+ 1.6849 * .2 of 40 subjects."""
    judged = equivalence(effects(0.5, 0.2, 39), low=-1, high=1, critical=tails.normal_quantile(0.05)).single
    radius = stats.t.isf(0.05, 39) * 0.2
    assert (judged.interval.low, judged.interval.high) == pytest.approx((0.5 - radius, 0.5 + radius), rel=1e-9)
    assert judged.verdict is Verdict.SHOWN


def test_evidence_below_every_float_still_has_a_logarithm():
    found = non_inferiority_log_p_values(effects(10.0, 0.01), margin=0.1, better=Better.HIGHER)
    assert float(found) == pytest.approx(-(1010**2) / 2, rel=1e-4)


def test_an_infinite_bound_shows_nothing():
    judged = equivalence(effects(0.0, 0.001), low=-1, high=1, critical=math.inf).single
    assert judged.verdict is Verdict.NOT_SHOWN


def test_where_there_is_no_effect_nothing_is_shown():
    none = Effects(np.array([0.0]), np.array([1.0]), np.inf, reasons(np.array([True]), lambda _: "no data"))
    judged = equivalence(none, low=-1, high=1, critical=1.645)
    assert judged[0] == NotEstimable("no data")
    assert not judged.shown.any()
    assert not judged.refuted.any()
    assert np.isnan(equivalence_log_p_values(none, low=-1, high=1)).all()


def test_many_experiments_and_margins_at_once_give_what_each_gives_alone():
    d, s, margin = np.array([0.01, -0.2, 0.03]), np.array([0.02, 0.03, 0.5]), np.array([[0.05], [0.1]])
    judged = non_inferiority(effects(d, s), margin=margin, better=Better.HIGHER, critical=[1.6, 2.0, 3.0])
    log_p = non_inferiority_log_p_values(effects(d, s), margin=margin, better=Better.HIGHER)
    for row, column in np.ndindex(2, 3):
        one = effects(d[column], s[column])
        alone = {"margin": margin[row, 0], "better": Better.HIGHER}
        assert judged[row, column] == non_inferiority(one, **alone, critical=[1.6, 2.0, 3.0][column]).single
        assert log_p[row, column] == float(non_inferiority_log_p_values(one, **alone))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: equivalence(effects(0, 1), low=0.1, high=0.2, critical=2),
            "low must be below 0, found 0.1",
            id="margins on one side",
        ),
        pytest.param(
            lambda: equivalence(effects(0, 1), low=-1, high=0, critical=2),
            "high must be finite and above 0, found 0",
            id="no upper margin",
        ),
        pytest.param(
            lambda: non_inferiority(effects(0, 1), margin=-0.1, better=Better.HIGHER, critical=2),
            "margin must be finite and 0 or more, found -0.1",
            id="a negative margin",
        ),
        pytest.param(
            lambda: non_inferiority(effects(0, 1, scale=Scale.LOG_RATIO), margin=1.0, better=Better.HIGHER, critical=2),
            "a relative margin must be above -1 (-100 %), found -1",
            id="a loss of everything allowed",
        ),
        pytest.param(
            lambda: non_inferiority(effects(0, 1), margin=0.1, better=Better.HIGHER, critical=-2),
            "critical must be 0 or more, found -2",
            id="a negative bound",
        ),
    ],
)
def test_is_refused(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
