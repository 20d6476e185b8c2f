"""The anytime t: its interval and its evidence agree, and it grows into the normal mixture."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from model_experiment.statistics import tails
from model_experiment.statistics.effects.effect import Effect
from model_experiment.statistics.sequential.anytime_t import AnytimeT
from model_experiment.statistics.sequential.normal_mixture import NormalMixture

freedoms = st.floats(1, 1000)
sizes = st.floats(2, 1e6)
alphas = st.floats(1e-6, 0.5)


@settings(max_examples=50)
@given(st.floats(-50, 50), sizes, freedoms, st.floats(0.01, 1e4), alphas)
def test_the_interval_excludes_no_effect_exactly_where_the_evidence_reaches_its_threshold(t, size, freedom, g, alpha):
    mixture = AnytimeT(g)
    log_e = mixture.log_e_value(t, size, degrees_of_freedom=freedom)
    assume(abs(log_e + math.log(alpha)) > 1e-9)
    excluded = abs(t) > mixture.multiplier(size, degrees_of_freedom=freedom, alpha=alpha)
    assert excluded == (log_e > -math.log(alpha))


@pytest.mark.parametrize("freedom", [3, 38])
@pytest.mark.parametrize("t", [0.0, -2.0, 5.0])
def test_the_evidence_is_the_ratio_of_noncentral_and_central_t_averaged_over_its_prior(freedom, t):
    """The noncentrality has the variance n/g under the prior, so that of t is 1/r under the alternative."""
    size, g = 40.0, 10.0
    deviation = math.sqrt(size / g)
    density = lambda c: stats.nct.pdf(t, freedom, c) * stats.norm.pdf(c, scale=deviation)  # noqa: E731 - a formula
    mixed = integrate.quad(density, -10 * deviation, 10 * deviation, points=[t])[0]
    found = AnytimeT(g).log_e_value(t, size, degrees_of_freedom=freedom)
    assert found == pytest.approx(math.log(mixed / stats.t.pdf(t, freedom)), abs=1e-6)


def test_with_many_degrees_of_freedom_it_is_the_normal_mixture():
    t, size, g = [0.5, 3.0, 6.0], 4000, 500
    found = AnytimeT(g).log_e_value(t, size, degrees_of_freedom=1e9)
    assert found == pytest.approx(NormalMixture(g).log_e_value(t, size), abs=1e-6)
    multiplier = AnytimeT(g).multiplier(size, degrees_of_freedom=1e9, alpha=0.05)
    assert multiplier == pytest.approx(float(NormalMixture(g).multiplier(size, alpha=0.05)), abs=1e-6)


@pytest.mark.parametrize("freedom", [1, 4, 30, 1000])
@pytest.mark.parametrize("alpha", [0.5, 0.05, 1e-6])
def test_the_tuned_interval_is_the_narrowest(freedom, alpha):
    at = {"degrees_of_freedom": freedom, "alpha": alpha}
    tuned = AnytimeT.tuned_at(100, **at)
    best = optimize.minimize_scalar(
        lambda log_g: float(np.minimum(AnytimeT(math.exp(log_g)).multiplier(100, **at), 1e300)),
        bounds=(math.log(tuned.g) - 3, math.log(tuned.g) + 1),
        method="bounded",
    )
    assert tuned.multiplier(100, **at) <= best.fun * (1 + 1e-12)
    assert math.log(tuned.g) == pytest.approx(best.x, abs=1e-3)


def test_too_little_data_for_a_mixture_tuned_far_ahead_gives_no_limit():
    assert AnytimeT(1000).multiplier(5, degrees_of_freedom=3, alpha=0.05) == math.inf
    assert AnytimeT(1000).log_e_value(1e9, 5, degrees_of_freedom=3) < -math.log(0.05)


def test_mapped_to_z_the_multiplier_serves_an_effect():
    reach = AnytimeT(10.0).multiplier(40, degrees_of_freedom=38, alpha=0.05)
    interval = Effect(2.0, 0.5, 38).interval(float(tails.z_of_t(reach, 38)))
    assert interval.high == pytest.approx(2 + 0.5 * float(reach), rel=1e-9)


@settings(max_examples=50)
@given(sizes, freedoms, alphas, alphas)
def test_less_alpha_makes_a_wider_interval(size, freedom, one, other):
    smaller, larger = sorted((one, other))
    mixture = AnytimeT(5.0)
    wide, narrow = (mixture.multiplier(size, degrees_of_freedom=freedom, alpha=alpha) for alpha in (smaller, larger))
    assert wide >= narrow


def test_many_experiments_at_once_give_what_each_gives_alone():
    t, size, freedom, alpha = [-1.0, 2.0, 30.0], [10, 2000, 1e9], [8, 98, 1e6], [0.1, 0.05, 1e-6]
    many = AnytimeT.tuned_at(size, degrees_of_freedom=freedom, alpha=alpha)
    reach = many.multiplier(size, degrees_of_freedom=freedom, alpha=alpha)
    log_e = many.log_e_value(t, size, degrees_of_freedom=freedom)
    for number, (n, nu, level) in enumerate(zip(size, freedom, alpha, strict=True)):
        alone = AnytimeT.tuned_at(n, degrees_of_freedom=nu, alpha=level)
        assert many.g[number] == pytest.approx(float(alone.g), rel=1e-9)
        assert reach[number] == pytest.approx(float(alone.multiplier(n, degrees_of_freedom=nu, alpha=level)), rel=1e-9)
        assert log_e[number] == pytest.approx(float(alone.log_e_value(t[number], n, degrees_of_freedom=nu)), rel=1e-9)


def test_no_data_is_no_evidence_and_a_missing_t_is_missing_evidence():
    found = AnytimeT(1.0).log_e_value([3.0, math.nan], 0, degrees_of_freedom=5)
    assert found[0] == pytest.approx(0.0, abs=1e-15)
    assert math.isnan(found[1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(lambda: AnytimeT(0), "g must be finite and above 0, found 0", id="g of 0"),
        pytest.param(
            lambda: AnytimeT(1).log_e_value(math.inf, 10, degrees_of_freedom=3), "t must be finite", id="infinite t"
        ),
        pytest.param(
            lambda: AnytimeT(1).multiplier(10, degrees_of_freedom=0, alpha=0.05),
            "degrees_of_freedom must be finite and above 0, found 0",
            id="no degrees of freedom",
        ),
        pytest.param(
            lambda: AnytimeT.tuned_at([10, 20], degrees_of_freedom=[1, 2, 3], alpha=0.05),
            "must have shapes that fit together",
            id="shapes that do not fit",
        ),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
