"""The split is checked at every poll, for any number of variants and users."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from model_experiment.statistics.not_estimable import NotEstimable
from model_experiment.statistics.sequential import e_values
from model_experiment.statistics.trust import sample_ratio
from model_experiment.statistics.trust.sample_ratio import SampleRatioCheck


def by_log_gamma(counts, weights, k):
    shares = np.array(weights) / sum(weights)
    x = np.array(counts, dtype=float)
    log_beta = lambda a: special.gammaln(a).sum() - special.gammaln(a.sum())  # noqa: E731 - a formula
    return log_beta(k * shares + x) - log_beta(k * shares) - (x * np.log(shares)).sum()


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


MANY = [[5000, 5400], [100, 90], [10**9, 10**7]]
WEIGHTS = [[1, 1], [2, 1], [99, 1]]


def test_many_experiments_at_once_give_what_each_gives_alone():
    concentration = [1000.0, 10.0, 100.0]
    many = sample_ratio.log_e_value(MANY, weights=WEIGHTS, concentration=concentration)
    tests = sample_ratio.chi_square_test(MANY, weights=WEIGHTS)
    for i, (row, asked, k) in enumerate(zip(MANY, WEIGHTS, concentration, strict=True)):
        alone = float(sample_ratio.log_e_value(row, weights=asked, concentration=k))
        assert many[i] == pytest.approx(alone, rel=1e-12)
        assert tests[i] == sample_ratio.chi_square_test(row, weights=asked).single


def test_the_state_of_many_checks_is_an_array_of_what_each_check_keeps():
    polls = np.cumsum(np.random.default_rng(3).multinomial(400, [0.55, 0.45], size=(20, 3)), axis=0)
    weights = [[1, 1], [11, 9], [2, 3]]
    highest, checks = np.zeros(3), [SampleRatioCheck() for _ in range(3)]
    for users in polls:
        highest = np.maximum(highest, sample_ratio.log_e_value(users, weights=weights))
        checks = [
            check.with_users(row, weights=asked) for check, row, asked in zip(checks, users, weights, strict=True)
        ]
    assert highest.tolist() == pytest.approx([check.highest_log_e for check in checks], rel=1e-12)
    assert (
        sample_ratio.is_mismatch(highest).tolist() == [check.is_mismatch() for check in checks] == [True, False, True]
    )
    assert e_values.anytime_p_value(highest).tolist() == pytest.approx([check.p_value for check in checks], rel=1e-9)


def test_the_marginals_are_probabilities_of_the_counts_of_each_batch():
    batches, weights, prior = [[3, 0, 2], [0, 0, 0], [1, 4, 2]], [0.5, 0.3, 0.2], [0.5, 3.0, 1.0]
    planned, other = sample_ratio.log_marginals(batches, weights=weights, prior=prior)
    rows = np.array(batches)
    by_pmf = np.cumsum(stats.multinomial.logpmf(rows, rows.sum(axis=1), weights))
    assert planned.tolist() == pytest.approx(by_pmf.tolist(), abs=1e-12)
    known, expected = np.array(prior), 0.0
    for row, found in zip(rows, other, strict=True):
        expected += stats.dirichlet_multinomial.logpmf(row, known, row.sum())
        known = known + row
        assert found == pytest.approx(expected, abs=1e-12)


def test_the_marginals_differ_by_the_evidence_where_the_prior_is_about_the_asked_shares():
    batches, weights = [[5300, 4700], [10**9, 10**9 + 10**5]], [1, 1]
    planned, other = sample_ratio.log_marginals(batches, weights=weights, prior=[500, 500])
    evidence = sample_ratio.log_e_value(np.cumsum(batches, axis=0), weights=weights)
    assert (other - planned).tolist() == pytest.approx(evidence.tolist(), abs=1e-9)


def test_marginals_of_many_experiments_at_once_are_what_each_gives_alone():
    batches = [[[3, 2], [10**9, 5]], [[0, 0], [7, 7]]]
    weights, prior = [[1, 1], [1, 9]], [[1, 1], [5, 2]]
    many = sample_ratio.log_marginals(batches, weights=weights, prior=prior)
    for i in range(2):
        alone = sample_ratio.log_marginals(batches[i], weights=weights[i], prior=prior[i])
        for found, expected in zip(many, alone, strict=True):
            assert found[i].tolist() == pytest.approx(expected.tolist(), rel=1e-12)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 99)), min_size=2, max_size=5))
def test_the_fixed_test_is_pearsons_chi_square(pairs):
    counts, weights = (np.array(column) for column in zip(*pairs, strict=True))
    expected = counts.sum() * weights / weights.sum()
    found = sample_ratio.chi_square_test(counts, weights=weights).single
    if expected.min() < sample_ratio.LEAST_EXPECTED:
        assert isinstance(found, NotEstimable)
    else:
        oracle = stats.chisquare(counts, expected)
        assert (found.statistic, found.degrees_of_freedom) == pytest.approx((oracle.statistic, len(pairs) - 1))
        assert found.p_value == pytest.approx(oracle.pvalue, rel=1e-9, abs=1e-300)


def test_a_p_value_below_every_float_is_a_logarithm():
    found = sample_ratio.chi_square_test([6 * 10**8, 4 * 10**8], weights=[1, 1]).single
    assert found.p_value == 0.0
    # Far out the tail is that of |z| = sqrt(X2): ln p = -X2/2 - ln sqrt(pi X2 / 2).
    assert found.log_p_value == pytest.approx(-4e7 / 2 - math.log(math.pi * 4e7 / 2) / 2, abs=1e-6)


@pytest.mark.parametrize("counts", [[0, 0], [5, 4]])
def test_too_few_users_for_the_fixed_test_are_no_p_value(counts):
    found = sample_ratio.chi_square_test(counts, weights=[1, 1]).single
    half = f"{sum(counts) / 2:.3g}"
    assert found == NotEstimable(f"{half} users are expected in the smallest variant, at least 5 are needed")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: sample_ratio.log_e_value([[1, 2, 3]], weights=[[1, 1]]),
            r"one number for each of two or more variants, found shapes \(1, 3\) and \(1, 2\)",
            id="weights of other variants",
        ),
        pytest.param(
            lambda: sample_ratio.chi_square_test([1, -2], weights=[1, 1]),
            "users must be finite and 0 or more, found -2",
            id="negative users",
        ),
        pytest.param(
            lambda: sample_ratio.log_marginals([[1, 2]], weights=[1, 1], prior=[1, 0]),
            "prior must be finite and above 0, found 0",
            id="a prior that excludes a variant",
        ),
        pytest.param(
            lambda: sample_ratio.log_e_value([1, 2], weights=[1, 1], concentration=-1),
            "concentration must be finite and above 0, found -1",
            id="a negative concentration",
        ),
        pytest.param(
            lambda: sample_ratio.is_mismatch([1.0, 2.0], alpha=[0.01, 1.0]),
            "alpha must lie strictly between 0 and 1, found 1",
            id="alpha of 1",
        ),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()


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


@pytest.mark.parametrize("state", [math.nan, -1.0, math.inf])
def test_a_state_that_could_never_alarm_is_refused(state):
    with pytest.raises(ValueError, match="highest_log_e must be finite and 0 or more, found"):
        SampleRatioCheck(state)
