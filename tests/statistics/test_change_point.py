"""Evidence of harm: at most 1 in expectation while nothing is wrong, and a state that survives storage."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from model_experiment.statistics import change_point
from model_experiment.statistics.change_point import (
    ALTERNATIVES,
    HarmEvidence,
    Poll,
    RequestCounts,
    absolute_poll,
    relative_poll,
)

requests = st.integers(0, 400)
counts = requests.flatmap(lambda n: st.builds(RequestCounts, st.integers(0, n), st.just(n)))
polls = st.builds(
    lambda champion, challenger, ratio, phi: relative_poll(
        champion=champion, challenger=challenger, ratio=ratio, phi=phi
    ),
    counts,
    counts,
    st.floats(1, 3),
    st.floats(1, 10),
)
START = HarmEvidence.at_start(planned_polls=1000)


def after(seen, start=START):
    for poll in seen:
        start = start.with_poll(poll)
    return start


def test_before_the_first_poll_there_is_no_evidence():
    assert START.value == 1.0


def test_the_evidence_is_the_formula_summed_over_all_moments_of_change():
    seen = [(1, 300, 4, 310), (0, 250, 6, 280), (2, 40, 0, 20), (3, 300, 12, 300)]
    m, total = 1.25, 0.0
    for r in ALTERNATIVES:
        ratios = []
        for a, n_a, b, n_b in seen:
            null = m * n_b / (n_a + m * n_b)
            other = m * r * n_b / (n_a + m * r * n_b)
            ratios.append((other / null) ** b * ((1 - other) / (1 - null)) ** a)
        masses = [0.5 + 0.5 / 1000, *[0.5 / 1000] * 3]
        total += sum(mass * math.prod(ratios[start:]) for start, mass in enumerate(masses)) / len(ALTERNATIVES)
    expected = total + 0.5 * (1 - 4 / 1000)
    found = after(
        relative_poll(champion=RequestCounts(a, n_a), challenger=RequestCounts(b, n_b), ratio=m)
        for a, n_a, b, n_b in seen
    )
    assert found.value == pytest.approx(expected, rel=1e-12)


def test_the_prior_mass_of_all_planned_polls_is_one_and_nothing_comes_after():
    masses = [change_point.prior_mass(poll, planned_polls=1000) for poll in range(1, 1001)]
    assert sum(masses) == pytest.approx(1.0, rel=1e-12)
    assert change_point.prior_mass(1001, planned_polls=1000) == 0.0


@pytest.mark.parametrize("champion", [0.001, 0.05, 0.4])
@pytest.mark.parametrize("challenger", [0.2, 0.8, 1.0])
@pytest.mark.parametrize(("n_champion", "n_challenger"), [(1, 1), (12, 3), (2, 15)])
@pytest.mark.parametrize("phi", [1.0, 3.0])
def test_a_poll_multiplies_no_weight_above_1_in_expectation_up_to_the_margin(
    champion, challenger, n_champion, n_challenger, phi
):
    """Summed exactly over all outcomes; the challenger's rate is a share of margin times the champion's."""
    margin = 1.5
    rate = min(1.0, champion * margin * challenger)
    a, b = np.arange(n_champion + 1), np.arange(n_challenger + 1)[:, np.newaxis]
    chances = stats.binom.pmf(a, n_champion, champion) * stats.binom.pmf(b, n_challenger, rate)
    share = margin * n_challenger / (n_champion + margin * n_challenger)
    ratios = np.exp(change_point.log_likelihood_ratios(b / phi, a / phi, null_share=share))
    assert ((chances[..., np.newaxis] * ratios).sum(axis=(0, 1)) <= 1 + 1e-12).all()


@pytest.mark.parametrize("rate", [0.0, 0.02, 0.05])
def test_a_poll_against_a_limit_multiplies_no_weight_above_1_in_expectation(rate):
    x = np.arange(41)
    ratios = np.exp(change_point.log_likelihood_ratios(x, 40 - x, null_share=0.05))
    assert (stats.binom.pmf(x, 40, rate) @ ratios <= 1 + 1e-12).all()


@settings(deadline=None, max_examples=50)
@given(st.lists(polls, max_size=5), polls)
def test_a_stored_state_goes_on_as_if_it_had_never_been_stored(seen, poll):
    state = after(seen)
    restored = HarmEvidence.from_storage(json.loads(json.dumps(state.to_storage(), allow_nan=False)))
    assert restored == state
    assert restored.with_poll(poll) == state.with_poll(poll)


@settings(deadline=None, max_examples=50)
@given(counts, counts, st.floats(1, 3))
def test_after_the_first_poll_one_merged_poll_says_what_equal_parts_of_it_say(champion, challenger, ratio):
    """The likelihood is the same; only the prior mass of the polls that were merged is not given out."""
    begun = HarmEvidence.at_start(planned_polls=10**9).with_poll(Poll(0, 0, 0.5))
    parts = relative_poll(champion=champion, challenger=challenger, ratio=ratio)
    twice = [RequestCounts(2 * one.events, 2 * one.requests) for one in (champion, challenger)]
    merged = relative_poll(champion=twice[0], challenger=twice[1], ratio=ratio)
    found, expected = begun.with_poll(merged).log_value, after([parts, parts], begun).log_value
    assert found == pytest.approx(expected, abs=1e-5)


@settings(deadline=None, max_examples=50)
@given(st.lists(polls, max_size=3), st.integers(0, 200), st.integers(0, 100))
def test_more_events_of_the_challenger_are_more_evidence(seen, events, more):
    state, champion = after(seen), RequestCounts(5, 300)
    fewer, many = (
        state.with_poll(relative_poll(champion=champion, challenger=RequestCounts(x, 300), ratio=1.25)).log_value
        for x in (events, events + more)
    )
    assert fewer <= many + 1e-9


@settings(deadline=None, max_examples=50)
@given(st.lists(polls, max_size=5))
def test_a_poll_without_requests_says_nothing(seen):
    silent = relative_poll(champion=RequestCounts(0, 0), challenger=RequestCounts(0, 0), ratio=1.25)
    state = after(seen)
    assert state.with_poll(silent).log_value == pytest.approx(state.log_value, abs=1e-9)


@pytest.mark.parametrize(
    ("champion", "challenger"),
    [
        pytest.param(RequestCounts(3, 50), RequestCounts(0, 0), id="only the champion had traffic"),
        pytest.param(RequestCounts(0, 0), RequestCounts(20, 50), id="only the challenger had traffic"),
    ],
)
def test_a_poll_of_one_variant_alone_compares_nothing(champion, challenger):
    poll = relative_poll(champion=champion, challenger=challenger, ratio=1.25)
    assert START.with_poll(poll).value == pytest.approx(1.0)


def test_past_the_planned_polls_the_evidence_goes_on_without_new_suspicion():
    clean = relative_poll(champion=RequestCounts(30, 300), challenger=RequestCounts(3, 300), ratio=1.25)
    state = after([clean] * 30, HarmEvidence.at_start(planned_polls=10))
    assert state.polls == 30
    assert state.value < 1e-6
    assert json.dumps(state.to_storage(), allow_nan=False)


def test_a_broken_challenger_alarms_in_the_first_poll_and_evidence_stays_a_number():
    broken = relative_poll(champion=RequestCounts(0, 3000), challenger=RequestCounts(3000, 3000), ratio=1.25)
    state = START.with_poll(broken)
    assert state.reaches(100.0)
    assert math.isfinite(after([broken] * 10).value)


def test_a_limit_counts_the_challenger_alone():
    over = absolute_poll(challenger=RequestCounts(40, 300), limit=0.05)
    under = absolute_poll(challenger=RequestCounts(10, 300), limit=0.05)
    assert over == Poll(40, 260, 0.05)
    assert START.with_poll(over).reaches(100.0)
    assert not after([under] * 20).reaches(2.0)


def test_clustered_events_count_for_less():
    champion, challenger = RequestCounts(3, 300), RequestCounts(15, 300)
    plain = START.with_poll(relative_poll(champion=champion, challenger=challenger, ratio=1.25))
    scaled = START.with_poll(relative_poll(champion=champion, challenger=challenger, ratio=1.25, phi=4.0))
    assert plain.value > scaled.value > 1
