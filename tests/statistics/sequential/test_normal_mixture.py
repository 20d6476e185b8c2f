"""The anytime interval and the anytime evidence are two views of one thing, and many names of it."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from model_experiment.statistics.effects.effect import Effect
from model_experiment.statistics.sequential import e_values
from model_experiment.statistics.sequential.normal_mixture import NormalMixture, OneSidedNormalMixture

sizes = st.floats(10, 1e7)
alphas = st.floats(0.001, 0.3)
mixtures = pytest.mark.parametrize("kind", [NormalMixture, OneSidedNormalMixture])


@pytest.mark.parametrize(
    ("kind", "alpha", "multiplier"),
    [
        (NormalMixture, 0.10, 2.76),
        (NormalMixture, 0.05, 3.035),
        (NormalMixture, 0.01, 3.57),
        (NormalMixture, 0.001, 4.21),
        (OneSidedNormalMixture, 0.05, 2.77),
    ],
    ids=str,
)
def test_the_price_of_looking_always_at_the_tuned_size(kind, alpha, multiplier):
    mixture = kind.tuned_at(5000, alpha=alpha)
    assert mixture.multiplier(5000, alpha=alpha) == pytest.approx(multiplier, abs=0.006)


@pytest.mark.parametrize(("factor", "multiplier"), [(0.25, 3.26), (1, 3.035), (4, 3.13)])
def test_the_price_is_higher_before_and_after_the_tuned_size(factor, multiplier):
    mixture = NormalMixture.tuned_at(5000, alpha=0.05)
    assert mixture.multiplier(5000 * factor, alpha=0.05) == pytest.approx(multiplier, abs=0.006)


@settings(max_examples=50)
@given(st.floats(-20, 20), sizes, sizes, alphas)
def test_the_interval_excludes_no_effect_exactly_where_the_evidence_reaches_its_threshold(z, size, tuned, alpha):
    mixture = NormalMixture.tuned_at(tuned, alpha=0.05)
    log_e = mixture.log_e_value(z, size)
    assume(abs(e_values.anytime_p_value(log_e) - alpha) > 1e-9)
    excluded = not Effect(z, 1.0).interval(float(mixture.multiplier(size, alpha=alpha))).contains(0.0)
    assert excluded == (e_values.anytime_p_value(log_e) < alpha)


@settings(max_examples=50)
@given(sizes, sizes, alphas)
def test_the_one_sided_evidence_reaches_its_threshold_exactly_at_the_multiplier(size, tuned, alpha):
    mixture = OneSidedNormalMixture.tuned_at(tuned, alpha=0.05)
    at = mixture.multiplier(size, alpha=alpha)
    assert mixture.log_e_value(at, size) == pytest.approx(-math.log(alpha), abs=1e-9)


@settings(max_examples=50)
@given(sizes, sizes, alphas)
def test_the_closed_one_sided_multiplier_is_above_the_exact_one_and_that_below_the_two_sided(size, tuned, alpha):
    mixture = OneSidedNormalMixture.tuned_at(tuned, alpha=0.05)
    exact, closed = (way(size, alpha=alpha) for way in (mixture.multiplier, mixture.closed_multiplier))
    assert exact <= closed + 1e-9
    assert exact <= NormalMixture(mixture.rho).multiplier(size, alpha=alpha) + 1e-9


@mixtures
@settings(max_examples=50)
@given(size=sizes, tuned=sizes, one=alphas, other=alphas)
def test_less_alpha_makes_a_wider_interval(kind, size, tuned, one, other):
    mixture = kind.tuned_at(tuned, alpha=0.05)
    smaller, larger = sorted((one, other))
    assert mixture.multiplier(size, alpha=smaller) >= mixture.multiplier(size, alpha=larger) - 1e-9


def gaussian_mixture(lower, *, z, size, rho):
    """The likelihood ratio of a drift d against 0, averaged over the normal prior N(0, 1/rho) above ``lower``."""
    score, prior = z * math.sqrt(size), stats.norm(scale=1 / math.sqrt(rho))
    ratio = lambda d: math.exp(d * score - d * d * size / 2) * prior.pdf(d)  # noqa: E731 - a formula
    peak = score / (size + rho)
    return integrate.quad(ratio, max(lower, -2), 2, points=[peak])[0] / prior.sf(lower)


@pytest.mark.parametrize("z", [-3.0, -0.5, 0.0, 1.0, 2.5])
def test_the_evidence_is_the_likelihood_ratio_averaged_over_its_prior(z):
    given_that = {"z": z, "size": 400.0, "rho": 90.0}
    two_sided, one_sided = NormalMixture(90.0).log_e_value(z, 400.0), OneSidedNormalMixture(90.0).log_e_value(z, 400.0)
    assert two_sided == pytest.approx(math.log(gaussian_mixture(-np.inf, **given_that)), abs=1e-8)
    assert one_sided == pytest.approx(math.log(gaussian_mixture(0.0, **given_that)), abs=1e-8)


@settings(max_examples=50)
@given(st.floats(-1, 1), st.floats(1e-3, 1), st.floats(1e-3, 1))
def test_the_msprt_is_the_mixture_on_the_clock_of_the_precision(difference, error, spread):
    """Johari, Pekelis & Walsh: sqrt(V/(V + tau^2)) exp(tau^2 d^2 / (2 V (V + tau^2)))."""
    variance, prior = error**2, spread**2
    total = variance + prior
    msprt = math.log(variance / total) / 2 + prior * difference**2 / (2 * variance * total)
    found = NormalMixture(1 / prior).log_e_value(difference / error, 1 / variance)
    assert found == pytest.approx(msprt, rel=1e-12, abs=1e-12)


@settings(max_examples=50)
@given(st.floats(0.01, 10), sizes, sizes, alphas)
def test_growthbook_and_the_asymptotic_confidence_sequence_are_the_same_radius(error, size, tuned, alpha):
    """GrowthBook writes N for the users of the pair and the variance of the difference as error^2 N."""
    mixture = NormalMixture.tuned_at(tuned, alpha=alpha)
    found = mixture.multiplier(size, alpha=alpha) * error
    squared = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / tuned
    deviation = error * math.sqrt(size)
    inside = 2 * (size * squared + 1) / (size**2 * squared) * math.log(math.sqrt(size * squared + 1) / alpha)
    assert found == pytest.approx(deviation * math.sqrt(inside), rel=1e-12)
    rho = math.sqrt(squared)  # Waudby-Smith et al., equation 9, for a mean of n observations
    other = deviation * math.sqrt((size * rho**2 + 1) / (size**2 * rho**2) * math.log((size * rho**2 + 1) / alpha**2))
    assert found == pytest.approx(other, rel=1e-12)


@mixtures
def test_no_data_is_no_evidence(kind):
    assert kind.tuned_at(5000, alpha=0.05).log_e_value(3.0, 0) == 0.0


def test_evidence_beyond_a_float_is_cut_for_readers_and_gives_the_smallest_p_value():
    log_e = NormalMixture.tuned_at(5000, alpha=0.05).log_e_value(100.0, 5000)
    assert log_e > 1000
    assert e_values.e_value(log_e) == pytest.approx(8.2e307, rel=0.01)
    assert e_values.anytime_p_value(log_e) == 0.0


def test_a_large_decrease_is_next_to_no_evidence_of_an_increase_but_a_number():
    found = OneSidedNormalMixture(100.0).log_e_value([-30.0, -1e6, -1e12], 10_000)
    assert np.isfinite(found).all()
    assert (np.diff(found) < 0).all()
    # Phi(y) exp(y^2/2) is 1 / (-y sqrt(2 pi)) far below 0.
    far = 1e12 * math.sqrt(10_000 / 10_100)
    assert found[2] == pytest.approx(math.log(2 / far / math.sqrt(2 * math.pi)) - math.log(101) / 2, abs=1e-9)


@mixtures
def test_many_experiments_at_once_give_what_each_gives_alone(kind):
    z, size, tuned, alpha = [-1.0, 2.0, 3.0], [100, 2000, 1e9], [200, 2000, 1e8], [0.1, 0.05, 1e-6]
    many = kind.tuned_at(tuned, alpha=alpha)
    alone = [kind.tuned_at(planned, alpha=level) for planned, level in zip(tuned, alpha, strict=True)]
    assert many.log_e_value(z, size).tolist() == pytest.approx(
        [float(one.log_e_value(*at)) for one, at in zip(alone, zip(z, size, strict=True), strict=True)], rel=1e-12
    )
    assert many.multiplier(size, alpha=alpha).tolist() == pytest.approx(
        [float(one.multiplier(n, alpha=level)) for one, n, level in zip(alone, size, alpha, strict=True)], rel=1e-10
    )


@mixtures
def test_the_evidence_of_a_missing_effect_is_missing(kind):
    assert np.isnan(kind(100.0).log_e_value([math.nan, 1.0], 50)).tolist() == [True, False]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(lambda: OneSidedNormalMixture(0.0), "rho must be finite and above 0, found 0", id="rho of 0"),
        pytest.param(
            lambda: OneSidedNormalMixture.tuned_at(100, alpha=0.5),
            "alpha must lie below 0.5 for a one-sided mixture, found 0.5",
            id="a one-sided alpha of a half",
        ),
        pytest.param(
            lambda: OneSidedNormalMixture(1.0).log_e_value(math.inf, 10), "z must be finite, found inf", id="infinite z"
        ),
        pytest.param(
            lambda: NormalMixture(1.0).log_e_value(-math.inf, 10), "z must be finite, found -inf", id="z of -infinity"
        ),
        pytest.param(
            lambda: OneSidedNormalMixture(1.0).multiplier(0, alpha=0.05),
            "sample_size must be finite and above 0, found 0",
            id="a bound before any data",
        ),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
