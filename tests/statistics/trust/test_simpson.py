"""Pooled and stratified comparisons are those of their definitions; where a mix misleads, it is seen."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from model_experiment.statistics.effects import ratios
from model_experiment.statistics.not_estimable import NotEstimable
from model_experiment.statistics.summaries.buckets import BucketTable
from model_experiment.statistics.summaries.proportions import Proportion
from model_experiment.statistics.trust import simpson

KIDNEY_B, KIDNEY_A = Proportion([234, 55], [270, 80]), Proportion([81, 192], [87, 263])
counts = st.tuples(st.integers(0, 500), st.integers(1, 500)).map(lambda pair: (pair[0], sum(pair)))
strata = st.lists(st.tuples(counts, counts), min_size=1, max_size=4)


def proportions(pairs):
    """(champion, challenger) of strata of (events, users)."""
    return [Proportion(*np.transpose([stratum[i] for stratum in pairs])) for i in (0, 1)]


def tables(seed, *, segments=3, experiments=()):
    """Bucket tables of segments of different size, with users who are alike within a bucket."""
    random = np.random.default_rng(seed)
    shape = (*experiments, segments, 40)
    users = random.poisson(np.array([50, 200, 20])[:segments, np.newaxis], size=shape)
    return BucketTable(random.binomial(users, random.beta(20, 80, size=shape)), users)


@settings(max_examples=50)
@given(strata)
def test_mantel_haenszel_is_its_definition(pairs):
    champion, challenger = proportions(pairs)
    up = down = off = variance = 0.0
    for (y, m), (x, n) in pairs:
        total, events = n + m, x + y
        up += x * (m - y) / total
        down += y * (n - x) / total
        off += x - n * events / total
        variance += n * m * events * (total - events) / (total**2 * (total - 1))
    found = simpson.mantel_haenszel(champion=champion, challenger=challenger)
    expected = up / down if down else None
    assert isinstance(found.odds_ratios.single, NotEstimable) == (expected is None)
    assert expected is None or found.odds_ratios.single == pytest.approx(expected, rel=1e-9)
    test = found.tests.single
    assert isinstance(test, NotEstimable) == (variance == 0)
    if variance:
        assert test.statistic == pytest.approx(max(abs(off) - 0.5, 0) ** 2 / variance, rel=1e-6, abs=1e-9)
        assert test.p_value == pytest.approx(stats.chi2.sf(test.statistic, 1), rel=1e-9)


def test_in_one_segment_the_odds_ratio_is_that_of_the_sample():
    found = simpson.mantel_haenszel(champion=Proportion([20], [60]), challenger=Proportion([30], [40]))
    assert found.odds_ratios.single == pytest.approx((30 / 10) / (20 / 40))


def test_swapping_the_variants_inverts_the_odds_and_negates_the_differences():
    pair = simpson.mantel_haenszel(champion=KIDNEY_B, challenger=KIDNEY_A)
    swapped = simpson.mantel_haenszel(champion=KIDNEY_A, challenger=KIDNEY_B)
    assert pair.odds_ratios.single == pytest.approx(1 / swapped.odds_ratios.single)
    assert pair.tests.single.statistic == pytest.approx(swapped.tests.single.statistic)
    one = simpson.compare(champion=KIDNEY_B, challenger=KIDNEY_A)
    other = simpson.compare(champion=KIDNEY_A, challenger=KIDNEY_B)
    assert one.standardised.single == pytest.approx(-other.standardised.single)
    assert one.pooled.single == pytest.approx(-other.pooled.single)
    assert one.by_segment.values == pytest.approx(-other.by_segment.values)


def test_a_billion_users_do_not_drown_in_rounding():
    """A cell 1e5 above what is expected, of a variance of 2e9/16 (n_A n_B X (N - X) / N^3 of halves)."""
    n, off = 10**9, 10**5
    champion, challenger = Proportion([n // 2 - off], [n]), Proportion([n // 2 + off], [n])
    found = simpson.mantel_haenszel(champion=champion, challenger=challenger)
    assert found.tests.single.statistic == pytest.approx((off - 0.5) ** 2 / (2e9 / 16), rel=1e-8)


def test_two_thirds_of_a_user_off_are_two_thirds_less_the_correction_and_no_less_than_0():
    none = simpson.mantel_haenszel(champion=Proportion([10], [21]), challenger=Proportion([10], [20]))
    assert none.tests.single.statistic == 0.0
    assert none.tests.single.p_value == 1.0


@pytest.mark.parametrize(
    ("champion", "challenger", "reversed_", "depends"),
    [
        pytest.param(KIDNEY_B, KIDNEY_A, True, True, id="every stratum against the pooled sign"),
        pytest.param(Proportion([10, 20], [100, 100]), Proportion([20, 30], [100, 100]), False, False, id="one mix"),
        pytest.param(
            Proportion([90, 100], [100, 1000]),
            Proportion([920, 9], [1000, 100]),
            False,
            False,
            id="the pooled difference is larger than any stratum's, with mixed signs",
        ),
        pytest.param(
            Proportion([0, 10], [0, 100]), Proportion([50, 20], [100, 100]), False, False, id="one stratum to compare"
        ),
        pytest.param(
            Proportion([0, 900], [0, 1000]), Proportion([0, 92], [900, 100]), True, True, id="and it is the contrary"
        ),
        pytest.param(Proportion([10], [100]), Proportion([10], [100]), False, False, id="no difference at all"),
        pytest.param(Proportion([0], [0]), Proportion([10], [100]), False, False, id="nothing to compare"),
    ],
)
def test_a_reversal_is_where_all_strata_say_the_contrary(champion, challenger, reversed_, depends):
    found = simpson.compare(champion=champion, challenger=challenger)
    assert bool(found.is_reversed) is reversed_
    assert bool(found.depends_on_mix) is depends


@settings(max_examples=50)
@given(strata)
def test_the_standardised_difference_weighs_segments_by_the_users_of_both(pairs):
    champion, challenger = proportions(pairs)
    found = simpson.compare(champion=champion, challenger=challenger)
    differences = [x / n - y / m for (y, m), (x, n) in pairs]
    assert found.by_segment.values == pytest.approx(differences, abs=1e-12)
    expected = np.average(differences, weights=[n + m for (_, m), (_, n) in pairs])
    assert found.standardised.single == pytest.approx(expected, abs=1e-12)


def test_what_cannot_be_compared_has_its_reason():
    found = simpson.compare(champion=Proportion([0, 5], [0, 10]), challenger=Proportion([3, 5], [7, 10]))
    assert found.by_segment[0] == NotEstimable("the champion has 0 users and the challenger 7, both need some")
    assert found.standardised.single == 0.0
    nothing = simpson.compare(champion=Proportion([0], [0]), challenger=Proportion([3], [7]))
    assert nothing.standardised.single == NotEstimable("no segment has users of both variants")
    assert nothing.pooled.single == NotEstimable("the champion has 0 users and the challenger 7, both need some")


def test_odds_without_limit_and_tests_without_variation_have_their_reasons():
    found = simpson.mantel_haenszel(champion=Proportion([0, 0], [9, 9]), challenger=Proportion([0, 0], [9, 0]))
    assert found.odds_ratios.single == NotEstimable(
        "no segment has both an event of the champion and a user of the challenger without one"
    )
    assert found.tests.single == NotEstimable("no segment has users of both variants, with and without an event")


def test_many_experiments_at_once_give_what_each_gives_alone():
    champion = Proportion([[234, 55], [0, 5], [1, 2]], [[270, 80], [0, 10], [5, 5]])
    challenger = Proportion([[81, 192], [3, 4], [3, 1]], [[87, 263], [7, 10], [5, 5]])
    many = simpson.compare(champion=champion, challenger=challenger)
    odds = simpson.mantel_haenszel(champion=champion, challenger=challenger)
    for row in range(3):
        old, new = (Proportion(group.events[row], group.trials[row]) for group in (champion, challenger))
        alone = simpson.compare(champion=old, challenger=new)
        assert many.pooled[row] == alone.pooled.single
        assert many.standardised[row] == alone.standardised.single
        assert many.is_reversed[row] == alone.is_reversed
        one = simpson.mantel_haenszel(champion=old, challenger=new)
        assert odds.odds_ratios[row] == one.odds_ratios.single
        assert odds.tests[row] == one.tests.single


def test_of_one_segment_the_standardised_bucket_difference_is_the_plain_one():
    champion, challenger = tables(1, segments=1), tables(2, segments=1)
    one = simpson.standardised_difference(champion=champion, challenger=challenger).single
    pooled = simpson.pooled_difference(champion=champion, challenger=challenger).single
    for other in (pooled, ratios.difference(champion=champion, challenger=challenger)[0]):
        assert one.estimate == pytest.approx(other.estimate, rel=1e-12)
        assert one.standard_error == pytest.approx(other.standard_error, rel=1e-12)
        assert one.degrees_of_freedom == pytest.approx(other.degrees_of_freedom, rel=1e-9)


def test_the_standardised_bucket_difference_is_that_of_the_totals_with_residuals_added_before_they_are_squared():
    champion, challenger = tables(3), tables(4)
    found = simpson.standardised_difference(champion=champion, challenger=challenger).single
    totals = [
        Proportion(table.numerators.sum(axis=-1), table.denominators.sum(axis=-1)) for table in (champion, challenger)
    ]
    expected = simpson.compare(champion=totals[0], challenger=totals[1]).standardised.single
    assert found.estimate == pytest.approx(expected, rel=1e-12)
    weights = (totals[0].trials + totals[1].trials) / (totals[0].trials + totals[1].trials).sum()
    variance = 0.0
    for table, total in zip((champion, challenger), totals, strict=True):
        for bucket in range(table.size):
            residuals = table.numerators[:, bucket] - total.rates * table.denominators[:, bucket]
            variance += 40 / 39 * (weights * residuals / total.trials).sum() ** 2
    assert found.standard_error == pytest.approx(variance**0.5, rel=1e-12)


def test_a_segment_with_too_few_buckets_is_left_out_and_without_any_the_reason_is_told():
    champion, challenger = tables(5), tables(6)
    sparse = champion.numerators.copy(), champion.denominators.copy()
    for part in sparse:
        part[1, 5:] = 0
    found = simpson.standardised_difference(champion=BucketTable(*sparse), challenger=challenger).single
    kept = [BucketTable(t.numerators[[0, 2]], t.denominators[[0, 2]]) for t in (champion, challenger)]
    assert found == simpson.standardised_difference(champion=kept[0], challenger=kept[1]).single
    few = BucketTable(champion.numerators[..., :5], champion.denominators[..., :5])
    assert simpson.standardised_difference(champion=few, challenger=few).single == NotEstimable(
        "no segment has data in 20 buckets of both variants"
    )


def test_many_bucket_tables_at_once_give_what_each_gives_alone():
    champion, challenger = tables(7, experiments=(2,)), tables(8, experiments=(2,))
    for method in (simpson.standardised_difference, simpson.pooled_difference):
        many = method(champion=champion, challenger=challenger)
        for row in range(2):
            old, new = (BucketTable(t.numerators[row], t.denominators[row]) for t in (champion, challenger))
            alone = method(champion=old, challenger=new).single
            assert many[row].estimate == pytest.approx(alone.estimate, rel=1e-12)
            assert many[row].standard_error == pytest.approx(alone.standard_error, rel=1e-12)


def test_a_segment_that_one_variant_lost_is_found_by_the_split_inside_segments():
    assert simpson.segment_split([[5000, 3000, 2000], [5040, 2990, 1970]]).single.p_value > 0.5
    assert simpson.segment_split([[5000, 3000, 2000], [5000, 3000, 1600]]).single.p_value < 1e-6
    assert simpson.segment_split([[5000, 3000], [0, 0]]).single == NotEstimable(
        "there are counts in 1 variants and 2 segments, two of each are needed"
    )


@pytest.mark.parametrize("method", [simpson.compare, simpson.mantel_haenszel])
@pytest.mark.parametrize(
    ("challenger", "found"),
    [
        pytest.param(Proportion([1, 2, 3], [4, 5, 6]), "found shapes (2,), (3,)", id="other segments"),
        pytest.param(Proportion(1, 4), "found shapes (2,), ()", id="no segments"),
    ],
)
def test_variants_with_other_segments_are_refused(method, challenger, found):
    message = f"champion and challenger must have the same segments as their last axis, {found}"
    with pytest.raises(ValueError, match=re.escape(message)):
        method(champion=KIDNEY_A, challenger=challenger)
