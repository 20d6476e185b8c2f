"""Each way out is enough exactly where it says so, and has the numbers of the formulas behind it."""

import math
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_experiment.statistics.not_estimable import NotEstimable
from model_experiment.statistics.planning import advice, inflation, proportions
from model_experiment.statistics.planning.advice import (
    HigherShare,
    LargerEffect,
    LongerRun,
    Need,
    PastBehaviour,
    SequentialLooks,
    Situation,
)
from model_experiment.statistics.sequential import group_sequential

PLAN = {"alpha": 0.05, "power": 0.8}
LOOKS = group_sequential.planned_looks(4, alpha=0.05)
TEN_PERCENT = math.ceil(proportions.required_per_variant(0.1, 0.11, **PLAN))
SHORT = Situation(per_variant=TEN_PERCENT, share=0.1, users_per_day=2_000, maximum_days=30, label_delay=2)


def detectable(per_variant):
    return proportions.detectable_relative_effect(per_variant, baseline=0.1, **PLAN).single


def advise(situation, **more):
    return advice.advise(situation, detectable=detectable, looks=LOOKS, **PLAN, **more)


def test_every_way_out_with_its_numbers():
    # 2 x 14,751 users at an even split are 81,950 at one tenth; 28 days after the label delay bring 56,000.
    higher, longer, larger, looks, past = advise(SHORT, correlation=0.6)
    assert isinstance(higher, HigherShare)
    assert float(inflation.split(higher.share)) * 29_502 == pytest.approx(56_000)
    assert higher.need == Need(56_000, 30, enough=True)
    total = 29_502 / 0.36
    assert longer == LongerRun(Need(pytest.approx(total), 44, enough=False))
    assert larger.effect == pytest.approx(detectable(28_000 * 0.36), rel=1e-9)
    assert larger.effect == pytest.approx(0.1 * math.sqrt(total / 56_000), rel=0.02)
    assert looks.looks == 4
    assert looks.at_most.users == pytest.approx(total * inflation.sequential(LOOKS, **PLAN))
    assert looks.on_average.users == pytest.approx(total * inflation.expected(LOOKS, **PLAN))
    assert isinstance(looks, SequentialLooks)
    assert past == PastBehaviour(0.6, Need(pytest.approx(0.64 * total), 30, enough=True))


@settings(max_examples=15)
@given(st.integers(100, 10**6), st.floats(0.01, 0.49), st.integers(100, 10**5), st.integers(3, 60))
def test_a_higher_share_that_is_enough_leaves_nothing_to_advise(per_variant, share, traffic, days):
    situation = Situation(per_variant=per_variant, share=share, users_per_day=traffic, maximum_days=days)
    found = advise(situation)
    if not found:
        return
    higher = found[0]
    at_that = advise(replace(situation, share=min(0.5, higher.share * (1 + 1e-9))))
    assert (at_that == ()) == higher.need.enough
    assert share < higher.share <= 0.5
    needs = [option.need for option in found if isinstance(option, (HigherShare, LongerRun))]
    assert [need.enough for need in needs] == [need.days <= days for need in needs]


def test_of_a_longest_duration_only_whole_weeks_count():
    """3,922 users; ten days of 500 a day would bring 5,000, but a plan of two weeks takes 14."""
    situation = Situation(per_variant=1_000, share=0.15, users_per_day=500, maximum_days=10)
    assert advise(replace(situation, share=0.25)) == ()
    higher, longer, larger, _ = advise(situation)
    assert isinstance(higher, HigherShare)
    assert float(inflation.split(higher.share)) * 2_000 == pytest.approx(3_500)
    assert higher.need == Need(3_500, 7, enough=True)
    assert longer.need == Need(pytest.approx(2_000 / 0.51), 14, enough=False)
    assert larger.effect == pytest.approx(detectable(1_750 * 0.51))


@pytest.mark.parametrize("share", [0.5, 0.7])
def test_a_share_of_a_half_or_more_is_not_raised(share):
    kinds = [type(option) for option in advise(replace(SHORT, share=share, users_per_day=500))]
    assert kinds == [LongerRun, LargerEffect, SequentialLooks]


def test_where_no_share_is_enough_an_even_split_is_told_with_its_days():
    higher = advise(replace(SHORT, users_per_day=1_000))[0]
    assert higher == HigherShare(0.5, Need(29_502, 37, enough=False))


@pytest.mark.parametrize(
    ("situation", "advised"),
    [
        pytest.param(replace(SHORT, users_per_day=3_000), (), id="enough users come"),
        pytest.param(
            replace(SHORT, users_per_day=0), NotEstimable("no users come, so 81950 are never reached"), id="none come"
        ),
    ],
)
def test_there_may_be_nothing_to_advise(situation, advised):
    assert advise(situation) == advised


def test_where_no_label_comes_in_time_no_effect_is_seen():
    larger = advise(replace(SHORT, label_delay=40))[2]
    assert larger == LargerEffect(NotEstimable("no full week of users has its outcomes after 30 days"))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        pytest.param({"per_variant": 0}, "per_variant must be finite and above 0, found 0", id="a plan of nothing"),
        pytest.param({"share": 1.0}, "share must lie strictly between 0 and 1, found 1", id="no champion"),
        pytest.param({"washout": -1}, "washout must be finite and 0 or more, found -1", id="a negative wait"),
    ],
)
def test_a_bad_argument_is_refused_by_name(changed, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        replace(SHORT, **changed)
