"""A change of the effect is measured bucket by bucket, because the same users come back."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_experiment.statistics.effects import ratios
from model_experiment.statistics.effects.effect import Effects
from model_experiment.statistics.not_estimable import NotEstimable, reasons
from model_experiment.statistics.summaries.buckets import BucketTable
from model_experiment.statistics.trust import novelty
from model_experiment.statistics.trust.novelty import Windows

seeds = st.integers(0, 2**32 - 1)


def daily(seed, *, days, effect=0.0, experiments=()):
    """A table a day of 40 buckets whose users keep their own rate from day to day."""
    random = np.random.default_rng(seed)
    rate = random.beta(20, 80, size=(*experiments, 1, 40)) + np.broadcast_to(effect, days)[:, np.newaxis]
    users = random.poisson(200, size=(*experiments, days, 40))
    return BucketTable(random.binomial(users, rate), users)


def windows(seed, *, effect=0.0):
    table = daily(seed, days=2, effect=effect)
    return Windows(*(BucketTable(table.numerators[day], table.denominators[day]) for day in (0, 1)))


def one_day(table, day):
    return BucketTable(table.numerators[..., day, :], table.denominators[..., day, :])


def by_definition(champion, challenger):
    """D and its error, bucket by bucket, with residuals over their mean denominators."""
    change, variances = 0.0, []
    for sign, group in ((-1, champion), (1, challenger)):
        rates = [t.numerators.sum() / t.denominators.sum() for t in (group.early, group.late)]
        change += sign * (rates[1] - rates[0])
        residuals = [
            (t.numerators - rate * t.denominators) / t.denominators.mean()
            for t, rate in zip((group.early, group.late), rates, strict=True)
        ]
        variances.append(np.var(residuals[1] - residuals[0], ddof=1) / group.early.size)
    freedom = sum(variances) ** 2 / sum(variance**2 / (group.early.size - 1) for variance in variances)
    return change, sum(variances) ** 0.5, freedom


@settings(max_examples=50)
@given(seeds, seeds)
def test_the_change_is_its_definition(one, other):
    champion, challenger = windows(one), windows(other)
    found = novelty.change(champion=champion, challenger=challenger).single
    change, error, freedom = by_definition(champion, challenger)
    assert found.estimate == pytest.approx(change, rel=1e-9, abs=1e-14)
    assert found.standard_error == pytest.approx(error, rel=1e-9)
    assert found.degrees_of_freedom == pytest.approx(freedom, rel=1e-9)


@settings(max_examples=50)
@given(seeds, seeds)
def test_swapping_the_variants_or_the_windows_mirrors_the_change(one, other):
    champion, challenger = windows(one), windows(other)
    found = novelty.change(champion=champion, challenger=challenger).single
    swapped = novelty.change(champion=challenger, challenger=champion).single
    back = novelty.change(
        champion=Windows(champion.late, champion.early), challenger=Windows(challenger.late, challenger.early)
    ).single
    for mirrored in (swapped, back):
        assert mirrored.estimate == pytest.approx(-found.estimate, abs=1e-15)
        assert mirrored.standard_error == pytest.approx(found.standard_error, rel=1e-12)


def test_pairing_takes_out_what_users_keep_from_window_to_window():
    champion, challenger = windows(1), windows(2)
    paired = novelty.change(champion=champion, challenger=challenger).single.standard_error
    apart = [
        ratios.difference(champion=old, challenger=new).single.standard_error
        for old, new in ((champion.early, challenger.early), (champion.late, challenger.late))
    ]
    assert paired < 0.8 * np.hypot(*apart)


@pytest.mark.parametrize(
    ("change", "error", "effect", "flagged"),
    [
        pytest.param(-0.02, 0.005, 0.03, True, id="significant and more than a third: it wears off"),
        pytest.param(0.02, 0.005, 0.03, True, id="significant and more than a third: it grows"),
        pytest.param(-0.02, 0.015, 0.03, False, id="not significant"),
        pytest.param(-0.009, 0.001, 0.03, False, id="less than a third of the effect"),
        pytest.param(-0.02, 0.005, -0.03, True, id="of a negative effect"),
        pytest.param(np.nan, 0.005, 0.03, False, id="no change that could be measured"),
        pytest.param(-0.02, 0.005, np.nan, False, id="no effect that could be measured"),
    ],
)
def test_a_change_is_flagged_where_it_is_significant_and_large(change, error, effect, flagged):
    found = [
        Effects(np.array(d), np.array(error), np.inf, reasons(np.isnan(np.array(d)), lambda _: "nobody"))
        for d in (change, effect)
    ]
    assert bool(novelty.is_flagged(found[0], effect=found[1])) is flagged


def test_a_novelty_effect_is_found_and_a_steady_one_is_not():
    champion = windows(10)
    for shape, flagged in (([0.08, 0.01], True), ([0.05, 0.05], False)):
        challenger = windows(11, effect=shape)
        both = [group.early + group.late for group in (champion, challenger)]
        changes = novelty.change(champion=champion, challenger=challenger)
        effect = ratios.difference(champion=both[0], challenger=both[1])
        assert bool(novelty.is_flagged(changes, effect=effect)) is flagged


@settings(max_examples=50)
@given(seeds, seeds)
def test_the_slope_is_that_of_a_weighted_least_squares_line(one, other):
    champion, challenger = daily(one, days=7), daily(other, days=7)
    found = novelty.slope(champion=champion, challenger=challenger).single
    effects = ratios.difference(champion=champion, challenger=challenger)
    old, new = champion.denominators.sum(axis=-1), challenger.denominators.sum(axis=-1)
    expected = np.polyfit(range(7), effects.estimates, 1, w=np.sqrt(old * new / (old + new)))[0]
    assert found.estimate == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_the_slope_of_an_effect_that_grows_by_a_point_a_day_is_a_point():
    found = novelty.slope(champion=daily(1, days=14), challenger=daily(2, days=14, effect=0.01 * np.arange(14))).single
    assert abs(found.estimate - 0.01) < 3 * found.standard_error
    assert found.p_value < 1e-6


def test_the_error_of_a_slope_is_that_of_a_change_where_two_days_carry_it():
    """Three days of equal weight at times -1, 0, 1: the slope is half of the last less the first."""
    champion, challenger = daily(1, days=3), daily(2, days=3)
    even = [BucketTable(t.numerators, np.full(t.denominators.shape, 400.0)) for t in (champion, challenger)]
    found = novelty.slope(champion=even[0], challenger=even[1]).single
    change = novelty.change(
        champion=Windows(one_day(even[0], 0), one_day(even[0], 2)),
        challenger=Windows(one_day(even[1], 0), one_day(even[1], 2)),
    ).single
    assert found.estimate == pytest.approx(change.estimate / 2, rel=1e-9)
    assert found.standard_error == pytest.approx(change.standard_error / 2, rel=1e-9)


def test_the_slope_may_be_in_other_units_and_days_may_be_missing():
    champion, challenger = daily(1, days=5), daily(2, days=5)
    weekly = novelty.slope(champion=champion, challenger=challenger, days=np.arange(5) / 7).single
    plain = novelty.slope(champion=champion, challenger=challenger).single
    assert weekly.estimate == pytest.approx(7 * plain.estimate, rel=1e-9)
    assert weekly.z == pytest.approx(plain.z, rel=1e-9)
    for part in (champion.numerators, champion.denominators):
        part[2, :] = 0
    kept = [BucketTable(t.numerators[[0, 1, 3, 4]], t.denominators[[0, 1, 3, 4]]) for t in (champion, challenger)]
    without = novelty.slope(champion=champion, challenger=challenger).single
    alone = novelty.slope(champion=kept[0], challenger=kept[1], days=[0, 1, 3, 4]).single
    assert without.estimate == pytest.approx(alone.estimate, rel=1e-9)
    assert without.standard_error == pytest.approx(alone.standard_error, rel=1e-9)


def test_many_experiments_at_once_give_what_each_gives_alone():
    champion, challenger = daily(1, days=4, experiments=(3,)), daily(2, days=4, experiments=(3,))
    pairs = [Windows(one_day(table, 0), one_day(table, 3)) for table in (champion, challenger)]
    slopes = novelty.slope(champion=champion, challenger=challenger)
    changes = novelty.change(champion=pairs[0], challenger=pairs[1])
    for row in range(3):
        old, new = (BucketTable(t.numerators[row], t.denominators[row]) for t in (champion, challenger))
        alone = [Windows(one_day(table, 0), one_day(table, 3)) for table in (old, new)]
        for many, one in (
            (slopes, novelty.slope(champion=old, challenger=new)),
            (changes, novelty.change(champion=alone[0], challenger=alone[1])),
        ):
            assert many[row].estimate == pytest.approx(one.single.estimate, rel=1e-9)
            assert many[row].standard_error == pytest.approx(one.single.standard_error, rel=1e-9)


def test_what_is_not_estimable_has_its_reason():
    good, few = windows(1), BucketTable([3.0] * 5, [9.0] * 5)
    short = Windows(BucketTable(np.ones(40), np.full(40, 9.0)), BucketTable([1.0] * 5 + [0] * 35, [9.0] * 5 + [0] * 35))
    assert novelty.change(champion=good, challenger=short).single == NotEstimable(
        "late: the challenger has data in 5 of 40 buckets, at least 20 are needed"
    )
    flat = Windows(BucketTable(np.ones(40), np.full(40, 9.0)), BucketTable(np.ones(40), np.full(40, 9.0)))
    assert novelty.change(champion=flat, challenger=flat).single == NotEstimable(
        "no bucket of the champion differs from its mean, so there is no error to measure with"
    )
    week = BucketTable(np.tile(few.numerators, (4, 1)), np.tile(few.denominators, (4, 1)))
    assert novelty.slope(champion=week, challenger=week).single == NotEstimable(
        "0 of 4 days have an effect, at least 3 are needed for a slope"
    )


def test_days_at_one_time_have_no_slope():
    champion, challenger = daily(1, days=4), daily(2, days=4)
    found = novelty.slope(champion=champion, challenger=challenger, days=[0.1] * 4).single
    assert found == NotEstimable("all days that have an effect are at one time")


def test_windows_of_different_shape_are_refused():
    message = "early and late must be tables of one shape, found shapes (2,), (3,)"
    with pytest.raises(ValueError, match=re.escape(message)):
        Windows(BucketTable([1, 2], [3, 4]), BucketTable([1, 2, 3], [4, 5, 6]))


def test_alpha_of_1_is_refused():
    effect = novelty.change(champion=windows(1), challenger=windows(2))
    with pytest.raises(ValueError, match=re.escape("alpha must lie strictly between 0 and 1, found 1")):
        novelty.is_flagged(effect, effect=effect, alpha=1)
