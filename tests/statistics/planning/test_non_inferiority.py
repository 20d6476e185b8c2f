"""Non-inferiority plans agree with the definition of the likeliest rates, and sizes with their power."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from model_experiment.statistics.planning import means, non_inferiority
from model_experiment.statistics.tails import Sides

PLAN = {"alpha": 0.05, "power": 0.9}
RATES = {"champion": 0.1, "challenger": 0.1, "limit": -0.03}
rates = st.floats(0.001, 0.999)


def total_by_definition(champion, challenger, limit, share):
    """The formula of the paper with its likeliest rates found by brute force."""

    def unlikeliness(new):
        old = new - limit
        terms = (share * challenger, new), (share * (1 - challenger), 1 - new)
        others = ((1 - share) * champion, old), ((1 - share) * (1 - champion), 1 - old)
        return -sum(weight * math.log(rate) for weight, rate in (*terms, *others))

    low, high = max(0, limit), min(1, 1 + limit)
    new = optimize.minimize_scalar(unlikeliness, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x
    spread = [
        math.sqrt(b * (1 - b) / share + a * (1 - a) / (1 - share))
        for a, b in ((new - limit, new), (champion, challenger))
    ]
    reach = stats.norm.isf(0.05) * spread[0] + stats.norm.ppf(0.9) * spread[1]
    return (reach / (challenger - champion - limit)) ** 2


@settings(max_examples=50)
@given(rates, rates, st.floats(-0.5, 0.5), st.floats(0.01, 0.99))
def test_sizes_are_those_of_the_definition_and_have_the_planned_power(champion, challenger, limit, share):
    if abs(challenger - champion - limit) < 0.01:
        return
    plan = {"champion": champion, "challenger": challenger, "limit": limit, "share": share}
    sizes = non_inferiority.required_for_rates(**plan, **PLAN)
    assert sizes.total == pytest.approx(total_by_definition(**plan), rel=1e-5)
    assert sizes.challenger == pytest.approx(float(sizes.total) * share)
    assert non_inferiority.power_for_rates(total=sizes.total, alpha=0.05, **plan) == pytest.approx(0.9, abs=1e-9)


@settings(max_examples=50)
@given(rates, rates, st.floats(-0.5, 0.5), st.floats(0.01, 0.99))
def test_swapping_the_variants_mirrors_the_sizes(champion, challenger, limit, share):
    if abs(challenger - champion - limit) < 0.01:
        return
    one = non_inferiority.required_for_rates(champion=champion, challenger=challenger, limit=limit, share=share, **PLAN)
    other = non_inferiority.required_for_rates(
        champion=challenger, challenger=champion, limit=-limit, share=1 - share, **PLAN
    )
    assert one.champion == pytest.approx(float(other.challenger), rel=1e-6)


@pytest.mark.parametrize(
    ("champion", "challenger", "limit", "likeliest"),
    [
        pytest.param(0.0, 0.0, -0.1, 0.0, id="no events at all"),
        pytest.param(1.0, 1.0, -0.1, 0.9, id="nothing but events"),
        pytest.param(0.0, 0.0, 0.1, 0.1, id="no events, and more are allowed"),
        pytest.param(1e-6, 1e-6, 1e-6, 1e-6 * (1 + math.sqrt(0.5)), id="rare events keep their digits"),
    ],
)
def test_the_likeliest_rate_at_the_ends(champion, challenger, limit, likeliest):
    # From v_0 alone: a power of one half is reached where the distance is z_alpha sqrt(v_0).
    variance = 2 * sum(rate * (1 - rate) for rate in (likeliest, likeliest - limit))
    total = stats.norm.isf(0.05) ** 2 * variance / (challenger - champion - limit) ** 2
    plan = {"champion": champion, "challenger": challenger, "limit": limit}
    assert non_inferiority.required_for_rates(**plan, alpha=0.05, power=0.5).total == pytest.approx(total, rel=1e-5)


def test_many_plans_at_once_give_what_each_gives_alone():
    limits, shares = np.array([[-0.1], [0.02]]), np.array([0.01, 0.5, 0.9])
    together = non_inferiority.required_for_rates(**RATES | {"limit": limits}, share=shares, **PLAN)
    for index in np.ndindex(2, 3):
        alone = non_inferiority.required_for_rates(
            **RATES | {"limit": limits[index[0], 0]}, share=shares[index[1]], **PLAN
        )
        assert together.champion[index] == pytest.approx(float(alone.champion), rel=1e-9)


def test_means_are_a_one_sided_t_test_of_the_distance_to_the_limit():
    plan = {"standard_deviation": 4.0, "difference": 0.5, "limit": -0.5}
    even = non_inferiority.required_for_means(**plan, **PLAN)
    assert even.champion == pytest.approx(float(means.required_per_variant(0.25, sides=Sides.ONE, **PLAN)))
    uneven = non_inferiority.required_for_means(**plan, share=0.1, **PLAN)
    assert uneven.total == pytest.approx(float(even.total) / 0.36)
    assert uneven.challenger == pytest.approx(float(uneven.total) * 0.1)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        pytest.param({"limit": 0.0}, "limit must not be the expected difference, found 0 for both", id="at the limit"),
        pytest.param({"limit": -1.0}, "limit must lie strictly between -1 and 1, found -1", id="an impossible limit"),
        pytest.param({"limit": math.nan}, "limit must be finite, found nan", id="a limit that is NaN"),
        pytest.param({"champion": 1.2}, "champion must lie between 0 and 1, found 1.2", id="a rate above 1"),
        pytest.param({"share": 0.0}, "share must lie strictly between 0 and 1, found 0", id="no share"),
    ],
)
def test_a_bad_argument_is_refused_by_name(changed, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        non_inferiority.required_for_rates(**RATES | changed, **PLAN)
