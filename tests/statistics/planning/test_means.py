"""Plans of means agree with the definition of the t test's power, and each question undoes the other."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from model_experiment.statistics.planning import means, relative
from model_experiment.statistics.tails import Sides

sides = st.sampled_from(Sides)


def power_by_definition(effect, users, tail):
    """P((Z + shift) / sqrt(V / df) > t), over what the variance V may be."""
    freedom, shift = 2 * users - 2, effect * math.sqrt(users / 2)
    critical = stats.t.isf(tail, freedom)

    def over(share):
        return stats.norm.sf(critical * math.sqrt(stats.chi2.ppf(share, freedom) / freedom) - shift)

    return integrate.quad(over, 0, 1, epsabs=1e-10, limit=200)[0]


@pytest.mark.parametrize(("effect", "users"), [(1.0, 20), (0.2, 300), (3.0, 3), (0.0, 12)])
@pytest.mark.parametrize("side", Sides)
def test_power_is_that_of_the_definition(effect, users, side):
    found = means.power_of(effect, per_variant=users, alpha=0.05, sides=side)
    assert found == pytest.approx(power_by_definition(effect, users, 0.05 / side), abs=1e-8)


@settings(max_examples=50)
@given(st.floats(1e-4, 3.0), st.floats(0.5, 0.99), st.floats(1e-6, 0.2), sides)
def test_the_planned_users_have_the_planned_power_and_detect_the_planned_effect(effect, power, alpha, side):
    plan = {"alpha": alpha, "sides": side}
    users = means.required_per_variant(effect, power=power, **plan)
    if users > 2:
        assert means.power_of(effect, per_variant=users, **plan) == pytest.approx(power, abs=1e-9)
        assert means.detectable_effect_size(users, power=power, **plan) == pytest.approx(effect, rel=1e-6)
    else:
        assert means.power_of(effect, per_variant=2, **plan) >= power


def test_one_side_at_alpha_is_two_sides_at_twice_alpha():
    one = means.required_per_variant(0.3, alpha=0.05, power=0.8, sides=Sides.ONE)
    assert one == pytest.approx(float(means.required_per_variant(0.3, alpha=0.10, power=0.8)), rel=1e-9)


def test_with_many_users_the_t_is_a_normal_that_costs_one_user_more():
    exact, normal = (
        float(module(0.01))
        for module in (
            lambda d: means.required_per_variant(d, alpha=0.05, power=0.8),
            lambda d: relative.required_per_variant(d, variation=1.0, alpha=0.05, power=0.8),
        )
    )
    assert exact - normal == pytest.approx(stats.norm.isf(0.025) ** 2 / 4, abs=0.01)


def test_many_plans_at_once_give_what_each_gives_alone():
    effects, powers = np.array([[-1e-4], [0.5], [30.0]]), np.array([0.8, 0.9])
    together = means.required_per_variant(effects, alpha=0.05, power=powers)
    alone = [[float(means.required_per_variant(d, alpha=0.05, power=p)) for p in powers] for d in effects[:, 0]]
    assert together == pytest.approx(np.array(alone), rel=1e-12)


@pytest.mark.parametrize("users", [2, 3])
def test_a_tiny_alpha_with_hardly_any_users_asks_for_a_huge_effect_and_not_for_nothing(users):
    """Beyond a shift of 1e5 SciPy's noncentral t is NaN; there T' is the shift over a chi."""
    found = means.detectable_effect_size(users, alpha=1e-24, power=0.8)
    freedom = 2 * users - 2
    critical, chi = -special.stdtrit(freedom, 0.5e-24), math.sqrt(stats.chi2.ppf(0.8, freedom) / freedom)
    assert found == pytest.approx(critical * chi / math.sqrt(users / 2), rel=1e-9)
    assert means.power_of([0.99e5, 1.01e5], per_variant=2, alpha=3e-10) == pytest.approx(
        stats.chi2.cdf(2 * (np.array([0.99e5, 1.01e5]) / stats.t.isf(1.5e-10, 2)) ** 2, 2), rel=1e-6
    )
    assert means.power_of(1e150, per_variant=1e9, alpha=0.05) == 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: means.required_per_variant([1.0, 0.0], alpha=0.05, power=0.8),
            "effect_size must not be 0, found 0",
            id="a plan for no effect",
        ),
        pytest.param(
            lambda: means.required_per_variant(math.nan, alpha=0.05, power=0.8),
            "effect_size must be finite, found nan",
            id="an effect that is NaN",
        ),
        pytest.param(
            lambda: means.power_of(1.0, per_variant=1, alpha=0.05),
            "per_variant must be finite and 2 or more, found 1",
            id="one user has no variance",
        ),
        pytest.param(
            lambda: means.detectable_effect_size(10, alpha=1.0, power=0.8),
            "alpha must lie strictly between 0 and 1, found 1",
            id="alpha of 1",
        ),
    ],
)
def test_a_bad_argument_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
