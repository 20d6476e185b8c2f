"""Evidence of harm: at most 1 in expectation while nothing is wrong, and a state that survives storage."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from model_experiment.statistics.guardrails import change_point
from model_experiment.statistics.guardrails.change_point import (
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


@settings(max_examples=50)
@given(st.lists(polls, max_size=5), polls)
def test_a_stored_state_goes_on_as_if_it_had_never_been_stored(seen, poll):
    state = after(seen)
    restored = HarmEvidence.from_storage(json.loads(json.dumps(state.to_storage(), allow_nan=False)))
    assert restored == state
    assert restored.with_poll(poll) == state.with_poll(poll)


@settings(max_examples=50)
@given(counts, counts, st.floats(1, 3))
def test_after_the_first_poll_one_merged_poll_says_what_equal_parts_of_it_say(champion, challenger, ratio):
    """The likelihood is the same; only the prior mass of the polls that were merged is not given out."""
    begun = HarmEvidence.at_start(planned_polls=10**9).with_poll(Poll(0, 0, 0.5))
    parts = relative_poll(champion=champion, challenger=challenger, ratio=ratio)
    twice = [RequestCounts(2 * one.events, 2 * one.requests) for one in (champion, challenger)]
    merged = relative_poll(champion=twice[0], challenger=twice[1], ratio=ratio)
    found, expected = begun.with_poll(merged).log_value, after([parts, parts], begun).log_value
    assert found == pytest.approx(expected, abs=1e-5)


@settings(max_examples=50)
@given(st.lists(polls, max_size=3), st.integers(0, 200), st.integers(0, 100))
def test_more_events_of_the_challenger_are_more_evidence(seen, events, more):
    state, champion = after(seen), RequestCounts(5, 300)
    fewer, many = (
        state.with_poll(relative_poll(champion=champion, challenger=RequestCounts(x, 300), ratio=1.25)).log_value
        for x in (events, events + more)
    )
    assert fewer <= many + 1e-9


@settings(max_examples=50)
@given(st.lists(polls, max_size=5))
def test_a_poll_without_requests_says_nothing(seen):
    state = after(seen)
    silent = relative_poll(champion=RequestCounts(0, 0), challenger=RequestCounts(0, 0), ratio=1.25, phi=state.phi)
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
    plain, scaled = (
        change_point.log_likelihood_ratios(poll.events, poll.others, null_share=poll.null_share, phi=poll.phi)
        for poll in (relative_poll(champion=champion, challenger=challenger, ratio=1.25, phi=phi) for phi in (1.0, 4.0))
    )
    assert scaled.tolist() == pytest.approx((plain / 4).tolist(), rel=1e-12)
    divided = change_point.log_likelihood_ratios(15 / 4, 3 / 4, null_share=1.25 / 2.25)
    assert scaled.tolist() == pytest.approx(divided.tolist(), rel=1e-12)


def test_the_counts_of_all_polls_are_divided_by_the_phi_of_now():
    """Exactly so for harm from the first poll, which has all of the prior mass that a long plan has spent."""
    seen, phis = [(4, 1), (6, 0), (0, 2), (12, 3)], (1.0, 9.0, 2.0, 3.0)
    start = HarmEvidence.at_start(planned_polls=10**9)
    found = after((Poll(*one, 0.55, phi) for one, phi in zip(seen, phis, strict=True)), start)
    expected = after((Poll(*one, 0.55, phis[-1]) for one in seen), start)
    assert found.value > 1.5
    assert found.value == pytest.approx(expected.value, rel=1e-6)


@settings(max_examples=100)
@given(st.lists(polls, min_size=1, max_size=6), st.integers(1, 10))
def test_whatever_phi_does_the_evidence_is_at_most_that_of_undivided_counts_to_the_power_of_1_over_phi(seen, planned):
    """So dividing never makes an alarm that undivided counts would not have made."""
    start = HarmEvidence.at_start(planned_polls=planned)
    undivided = after((replace(poll, phi=1.0) for poll in seen), start)
    assert after(seen, start).log_value <= undivided.log_value / seen[-1].phi + 1e-9


def test_the_cold_start_process_and_the_change_point_process_have_half_of_the_evidence_each():
    """From the definition of both: all polls since the first, and all polls since each poll with even prior mass."""
    shares = [(4, 1, 0.55), (6, 0, 0.6), (0, 2, 0.4), (12, 3, 0.55)]
    planned, seen = 1000, [Poll(*counted, phi=2.0) for counted in shares]
    ratios = [
        np.exp(change_point.log_likelihood_ratios(poll.events, poll.others, null_share=poll.null_share, phi=poll.phi))
        for poll in seen
    ]
    cold_start = np.prod(ratios, axis=0).mean()
    changed = sum(np.prod(ratios[first:], axis=0).mean() for first in range(4)) / planned + 1 - 4 / planned
    found = after(seen, HarmEvidence.at_start(planned_polls=planned)).value
    assert found == pytest.approx((cold_start + changed) / 2, rel=1e-12)
    assert change_point.FROM_THE_START == 0.5


def test_harm_from_the_start_alarms_no_later_than_a_cold_start_process_with_half_of_alpha():
    poll = relative_poll(champion=RequestCounts(3, 300), challenger=RequestCounts(9, 300), ratio=1.25)
    ratios = change_point.log_likelihood_ratios(poll.events, poll.others, null_share=poll.null_share)
    state, polls = HarmEvidence.at_start(planned_polls=80_640), 0
    while not state.reaches(100.0):
        state, polls = state.with_poll(poll), polls + 1
    cold_start = lambda number: np.exp(number * ratios).mean()  # noqa: E731 - a formula
    assert cold_start(polls - 1) < 200
    assert polls > 3


MANY = {
    "champion": np.array([[3, 300], [0, 0], [40, 9000], [7, 50]]),
    "challenger": np.array([[15, 300], [3, 20], [9, 1000], [0, 0]]),
    "ratio": np.array([1.25, 1.0, 2.0, 1.1]),
    "phi": np.array([1.0, 2.5, 1.7, 4.0]),
    "planned": np.array([80_640, 1, 3, 10]),
}


def advanced(weights, polls, share, events, others, *, exponent=1.0):
    """One poll of many guardrails, by the functions for arrays."""
    weights = change_point.rescaled(weights, exponent=exponent, polls=polls, planned_polls=MANY["planned"])
    ratios = change_point.log_likelihood_ratios(events, others, null_share=share, phi=MANY["phi"])
    mass = change_point.prior_mass(polls + 1, planned_polls=MANY["planned"])
    return change_point.advanced(weights, ratios, mass=mass)


def assert_same(weights, polls, states):
    log_evidence = change_point.log_evidence(weights, polls=polls, planned_polls=MANY["planned"])
    assert log_evidence.tolist() == pytest.approx([state.log_value for state in states], rel=1e-12, abs=1e-15)
    assert weights == pytest.approx(np.array([state.log_weights for state in states]), rel=1e-12)


def test_many_guardrails_at_once_are_what_each_is_alone_each_with_its_own_margin_phi_and_plan():
    """Guardrails at different polls: the first has begun five polls before the others, with a phi twice as large."""
    (a, n_a), (b, n_b) = MANY["champion"].T, MANY["challenger"].T
    share = change_point.relative_null_share(champion=n_a, challenger=n_b, ratio=MANY["ratio"])
    lone_polls = [
        relative_poll(
            champion=RequestCounts(*MANY["champion"][i]),
            challenger=RequestCounts(*MANY["challenger"][i]),
            ratio=MANY["ratio"][i],
            phi=MANY["phi"][i],
        )
        for i in range(4)
    ]
    states = [HarmEvidence.at_start(planned_polls=int(planned)) for planned in MANY["planned"]]
    states[0] = after([replace(lone_polls[0], phi=2.0)] * 5, states[0])
    weights, polls = change_point.weights_at_start((4,)), np.array([5, 0, 0, 0])
    weights[0] = states[0].log_weights
    assert_same(weights, polls, states)
    for _ in range(4):
        before = np.array([state.phi for state in states])
        weights = advanced(weights, polls, share, b, a, exponent=before / MANY["phi"])
        polls = polls + 1
        states = [state.with_poll(poll) for state, poll in zip(states, lone_polls, strict=True)]
        assert_same(weights, polls, states)


def test_many_guardrails_against_limits_are_what_each_is_alone():
    b, n_b = MANY["challenger"].T
    limits = np.array([0.01, 0.05, 0.2, 0.5])
    states = [
        HarmEvidence.at_start(planned_polls=int(MANY["planned"][i])).with_poll(
            absolute_poll(challenger=RequestCounts(*MANY["challenger"][i]), limit=float(limits[i]), phi=MANY["phi"][i])
        )
        for i in range(4)
    ]
    weights = advanced(change_point.weights_at_start((4,)), np.zeros(4), limits, b, n_b - b)
    assert_same(weights, np.ones(4), states)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: change_point.log_likelihood_ratios([1, -1], 1, null_share=0.5),
            "events must be finite and 0 or more, found -1",
            id="a negative count",
        ),
        pytest.param(
            lambda: change_point.log_likelihood_ratios(1, 1, null_share=[0.5, 1.5]),
            "null_share must lie between 0 and 1, found 1.5",
            id="a share above 1",
        ),
        pytest.param(
            lambda: change_point.log_likelihood_ratios(1, 1, null_share=0.5, phi=[1.0, 0.5]),
            "phi must be finite and 1 or more, found 0.5",
            id="counts multiplied instead of divided",
        ),
        pytest.param(
            lambda: change_point.rescaled(np.zeros((2, 6)), exponent=[1.0, 0.0], polls=1, planned_polls=9),
            "exponent must be finite and above 0, found 0",
            id="an endless phi",
        ),
        pytest.param(
            lambda: change_point.relative_null_share(champion=[1, 2], challenger=1, ratio=[1.0, 0.0]),
            "ratio must be finite and above 0, found 0",
            id="a ratio of 0",
        ),
        pytest.param(
            lambda: change_point.prior_mass(1, planned_polls=[10, 0]),
            "planned_polls must be finite and 1 or more, found 0",
            id="a run without polls",
        ),
    ],
)
def test_arrays_are_refused_where_one_guardrail_would_be(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        pytest.param("polls", 3.7, "planned_polls and polls must be whole, found 3.7", id="a part of a poll"),
        pytest.param("polls", math.nan, "polls must be finite, found nan", id="polls that are NaN"),
        pytest.param("planned_polls", math.inf, "planned_polls must be finite, found inf", id="an endless plan"),
        pytest.param("polls", "3", "polls must be numbers, found '3'", id="text"),
        pytest.param("phi", 0.5, "phi must be finite and 1 or more, found 0.5", id="counts multiplied"),
    ],
)
def test_stored_evidence_that_cannot_be_is_refused_by_name(key, value, message):
    stored = HarmEvidence.at_start(planned_polls=9).to_storage()
    with pytest.raises(ValueError, match=message):
        HarmEvidence.from_storage({**stored, key: value})


def test_stored_evidence_of_another_edition_is_refused():
    stored = HarmEvidence.at_start(planned_polls=9).to_storage()
    del stored["phi"]
    with pytest.raises(ValueError, match=r"must have the keys \['log_weight_1.25', .*'phi', .*\], found \['log_weight"):
        HarmEvidence.from_storage(stored)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(lambda: change_point.prior_mass(0, planned_polls=9), "poll must be finite and 1 or", id="poll 0"),
        pytest.param(
            lambda: change_point.log_evidence(np.zeros(6), polls=-1, planned_polls=9),
            "polls must be finite and 0 or more, found -1",
            id="less than no poll",
        ),
        pytest.param(
            lambda: change_point.log_evidence(np.zeros(5), polls=1, planned_polls=9),
            r"log_weights must have a last axis of 6 numbers, found shape \(5,\)",
            id="five weights",
        ),
        pytest.param(
            lambda: change_point.advanced(np.full(6, np.nan), np.zeros(6), mass=0.1),
            "log_weights must be finite, found nan",
            id="weights that are NaN",
        ),
        pytest.param(
            lambda: change_point.advanced(np.zeros(6), np.zeros(6), mass=1.5), "mass must lie between", id="mass of 1.5"
        ),
        pytest.param(lambda: Poll([1, 2], 3, 0.5), "a poll must be of single numbers", id="two polls in one"),
    ],
)
def test_what_no_run_can_have_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
