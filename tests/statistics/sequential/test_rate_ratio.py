"""The ratio of two rates from counts: exact whatever the rates do, and to be multiplied over segments."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from model_experiment.statistics.sequential import beta_binomial, rate_ratio

events = st.integers(0, 500)
shares = st.floats(0.01, 0.99)
concentrations = st.sampled_from([1.0, 10.0, 100.0])


def expectation(evidence, *, mean_champion, mean_challenger, **given_that):
    """Of E for two Poisson counts, summed over nearly all of their outcomes."""
    a, b = np.arange(150), np.arange(150)[:, np.newaxis]
    chances = stats.poisson.pmf(a, mean_champion) * stats.poisson.pmf(b, mean_challenger)
    return float((chances * np.exp(evidence(champion=a, challenger=b, **given_that))).sum())


@pytest.mark.parametrize("evidence", [rate_ratio.log_e_value, rate_ratio.log_e_value_above])
@pytest.mark.parametrize("common", [0.2, 1.0, 3.0])
@pytest.mark.parametrize(("share", "ratio"), [(0.5, 1.0), (0.1, 1.25)])
def test_the_evidence_has_expectation_1_at_the_ratio_whatever_the_common_rate(evidence, common, share, ratio):
    means = {"mean_champion": 10 * common * (1 - share), "mean_challenger": 10 * common * share * ratio}
    found = expectation(evidence, **means, share=share, ratio=ratio, concentration=10)
    assert found == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("challenger", [0.1, 0.5, 0.99])
def test_a_smaller_ratio_has_less_one_sided_evidence_than_1_in_expectation(challenger):
    means = {"mean_champion": 20, "mean_challenger": 20 * challenger}
    assert expectation(rate_ratio.log_e_value_above, **means, share=0.5) < 1


def test_evidence_of_segments_multiplies_after_a_change_of_the_split():
    """Two segments with splits 90:10 and 50:50: the product has expectation 1, evidence from the totals more."""
    count = np.arange(40)
    first_a, first_b, later_a, later_b = np.meshgrid(count, count[:15], count, count, indexing="ij", sparse=True)
    chances = 1.0
    for seen, mean in ((first_a, 9), (first_b, 1), (later_a, 8), (later_b, 8)):
        chances = chances * stats.poisson.pmf(seen, mean)
    first = rate_ratio.log_e_value(champion=first_a, challenger=first_b, share=0.1)
    later = rate_ratio.log_e_value(champion=later_a, challenger=later_b, share=0.5)
    assert (chances * np.exp(first + later)).sum() == pytest.approx(1.0, abs=1e-4)
    pooled = rate_ratio.log_e_value(champion=first_a[..., 0] + 0, challenger=first_b[..., 0] + 0, share=0.5)
    assert (chances.sum(axis=(2, 3)) * np.exp(pooled[..., 0])).sum() > 2


@settings(max_examples=50)
@given(events, events, shares, concentrations, st.floats(1e-6, 0.5))
def test_the_interval_excludes_equal_rates_exactly_where_their_evidence_reaches_the_threshold(
    x_a, x_b, share, k, alpha
):
    counts = {"champion": x_a, "challenger": x_b, "share": share, "concentration": k}
    log_e = float(rate_ratio.log_e_value(**counts))
    assume(abs(log_e + math.log(alpha)) > 1e-6)
    limits = rate_ratio.confidence_sequence(**counts, alpha=alpha).single
    assert limits.contains(0.0) == (log_e < -math.log(alpha))


@settings(max_examples=50)
@given(events, events, shares, concentrations)
def test_swapping_the_variants_mirrors_the_interval(x_a, x_b, share, k):
    given_that = {"alpha": 0.05, "concentration": k}
    one = rate_ratio.confidence_sequence(champion=x_a, challenger=x_b, share=share, **given_that).single
    other = rate_ratio.confidence_sequence(champion=x_b, challenger=x_a, share=1 - share, **given_that).single
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-9)


@settings(max_examples=50)
@given(events, events, shares, st.floats(1e-9, 0.9), st.floats(1e-9, 0.9))
def test_less_alpha_makes_a_wider_interval(x_a, x_b, share, one, other):
    alpha = sorted((one, other))
    found = rate_ratio.confidence_sequence(champion=x_a, challenger=x_b, share=share, alpha=alpha)
    assert found.low[0] <= found.low[1]
    assert found.high[0] >= found.high[1]


@pytest.mark.parametrize(
    ("x_a", "x_b", "low", "high"),
    [
        pytest.param(0, 0, -math.inf, math.inf, id="no events, no limits"),
        pytest.param(20, 0, -math.inf, None, id="no event of the challenger bounds its rate from above only"),
        pytest.param(0, 20, None, math.inf, id="no event of the champion bounds the ratio from below only"),
        pytest.param(1, 1, None, None, id="one event each bounds both"),
    ],
)
def test_a_side_without_events_is_unbounded(x_a, x_b, low, high):
    found = rate_ratio.confidence_sequence(champion=x_a, challenger=x_b, share=0.3, alpha=0.05).single
    assert found.low == low or (low is None and math.isfinite(found.low))
    assert found.high == high or (high is None and math.isfinite(found.high))


@pytest.mark.parametrize(
    ("x_a", "x_b", "share"), [(120, 150, 0.5), (10**9, 10**7, 0.01), (10**9, 0, 0.01), (3, 10**9, 0.99)]
)
def test_at_a_limit_the_mixture_is_one_over_alpha_times_as_likely_as_the_ratio(x_a, x_b, share):
    """Against the definition: one prior about equal rates, and the likelihood of the ratio at the limit."""
    k, alpha = 100.0, 0.01
    limits = rate_ratio.confidence_sequence(
        champion=x_a, challenger=x_b, share=share, alpha=alpha, concentration=k
    ).single
    at_share = float(beta_binomial.log_e_value(x_b, x_a, share=share, concentration=k))
    for limit in (limits.low, limits.high):
        if math.isfinite(limit):
            logit = limit + special.logit(share)
            log_theta, log_rest = special.log_expit(logit), special.log_expit(-logit)
            other = x_b * (log_theta - math.log(share)) + x_a * (log_rest - math.log1p(-share))
            assert at_share - other == pytest.approx(-math.log(alpha), abs=1e-5)


def test_one_sided_evidence_is_about_twice_the_two_sided_where_the_rate_has_grown():
    seen = {"champion": 1000, "challenger": 1300, "share": 0.5}
    gained = rate_ratio.log_e_value_above(**seen) - rate_ratio.log_e_value(**seen)
    assert float(gained) == pytest.approx(math.log(2), abs=1e-6)


def averaged(x, expected, k):
    """By definition: the Poisson likelihood ratio averaged over the gamma prior above 1."""
    ratio = lambda r: math.exp(x * math.log(r) - (r - 1) * expected) * stats.gamma.pdf(r, k, scale=1 / k)  # noqa: E731
    return integrate.quad(ratio, 1, 30, points=[max(1.0, x / expected)])[0] / stats.gamma.sf(1, k, scale=1 / k)


@pytest.mark.parametrize(("x", "exposure", "limit"), [(0, 100.0, 0.1), (30, 100.0, 0.1), (9.5, 5.0, 2.0)])
def test_evidence_against_a_limit_is_the_likelihood_ratio_averaged_over_its_prior(x, exposure, limit):
    found = rate_ratio.log_e_value_above_limit(x, exposure=exposure, limit=limit, concentration=10)
    assert float(found) == pytest.approx(math.log(averaged(x, exposure * limit, 10)), abs=1e-7)


@pytest.mark.parametrize("share", [0.1, 0.9, 1.0])
def test_evidence_against_a_limit_has_expectation_1_at_most(share):
    x = np.arange(200)
    e_value = np.exp(rate_ratio.log_e_value_above_limit(x, exposure=20.0, limit=2.0))
    expected = stats.poisson.pmf(x, 40 * share) @ e_value
    assert expected == pytest.approx(1.0, abs=1e-9) if share == 1 else expected < 1


def test_a_billion_events_are_far_below_a_limit_without_becoming_minus_infinity():
    found = rate_ratio.log_e_value_above_limit([1e9, 1.5e9], exposure=2e9, limit=1.0)
    prior = stats.gamma.pdf(1, 10, scale=0.1) / stats.gamma.sf(1, 10, scale=0.1)
    assert found.tolist() == pytest.approx([math.log(prior / 1e9), math.log(prior / 5e8)], abs=1e-5)


def test_many_experiments_at_once_give_what_each_gives_alone():
    x_a, x_b, share = [0, 120, 10**9, 7], [0, 150, 10**8, 0], [0.5, 0.4, 0.1, 0.9]
    ratio, k, alpha = [1, 1.25, 2, 0.5], [1, 10, 100, 1000], [0.05, 0.1, 1e-9, 0.5]
    seen = {"champion": x_a, "challenger": x_b, "share": share, "concentration": k}
    many = rate_ratio.confidence_sequence(**seen, alpha=alpha)
    two_sided, one_sided = (
        evidence(**seen, ratio=ratio) for evidence in (rate_ratio.log_e_value, rate_ratio.log_e_value_above)
    )
    limited = rate_ratio.log_e_value_above_limit(x_b, exposure=x_a + np.ones(4), limit=share, concentration=k)
    for i in range(4):
        alone = {name: values[i] for name, values in seen.items()}
        limits = rate_ratio.confidence_sequence(**alone, alpha=alpha[i]).single
        assert (many[i].low, many[i].high) == pytest.approx((limits.low, limits.high), rel=1e-12)
        assert two_sided[i] == pytest.approx(float(rate_ratio.log_e_value(**alone, ratio=ratio[i])), rel=1e-12)
        assert one_sided[i] == pytest.approx(float(rate_ratio.log_e_value_above(**alone, ratio=ratio[i])), rel=1e-12)
        against = rate_ratio.log_e_value_above_limit(x_b[i], exposure=x_a[i] + 1.0, limit=share[i], concentration=k[i])
        assert limited[i] == pytest.approx(float(against), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: rate_ratio.log_e_value(champion=1, challenger=-1, share=0.5),
            "challenger must be finite and 0 or more, found -1",
            id="a negative count",
        ),
        pytest.param(
            lambda: rate_ratio.log_e_value_above(champion=1, challenger=1, share=0.5, ratio=0),
            "ratio must be finite and above 0, found 0",
            id="a ratio of 0",
        ),
        pytest.param(
            lambda: rate_ratio.confidence_sequence(champion=1, challenger=1, share=1, alpha=0.05),
            "share must lie strictly between 0 and 1, found 1",
            id="one variant without exposure",
        ),
        pytest.param(
            lambda: rate_ratio.confidence_sequence(champion=[1, 2], challenger=[1, 2, 3], share=0.5, alpha=0.05),
            "must have shapes that fit together",
            id="shapes that do not fit",
        ),
        pytest.param(
            lambda: rate_ratio.log_e_value_above_limit(3, exposure=0, limit=1),
            "exposure must be finite and above 0, found 0",
            id="no exposure",
        ),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
