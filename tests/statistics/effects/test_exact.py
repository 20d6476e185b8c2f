"""Exact tests: sums over all outcomes where these are few, other oracles where they are not."""

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from model_experiment.statistics.effects import exact
from model_experiment.statistics.effects.exact import EventRate
from model_experiment.statistics.not_estimable import NotEstimable
from model_experiment.statistics.summaries.proportions import Proportion

BILLION = 10**9

groups = st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
rates = st.tuples(st.integers(0, 40), st.sampled_from([0.1, 1.0, 2.0, 99.0]))


def fisher(champion, challenger):
    return exact.fisher(champion=Proportion(*champion), challenger=Proportion(*challenger))


def poisson(champion, challenger):
    return exact.poisson(champion=EventRate(*champion), challenger=EventRate(*challenger))


def p_values(test):
    return [math.exp(log_p.single) for log_p in (test.log_p_increase, test.log_p_decrease, test.log_p_two_sided)]


def by_definition(law, x, outcomes):
    likely = law.pmf(outcomes)
    no_more_likely = likely <= law.pmf(x) * (1 + 1e-7)
    return [likely[outcomes >= x].sum(), likely[outcomes <= x].sum(), likely[no_more_likely].sum()]


@settings(max_examples=100)
@given(groups, groups)
def test_fishers_p_values_are_sums_over_outcomes(champion, challenger):
    (x_old, n_old), (x_new, n_new) = champion, challenger
    law = stats.hypergeom(n_old + n_new, x_old + x_new, n_new)
    expected = by_definition(law, x_new, np.arange(n_new + 1))
    assert p_values(fisher(champion, challenger)) == pytest.approx(expected, rel=1e-10)


@settings(max_examples=100)
@given(rates, rates)
def test_poisson_p_values_are_sums_over_outcomes(champion, challenger):
    (x_old, w_old), (x_new, w_new) = champion, challenger
    law = stats.binom(x_old + x_new, w_new / (w_old + w_new))
    expected = by_definition(law, x_new, np.arange(x_old + x_new + 1))
    assert p_values(poisson(champion, challenger)) == pytest.approx(expected, rel=1e-10)


@settings(max_examples=50)
@given(groups, groups, rates, rates)
def test_swapping_the_variants_swaps_the_sides(one, other, rate, other_rate):
    for test, old, new in ((fisher, one, other), (poisson, rate, other_rate)):
        forth, back = p_values(test(old, new)), p_values(test(new, old))
        assert forth == pytest.approx([back[1], back[0], back[2]], rel=1e-10)


@pytest.mark.parametrize(
    ("champion", "challenger"),
    [((5000, 100_000), (5300, 100_000)), ((900, 10**6), (20, 10**4)), ((40, 5000), (90, 5000))],
)
def test_large_tables_agree_with_another_implementation(champion, challenger):
    (x_old, n_old), (x_new, n_new) = champion, challenger
    table = [[x_new, n_new - x_new], [x_old, n_old - x_old]]
    expected = [stats.fisher_exact(table, alternative=side).pvalue for side in ("greater", "less", "two-sided")]
    assert p_values(fisher(champion, challenger)) == pytest.approx(expected, rel=1e-7)


def test_a_billion_in_each_variant_takes_no_loop_over_outcomes():
    begun = time.process_time()
    many = fisher((BILLION // 2, BILLION), (BILLION // 2 + 30_000, BILLION))
    z = (30_000 - 1) / BILLION / math.sqrt(2 * 0.25 / BILLION)  # less 1 by the continuity correction
    assert many.log_p_increase.single == pytest.approx(stats.norm.logsf(z), abs=1e-3)
    assert many.log_p_two_sided.single == pytest.approx(stats.norm.logsf(z) + math.log(2), abs=1e-3)
    counts = poisson((BILLION, 1.0), (BILLION + 100_000, 1.0))
    assert counts.log_p_two_sided.single == pytest.approx(
        math.log(2) + stats.norm.logsf((100_000 - 1) / math.sqrt(2 * BILLION + 100_000)), abs=1e-3
    )
    assert time.process_time() - begun < 2


def test_p_values_below_every_float_are_logarithms():
    """All events are the challenger's: the chance is a power for Poisson, one table of all for Fisher."""
    assert poisson((0, 1.0), (BILLION, 1.0)).log_p_increase.single == pytest.approx(-BILLION * math.log(2), rel=1e-12)
    assert poisson((0, 1.0), (BILLION, 1.0)).log_p_two_sided.single == pytest.approx(
        math.log(2) - BILLION * math.log(2), rel=1e-12
    )
    n = 10_000
    tables = math.lgamma(2 * n + 1) - 2 * math.lgamma(n + 1)
    assert fisher((0, n), (n, n)).log_p_increase.single == pytest.approx(-tables, rel=1e-10)


def test_an_outcome_as_likely_as_the_observed_one_counts():
    assert p_values(poisson((3, 1.0), (7, 1.0)))[2] == pytest.approx(2 * stats.binom.sf(6, 10, 0.5), rel=1e-12)
    assert p_values(poisson((5, 1.0), (5, 1.0)))[2] == 1.0


@pytest.mark.parametrize(
    ("test", "ratio"),
    [
        pytest.param(fisher((1, 4), (3, 4)), 9.0, id="odds of 3 against odds of 1/3"),
        pytest.param(fisher((0, 4), (3, 4)), math.inf, id="odds against none"),
        pytest.param(fisher((4, 4), (3, 4)), 0.0, id="odds against certainty"),
        pytest.param(poisson((10, 2.0), (9, 1.0)), 1.8, id="rates of 9 and 5"),
        pytest.param(poisson((0, 2.0), (9, 1.0)), math.inf, id="a rate against none"),
    ],
)
def test_ratios_are_those_of_the_sample(test, ratio):
    assert test.ratio.single == pytest.approx(ratio, rel=1e-14)


@pytest.mark.parametrize(
    "test",
    [
        pytest.param(fisher((0, 5), (0, 9)), id="no events"),
        pytest.param(fisher((5, 5), (9, 9)), id="only events"),
        pytest.param(poisson((0, 1.0), (0, 9.0)), id="no events in any exposure"),
    ],
)
def test_the_only_possible_outcome_has_no_ratio_and_proves_nothing(test):
    assert test.ratio.single == NotEstimable("there is nothing to divide by")
    assert p_values(test) == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(("champion", "challenger"), [((0, 0), (1, 2)), ((1, 2), (0, 0)), ((0, 0), (0, 0))])
def test_without_trials_in_a_variant_there_is_no_p_value(champion, challenger):
    test = fisher(champion, challenger)
    assert test.log_p_increase.single == NotEstimable("a variant has no trials")
    assert test.log_p_decrease.single == test.log_p_two_sided.single == test.log_p_increase.single


@pytest.mark.parametrize("exposure", [1e-300, 1e-20, 1e20, 1e300])
def test_exposures_that_no_float_adds_up_are_no_error(exposure):
    test = poisson((3, 1.0), (4, exposure))
    assert test.log_p_two_sided.single <= 0


def test_many_experiments_at_once_give_what_each_gives_alone():
    champions, challengers = (
        [(1, 4), (0, 0), (0, 10**6), (700, 1000), (0, 3)],
        [(3, 4), (1, 2), (40, 10**6), (650, 1000), (0, 1)],
    )
    for test, old, new in (
        (fisher, champions, challengers),
        (poisson, [(x, n + 1) for x, n in champions], [(x, n + 2) for x, n in challengers]),
    ):
        together = test(tuple(zip(*old, strict=True)), tuple(zip(*new, strict=True)))
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            alone = test(one, other)
            for name in ("ratio", "log_p_increase", "log_p_decrease", "log_p_two_sided"):
                expected = getattr(alone, name).single
                found = getattr(together, name)[number]
                assert found == (expected if isinstance(expected, NotEstimable) else pytest.approx(expected, rel=1e-12))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(lambda: fisher((1.5, 3), (1, 3)), "champion.events must be whole, found 1.5", id="half an event"),
        pytest.param(lambda: fisher((1, 3), (1, 3.5)), "challenger.trials must be whole, found 3.5", id="half a trial"),
        pytest.param(lambda: EventRate(0.5, 1), "events must be whole, found 0.5", id="half an event of a rate"),
        pytest.param(lambda: EventRate(-1, 1), "events must be finite and 0 or more, found -1", id="negative events"),
        pytest.param(lambda: EventRate(1, 0), "exposure must be finite and above 0, found 0", id="no exposure"),
        pytest.param(lambda: EventRate(1, math.nan), "exposure must be finite and above 0, found nan", id="a NaN"),
        pytest.param(
            lambda: EventRate([1, 2], [1, 2, 3]),
            r"events and exposure must have shapes that fit together, found \(2,\), \(3,\)",
            id="shapes that do not fit",
        ),
        pytest.param(
            lambda: fisher(([1, 2], [3, 3]), ([1, 2, 3], [3, 3, 3])),
            "champion.events, champion.trials, challenger.events and challenger.trials must have shapes that fit",
            id="different numbers of experiments",
        ),
    ],
)
def test_a_bad_argument_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("challenger", [1e12, 1e-12])
def test_exposures_far_apart_keep_the_probability_of_the_rare_variant(challenger):
    """One event on either side; the variant with 1e-24 of the exposure has it with probability 1e-24."""
    test = exact.poisson(champion=EventRate(1, 1 / challenger), challenger=EventRate(1, challenger))
    rare = test.log_p_decrease if challenger > 1 else test.log_p_increase
    assert rare.single == pytest.approx(np.log(2) - 24 * np.log(10), abs=1e-9)
