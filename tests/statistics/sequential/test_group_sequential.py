"""Each look spends what the plan allows, whatever the information, and the past is never rewritten."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from model_experiment.statistics.effects.effect import Effect
from model_experiment.statistics.planning import inflation
from model_experiment.statistics.sequential import group_sequential, score_process
from model_experiment.statistics.sequential.group_sequential import LARGEST_BOUND, Look
from model_experiment.statistics.sequential.spending import HwangShihDeCani, OBrienFleming, Pocock, Power, spent
from model_experiment.statistics.tails import Sides

FUNCTIONS = [OBrienFleming(), Pocock(), Power(2.2), HwangShihDeCani(0.0), HwangShihDeCani(-4.0)]
UNEVEN = [0.05, 0.35, 0.4, 0.75, 1.0]

fractions = st.lists(st.floats(0.05, 0.95), min_size=1, max_size=4).map(sorted)
percents = st.sets(st.integers(5, 100), min_size=1, max_size=5).map(lambda chosen: [n / 100 for n in sorted(chosen)])
functions = st.sampled_from(FUNCTIONS)
all_sides = st.sampled_from(Sides)


def history(informations, *, alpha, **design):
    looks = []
    for information in informations:
        looks.append(group_sequential.next_look(looks, information=information, alpha=alpha, **design))
    return looks


def stopped(looks, sides=Sides.TWO):
    return sides * sum(group_sequential.upper_crossings(looks, sides=sides))


def bounds(looks):
    return [look.bound for look in looks]


def test_fourteen_equal_looks_have_the_known_bounds():
    looks = group_sequential.planned_looks(14, alpha=0.05)
    assert bounds(looks[-5:]) == pytest.approx([2.499, 2.379, 2.275, 2.184, 2.103], abs=6e-4)
    assert looks[0].bound == LARGEST_BOUND


@pytest.mark.parametrize("sides", Sides)
def test_one_look_is_the_ordinary_test(sides):
    (only,) = group_sequential.planned_looks(1, alpha=0.05, sides=sides)
    assert only.bound == pytest.approx(stats.norm.isf(0.05 / sides), abs=1e-9)


@pytest.mark.parametrize(("count", "error"), [(1, 0.05), (2, 0.083), (4, 0.126), (5, 0.142), (10, 0.193), (20, 0.248)])
def test_looking_again_and_again_at_one_and_the_same_bound_errs_as_often_as_published(count, error):
    """Armitage, McPherson & Rowe 1969."""
    looks = [Look(t, spent=0.0, bound=1.959964) for t in group_sequential.equal_steps(count)]
    assert stopped(looks) == pytest.approx(error, abs=6e-4)


@pytest.mark.parametrize(
    ("function", "factor"), [(OBrienFleming(), 1.042), (Power(2), 1.087), (Pocock(), 1.258)], ids=repr
)
def test_early_spending_costs_the_known_factor_in_users(function, factor):
    looks = group_sequential.planned_looks(14, alpha=0.05, spending=function)
    assert inflation.sequential(looks, alpha=0.05, power=0.8) == pytest.approx(factor, abs=6e-4)


@pytest.mark.parametrize(
    ("count", "function", "expected"),
    [
        pytest.param(2, Pocock(), [2.157, 2.201], id="Pocock"),
        pytest.param(3, HwangShihDeCani(-4), [3.011, 2.547, 1.999], id="Hwang, Shih and De Cani, gsDesign's default"),
    ],
)
def test_the_bounds_of_other_functions_are_the_published_ones(count, function, expected):
    looks = group_sequential.planned_looks(count, alpha=0.05, spending=function)
    assert bounds(looks) == pytest.approx(expected, abs=6e-4)


@settings(max_examples=15)
@given(fractions, st.floats(0.001, 0.3), functions, all_sides)
def test_planning_ahead_and_going_look_by_look_are_the_same(informations, alpha, spending, sides):
    ahead = group_sequential.looks_at([*informations, 1.0], alpha=alpha, spending=spending, sides=sides)
    stepwise = history([*informations, 1.0], alpha=alpha, spending=spending, sides=sides)
    assert bounds(ahead) == pytest.approx(bounds(stepwise), abs=1e-9)
    assert [look.spent for look in ahead] == [look.spent for look in stepwise]


@settings(max_examples=20)
@given(fractions, st.floats(1e-4, 0.3), functions, all_sides)
def test_what_the_looks_reject_under_no_effect_is_alpha(informations, alpha, spending, sides):
    looks = group_sequential.looks_at([*informations, 1.0], alpha=alpha, spending=spending, sides=sides)
    assert looks[-1].spent == pytest.approx(alpha, rel=1e-12)
    assert stopped(looks, sides) == pytest.approx(alpha, abs=1e-10)


@settings(max_examples=15)
@given(fractions, st.floats(0.001, 0.3), functions, all_sides)
def test_each_look_spends_its_own_part(informations, alpha, function, sides):
    looks = group_sequential.looks_at(informations, alpha=alpha, spending=function, sides=sides)
    planned = sides * spent(function, informations, alpha=alpha / sides)
    crossings = sides * np.cumsum(group_sequential.upper_crossings(looks, sides=sides))
    assert [look.spent for look in looks] == planned.tolist()
    assert crossings.tolist() == pytest.approx(planned.tolist(), abs=1e-10)


def test_forty_irregular_looks_spend_exactly_alpha():
    informations = np.sort(np.random.default_rng(7).uniform(0.01, 1, 40)).tolist()
    looks = group_sequential.looks_at([*informations, 1.0], alpha=0.05)
    assert stopped(looks) == pytest.approx(0.05, abs=1e-10)


@pytest.fixture(scope="module")
def motion():
    """400,000 Brownian motions as z, without drift, looked at unevenly."""
    steps = np.sqrt(np.diff(UNEVEN, prepend=0.0))
    return (np.random.default_rng(11).standard_normal((400_000, 5)) * steps).cumsum(axis=1) / np.sqrt(UNEVEN)


@pytest.mark.parametrize("sides", Sides)
@pytest.mark.parametrize("function", FUNCTIONS, ids=repr)
def test_brownian_motion_stops_by_mistake_as_often_as_each_look_spends(motion, function, sides):
    looks = group_sequential.looks_at(UNEVEN, alpha=0.05, spending=function, sides=sides)
    judged = np.abs(motion) if sides is Sides.TWO else motion
    gone = np.logical_or.accumulate(judged >= bounds(looks), axis=1).mean(axis=0)
    error = math.sqrt(0.05 * 0.95 / len(motion))
    assert gone.tolist() == pytest.approx([look.spent for look in looks], abs=4 * error)


@pytest.mark.parametrize(("first", "second"), [(0.3, 1.0), (0.5, 0.8), (0.9, 0.97), (0.6, 0.62)])
@pytest.mark.parametrize("sides", Sides)
def test_two_looks_agree_with_the_bivariate_normal_distribution(first, second, sides):
    looks = history([first, second], alpha=0.05, sides=sides)
    correlation = math.sqrt(first / second)
    lowest = [-look.bound if sides is Sides.TWO else -math.inf for look in looks]
    inside = stats.multivariate_normal(cov=[[1, correlation], [correlation, 1]]).cdf(bounds(looks), lower_limit=lowest)
    assert 1 - inside == pytest.approx(looks[-1].spent, abs=1e-9)


@pytest.mark.parametrize("drift", [-2.8, 0.0, 2.8, 9.0])
def test_crossings_agree_with_simpsons_rule_on_a_fine_grid(drift):
    """The recursion by its definition, with the drift in the kernel instead of likelihood ratios."""
    looks = group_sequential.looks_at(UNEVEN, alpha=0.05)
    at, scores, masses, expected = 0.0, np.zeros(1), np.ones(1), []
    weights = np.array([1, *[4, 2] * 999, 4, 1]) / 3
    for look in looks:
        edge, moved = look.bound * math.sqrt(look.information), scores + drift * (look.information - at)
        deviation = math.sqrt(look.information - at)
        expected.append(masses @ special.ndtr((moved - edge) / deviation))
        at, scores = look.information, np.linspace(-edge, edge, 2001)
        kernel = np.exp(-np.square((scores[:, np.newaxis] - moved) / deviation) / 2) / math.sqrt(2 * math.pi)
        masses = kernel @ masses / deviation * weights * edge / 1000
    assert group_sequential.upper_crossings(looks, drift=drift) == pytest.approx(expected, abs=1e-9)


def test_an_effect_is_found_as_often_and_as_early_as_simulation_finds_it():
    looks = group_sequential.planned_looks(5, alpha=0.05)
    steps = np.random.default_rng(3).normal(2.8 / 5, math.sqrt(1 / 5), (200_000, 5)).cumsum(axis=1)
    z = steps / np.sqrt([look.information for look in looks])
    outside = np.abs(z) >= bounds(looks)
    first = np.where(outside.any(axis=1), outside.argmax(axis=1), 4)
    upper = [np.mean((first == look) & (z[:, look] >= looks[look].bound)) for look in range(5)]
    assert upper == pytest.approx(list(group_sequential.upper_crossings(looks, drift=2.8)), abs=0.004)
    expected = group_sequential.expected_information(looks, drift=2.8)
    assert np.mean(first + 1) / 5 == pytest.approx(expected, abs=0.002)


def test_a_one_sided_test_that_the_effect_speaks_against_goes_on_to_its_end():
    looks = group_sequential.planned_looks(5, alpha=0.05, sides=Sides.ONE)
    assert group_sequential.expected_information(looks, drift=-4.0, sides=Sides.ONE) == pytest.approx(1, abs=1e-4)
    assert group_sequential.expected_information(looks, drift=4.0, sides=Sides.ONE) < 0.7


@settings(max_examples=30)
@given(percents, st.floats(0.001, 0.5), st.floats(0.001, 0.5), functions)
def test_less_alpha_makes_every_bound_higher(informations, one, other, spending):
    strict, loose = (
        group_sequential.looks_at(informations, alpha=alpha, spending=spending) for alpha in sorted((one, other))
    )
    assert all(high.bound >= low.bound - 1e-9 for high, low in zip(strict, loose, strict=True))


@settings(max_examples=30)
@given(percents, st.floats(0.001, 0.1), functions)
def test_two_sides_are_two_one_sided_tests_at_half_of_alpha_but_for_paths_that_pass_both_bounds(
    informations, alpha, spending
):
    two = group_sequential.looks_at(informations, alpha=alpha, spending=spending)
    one = group_sequential.looks_at(informations, alpha=alpha / 2, spending=spending, sides=Sides.ONE)
    assert one[0].bound == two[0].bound
    assert all(0 <= high.bound - low.bound + 1e-9 < 1e-3 for high, low in zip(one, two, strict=True))


@settings(max_examples=15)
@given(fractions, st.floats(0.01, 0.2), all_sides)
def test_a_final_look_spends_all_and_is_never_stricter_than_a_planned_one(informations, alpha, sides):
    looks = history(informations[:-1], alpha=alpha, sides=sides)
    planned = group_sequential.next_look(looks, information=informations[-1], alpha=alpha, sides=sides)
    final = group_sequential.final_look(looks, information=informations[-1], alpha=alpha, sides=sides)
    assert final.spent == alpha
    assert final.bound <= planned.bound + 1e-9
    assert stopped([*looks, final], sides) == pytest.approx(alpha, abs=1e-10)


def test_a_look_without_new_information_cannot_stop():
    looks = history([0.4, 0.4], alpha=0.05)
    assert looks[1].bound == LARGEST_BOUND
    assert looks[1].spent == looks[0].spent


@pytest.mark.parametrize("step", [0.0, 1e-15, 1e-9, 1e-6, 1e-4, 1e-3])
def test_a_final_look_may_come_with_hardly_any_new_information(step):
    looks = history([0.3, 0.6], alpha=0.05)
    final = group_sequential.final_look(looks, information=0.6 + step, alpha=0.05)
    once = group_sequential.final_look(looks[:1], information=0.6, alpha=0.05)
    assert final.bound == pytest.approx(once.bound, abs=2e-3)


@settings(max_examples=10)
@given(
    st.lists(st.floats(-9, -1), min_size=1, max_size=4),
    st.floats(1e-6, 0.2),
    st.one_of(functions, st.builds(HwangShihDeCani, st.floats(-20, 20))),
    all_sides,
)
def test_steps_of_any_size_spend_what_they_should(powers, alpha, spending, sides):
    late = [1 - 10**power for power in sorted(powers, reverse=True)]
    early = [10**power for power in sorted(powers)]
    for informations in (early, late):
        looks = group_sequential.looks_at([*informations, 1.0], alpha=alpha, spending=spending, sides=sides)
        assert stopped(looks, sides) == pytest.approx(alpha, abs=1e-10)


def test_a_look_that_has_nothing_to_spend_leaves_the_next_one_its_own():
    """The far bound makes a grid that is empty at its ends."""
    so_far = [Look(0.5, spent=1e-6, bound=4.8), Look(1 - 1e-8, spent=1e-6, bound=LARGEST_BOUND)]
    final = group_sequential.final_look(so_far, information=1.0, alpha=1.001e-6)
    assert stopped([so_far[0], so_far[1], final]) == pytest.approx(stopped(so_far[:1]) + 1e-9, abs=1e-13)


def test_the_bound_of_a_look_takes_the_stored_bounds_as_they_are():
    """Paths that a stricter past let go on may still stop now, so less is left for the others."""
    as_planned = [Look(0.5, spent=0.003, bound=2.9626)]
    stricter = [Look(0.5, spent=0.003, bound=5.0)]
    before, after = (group_sequential.next_look(past, information=1.0, alpha=0.05) for past in (as_planned, stricter))
    assert after.bound > before.bound + 0.01


@settings(max_examples=20)
@given(fractions, functions, functions)
def test_spent_alpha_never_falls_even_where_the_function_changes(informations, one, other):
    first = history(informations, alpha=0.05, spending=one)
    last = group_sequential.next_look(first, information=0.96, alpha=0.05, spending=other)
    gone = [look.spent for look in (*first, last)]
    assert gone == sorted(gone)
    assert stopped([*first, last]) == pytest.approx(last.spent, abs=1e-10)


def test_bounds_beyond_the_farthest_stop_nobody():
    far, farther = (
        group_sequential.next_look([Look(0.5, 0.0, bound)], information=1.0, alpha=0.05)
        for bound in (LARGEST_BOUND, 1e6)
    )
    assert far == farther
    assert far.bound == pytest.approx(1.959964, abs=1e-6)


@settings(max_examples=50)
@given(st.floats(-6, 6), st.sampled_from([30.0, 198.0, math.inf]), st.integers(0, 4))
def test_the_repeated_confidence_interval_excludes_no_effect_exactly_where_the_test_stops(z, freedom, number):
    look, effect = group_sequential.planned_looks(5, alpha=0.05)[number], Effect(z * 0.3, 0.3, freedom)
    assert effect.interval(look.bound).contains(0.0) == (abs(effect.z) < look.bound)


def test_nominal_p_values_are_the_tails_beyond_the_bounds():
    looks = group_sequential.planned_looks(4, alpha=0.05)
    expected = [2 * stats.norm.sf(look.bound) for look in looks]
    assert group_sequential.nominal_p_values(looks) == pytest.approx(expected, rel=1e-12)
    assert group_sequential.nominal_p_values(looks, sides=Sides.ONE)[3] == pytest.approx(expected[3] / 2, rel=1e-12)


def test_the_known_looks_of_an_experiment_past_its_plan_count_as_full_information():
    assert group_sequential.information_fraction(1200, planned=1000) == 1.0
    assert group_sequential.information_fraction(250, planned=1000) == 0.25


@pytest.mark.parametrize("points", [32, 64, 1024])
def test_the_integration_rule_is_that_of_gauss_and_legendre(points):
    nodes, weights = score_process._gauss_legendre(points)
    expected_nodes, expected_weights = special.roots_legendre(points)
    assert nodes.tolist() == pytest.approx(expected_nodes.tolist(), abs=1e-14)
    assert weights.tolist() == pytest.approx(expected_weights.tolist(), abs=1e-13)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: group_sequential.looks_at([0.5, 0.4], alpha=0.05),
            "information must not fall from look to look, found 0.4 after 0.5",
            id="a plan that goes back",
        ),
        pytest.param(
            lambda: group_sequential.looks_at([0.5, 1.5], alpha=0.05),
            "information must be above 0 and at most 1, found 1.5",
            id="a plan past its end",
        ),
        pytest.param(
            lambda: group_sequential.looks_at([math.nan], alpha=0.05),
            "information must be above 0 and at most 1, found nan",
            id="a plan with an unknown look",
        ),
        pytest.param(
            lambda: group_sequential.looks_at([], alpha=0.0),
            "alpha must lie strictly between 0 and 1, found 0",
            id="an alpha of 0",
        ),
        pytest.param(
            lambda: group_sequential.planned_looks(1, alpha=0.7, sides=Sides.ONE),
            "alpha must leave room for a bound above 0, found 0.7 to spend where z is above 0 with probability 0.5",
            id="a one-sided test that stops at nothing",
        ),
        pytest.param(
            lambda: group_sequential.next_look([Look(0.5, 0.001, 0.01)], information=1.0, alpha=0.05),
            "alpha must leave room for a bound above 0, found 0.0245 to spend where z is above 0 with .* 0.00398936",
            id="a history that stopped nearly all without spending",
        ),
        pytest.param(
            lambda: group_sequential.next_look(
                [Look(0.2, 0.04, 2.0), Look(0.4, 0.001, 3.0)], information=0.5, alpha=0.05
            ),
            "spent must not fall from look to look, found 0.001 after 0.04",
            id="a history that gives alpha back",
        ),
        pytest.param(
            lambda: group_sequential.upper_crossings([Look(0.4, 0.01, 3.0), Look(0.2, 0.02, 3.0)]),
            "information must not fall from look to look, found 0.2 after 0.4",
            id="looks out of order",
        ),
        pytest.param(
            lambda: group_sequential.upper_crossings([Look(0.4, 0.01, 3.0)], drift=math.inf),
            "drift must be finite, found inf",
            id="an infinite drift",
        ),
        pytest.param(
            lambda: group_sequential.expected_information([]), "looks must be one or more, found none", id="no looks"
        ),
        pytest.param(
            lambda: group_sequential.planned_looks(1.5, alpha=0.05),
            "count must be whole and 1 or more, found 1.5",
            id="half a look",
        ),
        pytest.param(
            lambda: group_sequential.planned_looks(5, alpha=1e-300),
            "alpha must be 1e-12 or more, found 1e-300",
            id="an alpha below what the largest bound spends by itself",
        ),
        pytest.param(
            lambda: group_sequential.next_look([], information=[0.5, 0.7], alpha=0.05),
            r"information must be above 0 and at most 1, found \[0.5, 0.7\]",
            id="several informations for one look",
        ),
    ],
)
def test_a_bad_argument_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        call()
