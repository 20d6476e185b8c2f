"""Do two models answer alike? Bounds, evidence at every look, and the champion's own noise."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from model_experiment.statistics.sequential import e_values
from model_experiment.statistics.shadow import divergence
from model_experiment.statistics.summaries.proportions import Proportion

ENOUGH = math.log(e_values.threshold(0.05))
BILLION = 10**9


def runs(rate, *, count, pairs, every, seed):
    """Disagreements of ``count`` runs at every look, and the pairs at those looks."""
    looks = np.arange(every, pairs + 1, every)
    drawn = np.random.default_rng(seed).binomial(every, rate, size=(count, looks.size))
    return Proportion(np.cumsum(drawn, axis=1), looks)


def first_look(evidence, looks):
    """The pairs at which each run has enough evidence; infinite where it never has."""
    enough = evidence >= ENOUGH
    return np.where(enough.any(axis=1), looks[enough.argmax(axis=1)], np.inf)


def test_59_pairs_without_a_disagreement_are_the_fewest_that_show_less_than_5_percent():
    bounds = divergence.upper_bound(Proportion(0, np.arange(1, 100)), alpha=0.05)
    assert np.flatnonzero(bounds < 0.05)[0] + 1 == 59


def test_the_bound_holds_in_19_of_20_runs():
    """At a true 5 %, 2000 runs of 59 pairs: 0 disagreements come with the chance .95^59 = .0485."""
    found = divergence.upper_bound(runs(0.05, count=2000, pairs=59, every=59, seed=1), alpha=0.05)
    assert np.mean(found < 0.05) == pytest.approx(0.0485, abs=0.015)


@pytest.mark.parametrize(("rate", "pairs"), [(0.02, 280), (0.03, 570)])
def test_the_evidence_needs_about_as_many_pairs_as_are_promised(rate, pairs):
    sample = runs(rate, count=300, pairs=1500, every=10, seed=2)
    median = np.median(first_look(divergence.log_e_below(sample, limit=0.05), sample.trials[0]))
    assert median == pytest.approx(pairs, rel=0.15)


@pytest.mark.parametrize("evidence", [divergence.log_e_below, divergence.log_e_above])
def test_at_the_limit_itself_constant_looking_rarely_finds_enough(evidence):
    sample = runs(0.05, count=300, pairs=1000, every=10, seed=3)
    wrong = np.isfinite(first_look(evidence(sample, limit=0.05), sample.trials[0])).mean()
    assert wrong <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)


def by_definition(disagreements, pairs, limit, side):
    """The bet against the limit, averaged over the part of the prior on one side of it."""
    prior = stats.beta(50 * limit, 50 * (1 - limit))
    low, high = side

    def bet(share):
        ratio = disagreements * math.log(share / limit) + (pairs - disagreements) * math.log((1 - share) / (1 - limit))
        return prior.pdf(share) * math.exp(ratio)

    return math.log(integrate.quad(bet, low, high)[0] / (prior.cdf(high) - prior.cdf(low)))


@pytest.mark.parametrize(("disagreements", "pairs"), [(0, 40), (2, 100), (9, 100), (30, 200)])
def test_evidence_is_the_average_bet_on_its_side_of_the_limit(disagreements, pairs):
    found = Proportion(disagreements, pairs)
    below = by_definition(disagreements, pairs, 0.05, (0.0, 0.05))
    above = by_definition(disagreements, pairs, 0.05, (0.05, 1.0))
    assert divergence.log_e_below(found, limit=0.05) == pytest.approx(below, abs=1e-7)
    assert divergence.log_e_above(found, limit=0.05) == pytest.approx(above, abs=1e-7)


@settings(max_examples=50)
@given(st.integers(0, 200), st.floats(0.01, 0.99))
def test_the_next_pair_is_a_fair_bet_at_the_limit(disagreements, limit):
    before, after = Proportion(disagreements, 200), Proportion([disagreements, disagreements + 1], 201)
    for evidence in (divergence.log_e_below, divergence.log_e_above):
        factors = np.exp(evidence(after, limit=limit) - evidence(before, limit=limit))
        assert factors @ [1 - limit, limit] == pytest.approx(1.0, rel=1e-9)
    assert divergence.log_e_below(after, limit=limit)[0] > divergence.log_e_below(after, limit=limit)[1]


@pytest.mark.parametrize("events", [0, 10**6, 5 * 10**7, BILLION])
def test_at_a_billion_pairs_evidence_is_a_number(events):
    below, above = (
        evidence(Proportion(events, BILLION), limit=0.05)
        for evidence in (divergence.log_e_below, divergence.log_e_above)
    )
    rate = events / BILLION
    terms = [share * math.log(share / null) for share, null in ((rate, 0.05), (1 - rate, 0.95)) if share]
    assert max(below, above) == pytest.approx(BILLION * sum(terms), rel=1e-6, abs=50)
    assert min(below, above) < 0


def test_without_pairs_there_is_no_evidence():
    nothing = Proportion(0, 0)
    assert divergence.log_e_below(nothing, limit=0.05) == divergence.log_e_above(nothing, limit=0.05) == 0
    assert divergence.upper_bound(nothing, alpha=0.05) == 1
    for champion, challenger in ((nothing, Proportion(5, 9)), (Proportion(5, 9), nothing), (nothing, nothing)):
        assert divergence.log_e_above_floor(champion=champion, challenger=challenger) <= 0


# The champion's own divergence.


@pytest.mark.parametrize(
    ("champion", "challenger"),
    [
        ((40, 2000), (100, 2000)),
        ((100, 2000), (40, 2000)),
        ((0, 1000), (7, 300)),
        ((1, 10**6), (1, 10)),
        ((3.3, 50.5), (9.1, 60.2)),
        ((0, 10), (10, 10)),
    ],
)
def test_the_evidence_above_the_floor_is_the_least_over_all_floors(champion, challenger):
    own, found = Proportion(*champion), Proportion(*challenger)
    floors = 1 / (1 + np.exp(-np.linspace(-20.7, 20.7, 8001)))
    sums = divergence.log_e_above(found, limit=floors) + divergence.log_e_below(own, limit=floors)
    least = divergence.log_e_above_floor(champion=own, challenger=found)
    assert least == pytest.approx(sums.min(), abs=1e-3)
    assert least <= sums.min() + 1e-6


def test_a_known_floor_is_a_limit():
    """With a million pairs behind it, what it costs is its own bet: some ln sqrt(n / k)."""
    own, found = Proportion(2 * 10**4, 10**6), Proportion(60, 1000)
    known = float(divergence.log_e_above(found, limit=0.02))
    assert 0 < known - divergence.log_e_above_floor(champion=own, challenger=found) < 10


def test_a_floor_measured_first_does_not_fool_constant_looking():
    """Equal divergences; the challenger is looked at 10 times against a floor of 300 pairs measured before."""
    own = np.random.default_rng(5).binomial(300, 0.03, size=(60, 1))
    sample = runs(0.03, count=60, pairs=2000, every=200, seed=6)
    evidence = divergence.log_e_above_floor(champion=Proportion(own, 300), challenger=sample)
    assert np.isfinite(first_look(evidence, sample.trials[0])).mean() <= 0.05


def test_twice_the_floor_is_found():
    own, sample = (runs(rate, count=40, pairs=3000, every=300, seed=seed) for rate, seed in ((0.02, 7), (0.04, 8)))
    evidence = divergence.log_e_above_floor(champion=own, challenger=sample)
    assert np.median(first_look(evidence, sample.trials[0])) <= 2100


def test_many_experiments_at_once_give_what_each_gives_alone():
    counts, own = [(0, 0), (3, 100), (90, 1000)], [(0, 0), (9, 100), (20, 1000)]
    together, floors = (Proportion(*zip(*side, strict=True)) for side in (counts, own))
    limits = [0.05, 0.1, 0.02]
    above = divergence.log_e_above_floor(champion=floors, challenger=together)
    for number, (one, floor, limit) in enumerate(zip(counts, own, limits, strict=True)):
        pairs = Proportion(*one)
        assert divergence.upper_bound(together, alpha=0.1)[number] == pytest.approx(
            float(divergence.upper_bound(pairs, alpha=0.1)), rel=1e-12
        )
        for evidence in (divergence.log_e_below, divergence.log_e_above):
            assert evidence(together, limit=limits)[number] == evidence(pairs, limit=limit)
        assert above[number] == divergence.log_e_above_floor(champion=Proportion(*floor), challenger=pairs)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: divergence.upper_bound(Proportion(0, 9), alpha=1.0), "alpha must lie strictly between", id="alpha"
        ),
        pytest.param(
            lambda: divergence.log_e_below(Proportion(0, 9), limit=0.0),
            "limit must lie strictly between 0 and 1, found 0",
            id="a limit that nothing is below",
        ),
        pytest.param(
            lambda: divergence.log_e_above(Proportion(0, 9), limit=1.0),
            "limit must lie strictly between 0 and 1, found 1",
            id="a limit that nothing is above",
        ),
    ],
)
def test_a_bad_argument_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_minimum_over_shares_is_found_among_as_many_pairs_as_there_may_be():
    """By brute force around both shares; a grid of fixed width missed it by 38 among 1e15 pairs."""
    n, own, found = 1e15, 1e13, 1e13 + 3e7
    q = np.linspace(own / n, found / n, 2001)
    champion, challenger = Proportion(own, n), Proportion(found, n)
    brute = divergence.log_e_above(challenger, limit=q) + divergence.log_e_below(champion, limit=q)
    log_e = divergence.log_e_above_floor(champion=champion, challenger=challenger)
    assert log_e == pytest.approx(brute.min(), abs=1e-3)
