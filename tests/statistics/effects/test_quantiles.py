"""Quantiles of histograms: right to the bin, honest about the last one."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from model_experiment.statistics.effects import quantiles
from model_experiment.statistics.effects.effect import Interval
from model_experiment.statistics.not_estimable import NotEstimable
from model_experiment.statistics.summaries.histograms import Histogram

EDGES = np.array([0.1, 0.2, 0.5, 1.0])
FINE = np.linspace(0.01, 3.0, 300)

histograms = (
    st.lists(st.integers(0, 500), min_size=5, max_size=5).filter(any).map(lambda counts: Histogram(EDGES, counts))
)
levels = st.floats(0.01, 0.99)


def of(values, edges):
    bins = np.searchsorted(edges, values, side="left")
    return Histogram(edges, np.bincount(bins, minlength=edges.size + 1))


def test_a_quantile_lies_on_the_straight_line_of_its_bin():
    """Of 1000 values 900 are up to 0.2 and 990 up to 0.5, so 950 are up to 0.2 + 50/90 of 0.3; s is 6.892 values."""
    found = quantiles.interval(Histogram(EDGES[:3], [500, 400, 90, 10]), q=0.95, alpha=0.05)
    radius = 1.959964 * math.sqrt(1000 * 0.95 * 0.05)
    assert found.values.single == pytest.approx(0.2 + 50 / 90 * 0.3, rel=1e-12)
    assert found.limits.single.low == pytest.approx(0.2 + (50 - radius) / 90 * 0.3, rel=1e-7)
    assert found.limits.single.high == pytest.approx(0.2 + (50 + radius) / 90 * 0.3, rel=1e-7)
    assert found.bins.single == Interval(0.2, 0.5)


def test_with_fine_bins_the_limits_are_order_statistics():
    values = np.sort(np.random.default_rng(5).lognormal(-1.0, 0.5, 20_000))
    found = quantiles.interval(of(values, FINE), q=0.9, alpha=0.05)
    ranks = [20_000 * 0.9 + sign * 1.959964 * math.sqrt(20_000 * 0.09) for sign in (-1, 1)]
    assert found.limits.single.low == pytest.approx(values[round(ranks[0])], abs=0.01)
    assert found.limits.single.high == pytest.approx(values[round(ranks[1])], abs=0.01)
    assert found.values.single == pytest.approx(np.quantile(values, 0.9), abs=0.01)


def test_the_interval_covers_the_true_quantile():
    law = stats.lognorm(0.5, scale=math.exp(-1.0))
    chances = np.diff(law.cdf(FINE), prepend=0.0, append=1.0)
    counts = np.random.default_rng(7).multinomial(400, chances, size=2000)
    found = quantiles.interval(Histogram(FINE, counts), q=0.9, alpha=0.05)
    covered = (found.limits.low <= law.ppf(0.9)) & (law.ppf(0.9) <= found.limits.high)
    assert covered.mean() == pytest.approx(0.95, abs=0.02)


@settings(max_examples=50)
@given(histograms, levels, st.floats(1e-6, 0.5), st.floats(1.0, 50.0))
def test_clusters_certainty_and_whole_bins_widen_the_interval_around_the_quantile(histogram, q, alpha, phi):
    inner = quantiles.interval(histogram, q=q, alpha=alpha)
    for wider in (
        quantiles.interval(histogram, q=q, alpha=alpha, phi=phi).limits.single,
        quantiles.interval(histogram, q=q, alpha=alpha / 2).limits.single,
        inner.bins.single,
    ):
        assert wider.low <= inner.limits.single.low
        assert inner.limits.single.high <= wider.high
    value = inner.values.single
    assert isinstance(value, NotEstimable) or inner.limits.single.contains(value)


def test_phi_divides_the_number_of_values():
    few, many = Histogram(EDGES, [50, 30, 15, 4, 1]), Histogram(EDGES, [200, 120, 60, 16, 4])
    found, expected = quantiles.interval(many, q=0.5, alpha=0.1, phi=4), quantiles.interval(few, q=0.5, alpha=0.1)
    assert found.limits.low == pytest.approx(expected.limits.low, rel=1e-12)
    assert found.limits.high == pytest.approx(expected.limits.high, rel=1e-12)


@pytest.mark.parametrize(
    ("counts", "q", "limits", "bins"),
    [
        pytest.param([0, 0, 0, 0, 9], 0.5, (1.0, math.inf), (1.0, math.inf), id="all beyond the last edge"),
        pytest.param(
            [400, 0, 0, 0, 600], 0.5, (1.0, math.inf), (1.0, math.inf), id="the quantile beyond the last edge"
        ),
        pytest.param([0, 0, 0, 3, 0], 0.5, (0.0, math.inf), (0.0, math.inf), id="so few values that nothing is known"),
        pytest.param([0, 0, 0, 9, 0], 0.9, (0.5 + 0.5 * 0.704, math.inf), (0.5, math.inf), id="too few for a high end"),
    ],
)
def test_a_limit_in_the_last_bin_is_infinite(counts, q, limits, bins):
    found = quantiles.interval(Histogram(EDGES, counts), q=q, alpha=0.05)
    assert (found.limits.single.low, found.limits.single.high) == pytest.approx(limits, abs=1e-4)
    assert (found.bins.single.low, found.bins.single.high) == bins


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        pytest.param([0, 0, 0, 0, 0], "the histogram is empty", id="no values"),
        pytest.param([1, 1, 1, 1, 9], "the 0.5-quantile is above the last edge, 1", id="the last bin"),
    ],
)
def test_where_there_is_no_quantile_there_is_a_reason(counts, reason):
    found = quantiles.interval(Histogram(EDGES, counts), q=0.5, alpha=0.05)
    assert found.values.single == NotEstimable(reason)
    assert math.isnan(found.limits.single.low) == math.isnan(found.bins.single.high) == (sum(counts) == 0)


@settings(max_examples=50)
@given(histograms, histograms, levels)
def test_swapping_the_variants_mirrors_the_difference(one, other, q):
    forth = quantiles.difference(champion=one, challenger=other, q=q, alpha=0.05).single
    back = quantiles.difference(champion=other, challenger=one, q=q, alpha=0.05).single
    assert (back.low, back.high) == pytest.approx((-forth.high, -forth.low), nan_ok=True)


def test_a_difference_is_as_wide_as_both_intervals_from_edge_to_edge():
    fast, slow = Histogram(EDGES, [900, 90, 10, 0, 0]), Histogram(EDGES, [10, 90, 900, 0, 0])
    assert quantiles.difference(champion=fast, challenger=slow, q=0.5, alpha=0.05).single == Interval(0.1, 0.5)


def test_many_experiments_at_once_give_what_each_gives_alone():
    counts, qs = [[5, 9, 30, 2, 1], [0, 0, 0, 0, 0], [1, 0, 0, 0, 9]], [0.5, 0.9, 0.95]
    together = quantiles.interval(Histogram(EDGES, counts), q=qs, alpha=0.05)
    for number, (one, q) in enumerate(zip(counts, qs, strict=True)):
        alone = quantiles.interval(Histogram(EDGES, one), q=q, alpha=0.05)
        assert together.values[number] == alone.values.single
        for name in ("limits", "bins"):
            found, expected = getattr(together, name)[number], getattr(alone, name).single
            assert (found.low, found.high) == pytest.approx((expected.low, expected.high), nan_ok=True)


def test_several_quantiles_of_one_histogram_are_asked_for_at_once():
    found = quantiles.interval(Histogram(EDGES, [50, 30, 15, 4, 1]), q=[0.25, 0.5], alpha=0.05)
    assert found.values.values.tolist() == [0.05, 0.1]


ONE = Histogram(EDGES, [1, 1, 1, 1, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: quantiles.interval(ONE, q=1.0, alpha=0.05),
            "q must lie strictly between 0 and 1, found 1",
            id="q of 1",
        ),
        pytest.param(
            lambda: quantiles.interval(ONE, q=0.5, alpha=0.0),
            "alpha must lie strictly between 0 and 1",
            id="alpha of 0",
        ),
        pytest.param(
            lambda: quantiles.interval(ONE, q=0.5, alpha=0.05, phi=0.9), "phi must be finite and 1 or more", id="phi"
        ),
        pytest.param(
            lambda: quantiles.difference(champion=ONE, challenger=ONE, q=0.5, alpha=2.0), "alpha must", id="alpha of 2"
        ),
    ],
)
def test_a_bad_argument_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
