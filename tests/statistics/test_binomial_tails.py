"""The binomial law in logarithms: against sums by definition, in whole numbers, and far beyond every float."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import special, stats

from model_experiment.statistics import binomial_tails

THIRD = Fraction(1 / 3)


def exactly(outcomes, trials, share):
    return sum(math.comb(trials, x) * share**x * (1 - share) ** (trials - x) for x in outcomes)


def log_of(fraction):
    if fraction > Fraction(1, 2):
        return math.log1p(-float(1 - fraction))
    return math.log(fraction.numerator) - math.log(fraction.denominator)


@pytest.mark.parametrize("x", [0, 1, 40, 70, 120, 169, 199, 200])
def test_probabilities_are_those_of_whole_number_arithmetic(x):
    trials = 200
    at_least, at_most = exactly(range(x, trials + 1), trials, THIRD), exactly(range(x + 1), trials, THIRD)
    assert binomial_tails.log_pmf(x, trials, 1 / 3) == pytest.approx(log_of(exactly([x], trials, THIRD)), rel=1e-12)
    assert binomial_tails.log_at_least(x, trials, 1 / 3) == pytest.approx(log_of(at_least), rel=1e-11, abs=1e-15)
    assert binomial_tails.log_at_most(x, trials, 1 / 3) == pytest.approx(log_of(at_most), rel=1e-11, abs=1e-15)


def test_a_tail_below_every_float_still_has_its_logarithm():
    trials = 3000
    expected = log_of(exactly(range(1500, trials + 1), trials, Fraction(0.0625)))
    assert expected < -1000
    assert binomial_tails.log_at_least(1500, trials, 0.0625) == pytest.approx(expected, rel=1e-13)
    assert binomial_tails.log_at_most(1500, trials, 0.9375) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(("x", "p"), [(300_050_000, 0.3), (10_020_000, 0.01), (1_200, 1e-6), (5, 1e-9)])
def test_at_a_billion_trials_no_digit_that_matters_is_lost(x, p):
    trials = 10**9
    assert binomial_tails.log_at_least(x, trials, p) == pytest.approx(stats.binom.logsf(x - 1, trials, p), abs=2e-11)
    # A ratio of neighbours needs no gamma function at all.
    step = binomial_tails.log_pmf(x + 1, trials, p) - binomial_tails.log_pmf(x, trials, p)
    assert step == pytest.approx(math.log((trials - x) / (x + 1) * p / (1 - p)), abs=1e-10)


def test_near_and_far_formulas_meet():
    """From 1e-30 on the continued fraction takes over; a second difference would show a step."""
    tails = binomial_tails.log_at_least(np.arange(600, 760), 1000, 0.5)
    assert tails[0] > math.log(1e-30) > tails[-1]
    assert np.abs(np.diff(tails, n=3)).max() < 1e-4


def test_outside_of_what_can_happen_tails_are_all_or_nothing():
    assert binomial_tails.log_at_least([-1, 0, 6], 5, 0.5).tolist() == [0.0, 0.0, -math.inf]
    assert binomial_tails.log_at_most([-1, 5, 6], 5, 0.5).tolist() == [-math.inf, 0.0, 0.0]


def test_many_at_once_give_what_each_gives_alone():
    x, n, p = np.array([0, 3, 900, 10]), np.array([5, 5, 1000, 10]), np.array([0.1, 0.9, 0.1, 0.5])
    for law in (binomial_tails.log_pmf, binomial_tails.log_at_least, binomial_tails.log_at_most):
        assert law(x, n, p).tolist() == [float(law(*one)) for one in zip(x, n, p, strict=True)]


def test_a_tiny_first_number_beside_a_huge_second_one_keeps_its_digits():
    """At a = 0.0005 and a + b = 10^18 the deviation from the mean rounds to -1; by hand ln B(a, b) is near -ln a."""
    a, b = 5e-4, 1e18
    by_hand = (a + b) * np.log(0.5) - (special.gammaln(a) - a * np.log(b))
    assert binomial_tails.log_power(a, b, 0.5) == pytest.approx(by_hand, rel=1e-12)


def test_a_share_near_the_smallest_float_does_not_overflow():
    assert binomial_tails.log_power(1e9, 1.0, 1e-307) == pytest.approx(1e9 * np.log(1e-307) + np.log(1e9), rel=1e-12)
