"""The split is checked at every poll, for any number of variants and users."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from model_experiment.statistics import sample_ratio
from model_experiment.statistics.sample_ratio import SampleRatioCheck


def by_log_gamma(counts, weights, k):
    shares = np.array(weights) / sum(weights)
    x = np.array(counts, dtype=float)
    log_beta = lambda a: special.gammaln(a).sum() - special.gammaln(a.sum())  # noqa: E731 - a formula
    return log_beta(k * shares + x) - log_beta(k * shares) - (x * np.log(shares)).sum()


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 99)), min_size=2, max_size=5),
    st.sampled_from([2.0, 100.0, 1000.0, 10_000.0]),
)
def test_the_evidence_is_the_ratio_of_dirichlet_and_multinomial_likelihoods(pairs, concentration):
    counts, weights = zip(*pairs, strict=True)
    found = float(sample_ratio.log_e_value(counts, weights=weights, concentration=concentration))
    assert found == pytest.approx(by_log_gamma(counts, weights, concentration), rel=1e-7, abs=1e-6)


def test_a_billion_users_do_not_drown_in_rounding():
    """Near the asked halves, Laplace's method gives ln E = -1/2 ln((n + k)/k) + 2 (x - n/2)^2 / (n + k)."""
    n, off = 1_000_000_000, 31_623
    found = float(sample_ratio.log_e_value([n // 2 + off, n // 2 - off], weights=[1, 1]))
    grown = n + 1000
    expected = -0.5 * math.log(grown / 1000) + 2 * off**2 / grown
    assert found == pytest.approx(expected, abs=1e-3)
    mirrored = sample_ratio.log_e_value([n // 2 - off, n // 2 + off], weights=[1, 1])
    assert found == pytest.approx(float(mirrored), abs=1e-9)


def test_no_users_are_no_evidence():
    assert float(sample_ratio.log_e_value([0, 0], weights=[99, 1])) == pytest.approx(0.0, abs=1e-12)


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=3, max_size=3), st.permutations(range(3)))
def test_the_order_of_variants_does_not_matter(counts, order):
    weights = [5, 3, 2]
    one = sample_ratio.log_e_value(counts, weights=weights)
    other = sample_ratio.log_e_value([counts[i] for i in order], weights=[weights[i] for i in order])
    assert float(one) == pytest.approx(float(other), rel=1e-9, abs=1e-9)


def test_weights_may_be_in_any_unit():
    one = sample_ratio.log_e_value([5000, 5400], weights=[0.5, 0.5])
    other = sample_ratio.log_e_value([5000, 5400], weights=[250_000, 250_000])
    assert float(one) == pytest.approx(float(other), rel=1e-12)


def test_many_experiments_at_once_give_what_each_gives_alone():
    many = sample_ratio.log_e_value([[5000, 5400], [100, 90]], weights=[1, 1])
    alone = [float(sample_ratio.log_e_value(row, weights=[1, 1])) for row in ([5000, 5400], [100, 90])]
    assert many.tolist() == pytest.approx(alone, rel=1e-12)


def test_a_mismatch_once_found_is_not_forgotten():
    check = SampleRatioCheck().with_users([6000, 5000], weights=[1, 1])
    assert check.is_mismatch()
    later = check.with_users([60_000, 60_000], weights=[1, 1])
    assert later.is_mismatch()
    assert later.p_value == check.p_value


def test_a_split_as_asked_passes_with_p_value_1():
    check = SampleRatioCheck().with_users([5010, 4990], weights=[1, 1])
    assert check.p_value == 1.0
    assert not check.is_mismatch()
