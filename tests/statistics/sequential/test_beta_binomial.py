"""The beta-binomial mixture: a likelihood ratio averaged over a prior, and what follows from it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from model_experiment.statistics.sequential import beta_binomial
from model_experiment.statistics.sequential.normal_mixture import NormalMixture

shares = st.floats(0.001, 0.999)
concentrations = st.sampled_from([0.001, 1.0, 10.0, 1000.0])
counts = st.integers(0, 300)
WAYS = [beta_binomial.log_e_value, beta_binomial.log_e_value_above]
both = pytest.mark.parametrize("evidence", WAYS, ids=["two-sided", "one-sided"])


def averaged(x, y, share, k, lower):
    """By definition: the likelihood ratio averaged over the beta prior above ``lower``."""
    prior = stats.beta(k * share, k * (1 - share))
    ratio = lambda p: (p / share) ** x * ((1 - p) / (1 - share)) ** y * prior.pdf(p)  # noqa: E731 - a formula
    return integrate.quad(ratio, lower, 1, points=[share])[0] / prior.sf(lower)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (8, 2), (0, 30), (7.5, 12.25)])
@pytest.mark.parametrize(("share", "k"), [(0.5, 20), (0.1, 50)])
def test_the_evidence_is_the_likelihood_ratio_averaged_over_its_prior(x, y, share, k):
    for evidence, lower in zip(WAYS, (0.0, share), strict=True):
        found = float(evidence(x, y, share=share, concentration=k))
        assert found == pytest.approx(math.log(averaged(x, y, share, k, lower)), abs=1e-7)


@both
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("concentration", [0.001, 10.0])
def test_it_is_at_most_1_in_expectation_while_the_hypothesis_holds(evidence, share, concentration):
    x = np.arange(61)
    chances = stats.binom.pmf(x, 60, share)
    e_value = np.exp(evidence(x, 60 - x, share=share, concentration=concentration))
    assert chances @ e_value == pytest.approx(1.0, rel=1e-9)


def test_one_sided_evidence_is_below_1_in_expectation_for_smaller_shares():
    x = np.arange(61)
    e_value = np.exp(beta_binomial.log_e_value_above(x, 60 - x, share=0.3, concentration=10))
    assert (stats.binom.pmf(x, 60, np.array([[0.05], [0.2], [0.29]])) @ e_value < 1).all()


def test_two_sided_evidence_does_not_mind_which_outcome_is_called_a_success():
    one = beta_binomial.log_e_value([3, 100, 0], [9, 2, 5], share=[0.2, 0.5, 0.9], concentration=7)
    other = beta_binomial.log_e_value([9, 2, 5], [3, 100, 0], share=[0.8, 0.5, 0.1], concentration=7)
    assert one.tolist() == pytest.approx(other.tolist(), abs=1e-12)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        pytest.param(500_100_000, 11.457848, id="many too many"),
        pytest.param(400_000_000, -18.213286, id="far too few, where the tail area underflows"),
    ],
)
def test_a_billion_trials_do_not_drown_in_rounding(x, expected):
    """By Laplace's method: near the mode it is normal, far below it the tail is exponential with n theta - x."""
    found = float(beta_binomial.log_e_value_above(x, 10**9 - x, share=0.5, concentration=10))
    prior = stats.beta(5, 5).pdf(0.5) / 0.5
    if x > 500_000_000:
        spread = math.sqrt(2 * math.pi * 0.25 / 1e9)
        by_laplace = math.log(prior * spread) + (x - 5e8) ** 2 / (2 * 0.25 * 1e9)
    else:
        by_laplace = math.log(prior * 0.25 / (5e8 - x))
    assert found == pytest.approx(by_laplace, abs=1e-5)
    assert found == pytest.approx(expected, abs=1e-5)


@settings(max_examples=50)
@given(counts, counts, counts, shares, concentrations)
def test_more_successes_of_as_many_trials_are_more_one_sided_evidence(x, y, more, share, k):
    fewer, many = beta_binomial.log_e_value_above([x, x + more], [y + more, y], share=share, concentration=k)
    assert fewer <= many + 1e-9


@both
@pytest.mark.parametrize("v", [0.5, 30.0, 100.0])
def test_the_bound_is_where_the_evidence_reaches_the_threshold_or_the_largest_sum(evidence, v):
    g, h, k = 0.2, 0.8, 40.0
    found = float(beta_binomial.bound(v, g=g, h=h, concentration=k, alpha=0.05, evidence=evidence))
    successes, failures, share = beta_binomial.as_trials(found, v, g=g, h=h)
    at = float(evidence(successes, failures, share=share, concentration=k))
    if found == v / g:
        assert at < -math.log(0.05)
    else:
        assert at == pytest.approx(-math.log(0.05), abs=1e-9)


def test_a_sum_of_bernoulli_trials_stands_for_itself():
    share, n, x = 0.3, 50, 21
    successes, failures, found = beta_binomial.as_trials(x - n * share, n * share * (1 - share), g=share, h=1 - share)
    assert (float(successes), float(failures), float(found)) == pytest.approx((x, n - x, share))


def test_the_concentration_is_tuned_by_the_normal_mixture_and_never_below_its_least():
    expected = [float(NormalMixture.tuned_at(1000, alpha=0.05).rho) - 1, beta_binomial.LEAST_CONCENTRATION]
    assert beta_binomial.tuned_concentration([1000, 1], alpha=0.05).tolist() == pytest.approx(expected)


LIMITS = [
    pytest.param(0, 0, (0.0, 1.0), id="before the first trial everything is possible"),
    pytest.param(0, 10, (0.0, None), id="no success gives no lower limit"),
    pytest.param(1, 10, (0.0, None), id="one success gives none either"),
    pytest.param(10, 10, (None, 1.0), id="only successes give no upper limit"),
    pytest.param(2, 10**9, (None, None), id="two of a billion give both"),
    pytest.param(10**9 - 50, 10**9, (None, None), id="all but fifty of a billion give both"),
]


@pytest.mark.parametrize(("x", "n", "certain"), LIMITS)
def test_a_limit_has_evidence_of_one_over_alpha_against_it_or_lies_at_the_end(x, n, certain):
    found = beta_binomial.confidence_sequence(x, n, alpha=0.05, concentration=20).single
    for limit, end in zip((found.low, found.high), certain, strict=True):
        if end is None:
            assert 0 < limit < 1
            log_e = float(beta_binomial.log_e_value(x, n - x, share=limit, concentration=20))
            assert log_e == pytest.approx(-math.log(0.05), abs=1e-5)
        else:
            assert limit == end
    assert found.contains(x / n if n else 0.5)


@settings(max_examples=50)
@given(st.integers(0, 200), st.integers(0, 200), concentrations)
def test_calling_failures_successes_mirrors_the_interval(x, y, k):
    one = beta_binomial.confidence_sequence(x, x + y, alpha=0.05, concentration=k).single
    other = beta_binomial.confidence_sequence(y, x + y, alpha=0.05, concentration=k).single
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low), abs=1e-12)


@settings(max_examples=50)
@given(st.integers(0, 200), st.integers(0, 200), st.floats(1e-9, 0.9), st.floats(1e-9, 0.9))
def test_less_alpha_makes_a_wider_interval(x, y, one, other):
    alpha = sorted((one, other))
    found = beta_binomial.confidence_sequence(x, x + y, alpha=alpha, concentration=10)
    assert found.low[0] <= found.low[1] + 1e-12
    assert found.high[0] >= found.high[1] - 1e-12


def test_the_interval_is_that_of_another_root_finder():
    x, n, k = 15, 50, 7.0
    excess = lambda p: float(beta_binomial.log_e_value(x, n - x, share=p, concentration=k)) + math.log(0.01)  # noqa: E731
    expected = (optimize.brentq(excess, 1e-9, 0.3), optimize.brentq(excess, 0.3, 1 - 1e-9))
    found = beta_binomial.confidence_sequence(x, n, alpha=0.01, concentration=k).single
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-10)


def test_many_experiments_at_once_give_what_each_gives_alone():
    x, n = [0, 700, 10**9, 1, 0], [0, 1000, 10**9, 2, 99]
    alpha, k = [0.05, 1e-300, 0.01, 0.5, 0.05], [1, 10, 100, 1000, 0.001]
    many = beta_binomial.confidence_sequence(x, n, alpha=alpha, concentration=k)
    for number, (one, of, level, worth) in enumerate(zip(x, n, alpha, k, strict=True)):
        alone = beta_binomial.confidence_sequence(one, of, alpha=level, concentration=worth).single
        assert (many[number].low, many[number].high) == pytest.approx((alone.low, alone.high), abs=1e-12)


@both
def test_many_bounds_at_once_are_what_each_is_alone(evidence):
    v, g, k, alpha = [1.0, 30.0, 1e6], [0.2, 0.5, 0.01], [1.0, 40.0, 0.001], [0.05, 0.1, 1e-9]
    many = beta_binomial.bound(v, g=g, h=0.5, concentration=k, alpha=alpha, evidence=evidence)
    alone = [
        float(beta_binomial.bound(one, g=low, h=0.5, concentration=worth, alpha=level, evidence=evidence))
        for one, low, worth, level in zip(v, g, k, alpha, strict=True)
    ]
    assert many.tolist() == pytest.approx(alone, rel=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: beta_binomial.log_e_value(-1, 2, share=0.5, concentration=1),
            "successes must be finite and 0 or more, found -1",
            id="a negative count",
        ),
        pytest.param(
            lambda: beta_binomial.log_e_value_above(1, 2, share=1.0, concentration=1),
            "share must lie strictly between 0 and 1, found 1",
            id="a share that is certain",
        ),
        pytest.param(
            lambda: beta_binomial.log_e_value(1, 2, share=0.5, concentration=0),
            "concentration must be finite and above 0, found 0",
            id="a prior worth nothing",
        ),
        pytest.param(
            lambda: beta_binomial.confidence_sequence(3, 2, alpha=0.05, concentration=1),
            "successes must not exceed trials, found 3 of 2",
            id="more successes than trials",
        ),
        pytest.param(
            lambda: beta_binomial.confidence_sequence(1.5, 2, alpha=0.05, concentration=1),
            "successes must be whole, found 1.5",
            id="half a success",
        ),
        pytest.param(
            lambda: beta_binomial.as_trials(6, 1, g=0.2, h=0.8),
            "total must lie between -clock/h and clock/g, found 6",
            id="a sum that cannot be",
        ),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
