"""Three experiments beside four are refused by name, wherever two variants, two parts or a number for each meet."""

import numpy as np
import pytest

from model_experiment.statistics.effects import (
    adjustment,
    contrasts,
    exact,
    means,
    proportion_intervals,
    proportions,
    quantiles,
    ratios,
)
from model_experiment.statistics.effects.effect import Effects
from model_experiment.statistics.effects.exact import EventRate
from model_experiment.statistics.guardrails import ceiling, change_point
from model_experiment.statistics.shadow import divergence
from model_experiment.statistics.summaries.buckets import BucketTable
from model_experiment.statistics.summaries.histograms import Histogram
from model_experiment.statistics.summaries.moments import JointMoments, Moments
from model_experiment.statistics.summaries.proportions import Proportion


def shares(experiments):
    return Proportion(np.full(experiments, 30), 100)


def users(experiments):
    return Moments.of(np.tile([1.0, 2.0, 4.0], (experiments, 1)))


def pairs(experiments):
    return JointMoments.of(*np.tile([[[1.0, 2.0, 4.0]], [[9.0, 8.0, 8.5]]], (1, experiments, 1)))


def tables(experiments):
    return BucketTable(np.tile(np.arange(100.0), (experiments, 1)), np.full((experiments, 100), 100.0))


def periods(experiments):
    return BucketTable(*np.ones((2, experiments, 2, 100)))


def latencies(experiments):
    return Histogram([0.1], np.ones((experiments, 2)))


def rates(experiments):
    return EventRate(np.full(experiments, 3), 1.0)


def before(compare):
    return lambda champion, challenger: compare(
        champion=champion, champion_before=champion, challenger=challenger, challenger_before=challenger
    )


@pytest.mark.parametrize(
    ("compare", "summary"),
    [
        pytest.param(proportions.difference, shares, id="proportions"),
        pytest.param(proportions.pooled_difference, shares, id="proportions pooled"),
        pytest.param(proportions.relative_difference, shares, id="proportions relatively"),
        pytest.param(lambda **both: proportion_intervals.newcombe(**both, alpha=0.05), shares, id="Newcombe"),
        pytest.param(exact.fisher, shares, id="Fisher"),
        pytest.param(exact.poisson, rates, id="Poisson"),
        pytest.param(divergence.log_e_above_floor, shares, id="noise floor"),
        pytest.param(means.difference, users, id="Welch"),
        pytest.param(means.pooled_difference, users, id="Student"),
        pytest.param(means.relative_difference, users, id="means relatively"),
        pytest.param(means.ratio_difference, pairs, id="ratios of sums"),
        pytest.param(means.relative_ratio_difference, pairs, id="ratios of sums relatively"),
        pytest.param(adjustment.mean_difference, pairs, id="adjusted means"),
        pytest.param(adjustment.relative_mean_difference, pairs, id="adjusted means relatively"),
        pytest.param(adjustment.theta_of_users, pairs, id="theta"),
        pytest.param(ratios.difference, tables, id="buckets"),
        pytest.param(ratios.relative_difference, tables, id="buckets relatively"),
        pytest.param(before(adjustment.difference), tables, id="adjusted buckets"),
        pytest.param(before(adjustment.relative_difference), tables, id="adjusted buckets relatively"),
        pytest.param(
            lambda **both: contrasts.contrast(**both, coefficients=[1, -1], parts=["early", "late"]),
            periods,
            id="contrasts",
        ),
        pytest.param(lambda **both: quantiles.difference(**both, q=0.5, alpha=0.05), latencies, id="quantiles"),
    ],
)
def test_variants_of_different_numbers_of_experiments_are_refused_by_name(compare, summary):
    with pytest.raises(ValueError, match=r"champion.* and .*challenger.* must have shapes that fit together, found"):
        compare(champion=summary(3), challenger=summary(4))


@pytest.mark.parametrize("summary", [shares, users, pairs, tables, latencies])
def test_summaries_of_different_numbers_of_experiments_do_not_add(summary):
    with pytest.raises(ValueError, match="left and right must have shapes that fit together, found"):
        summary(3) + summary(4)


def test_one_bucket_is_not_added_to_each_of_a_hundred():
    with pytest.raises(ValueError, match="left and right must have the same buckets, found 100 and 1"):
        tables(1) + BucketTable([1.0], [1.0])


@pytest.mark.parametrize(
    ("call", "named"),
    [
        pytest.param(lambda n: shares(3).thinned(n), "trials and phi", id="thinning"),
        pytest.param(
            lambda n: proportion_intervals.wilson(shares(3), alpha=n / 9), "proportion and alpha", id="Wilson"
        ),
        pytest.param(
            lambda n: proportion_intervals.clopper_pearson(shares(3), alpha=n / 9),
            "events, trials and alpha",
            id="Clopper-Pearson",
        ),
        pytest.param(
            lambda n: quantiles.interval(latencies(3), q=n / 9, alpha=0.05),
            "histogram, q, alpha and phi",
            id="quantile",
        ),
        pytest.param(
            lambda n: ceiling.is_broken(shares(3), ceiling=n / 9, alpha=0.01, planned_polls=9),
            "challenger and ceiling",
            id="ceiling",
        ),
        pytest.param(
            lambda n: ceiling.lower_bound(shares(3), alpha=[0.01] * 3, planned_polls=n),
            "alpha and planned_polls",
            id="polls",
        ),
        pytest.param(
            lambda n: change_point.relative_null_share(champion=[1, 2, 3], challenger=n, ratio=1.25),
            "champion, challenger and ratio",
            id="null share",
        ),
        pytest.param(
            lambda n: change_point.log_likelihood_ratios([1, 2, 3], n, null_share=0.5),
            "events, others, null_share and phi",
            id="likelihood ratios",
        ),
        pytest.param(
            lambda n: change_point.advanced(change_point.weights_at_start((3,)), np.zeros(6), mass=n / 9),
            "log_weights, log_ratios and mass",
            id="weights",
        ),
        pytest.param(
            lambda n: change_point.rescaled(
                change_point.weights_at_start((3,)), exponent=n / 9, polls=1, planned_polls=9
            ),
            "log_weights, exponent, polls and planned_polls",
            id="rescaled weights",
        ),
        pytest.param(
            lambda n: change_point.log_evidence(change_point.weights_at_start((3,)), polls=n, planned_polls=9),
            "log_weights, polls and planned_polls",
            id="evidence",
        ),
        pytest.param(lambda n: pairs(3).combined(1.0, n), "weight, other_weight and users", id="combined"),
        pytest.param(
            lambda n: means.difference(champion=users(3), challenger=users(3)).interval(n), "critical", id="z"
        ),
        pytest.param(
            lambda n: ratios.overdispersion(tables(3), BucketTable(*np.ones((2, n.size, 100)))),
            "table 1 and table 2",
            id="over-dispersion",
        ),
    ],
)
def test_a_number_for_each_of_four_is_refused_by_name_beside_three(call, named):
    with pytest.raises(ValueError, match=rf"{named}.* must have shapes that fit together, found"):
        call(np.array([1.0, 2.0, 3.0, 4.0]))


def test_over_dispersion_of_a_lone_table_and_of_many_is_that_of_the_larger_in_each():
    lone, many = BucketTable(np.arange(100.0), np.full(100, 100.0)), tables(3)
    np.testing.assert_array_equal(ratios.overdispersion(lone, many).values, ratios.overdispersion(many).values)


@pytest.mark.parametrize(
    "of_many",
    [
        pytest.param(means.difference(champion=users(3), challenger=users(3)), id="effects"),
        pytest.param(ratios.overdispersion(tables(3)), id="estimates"),
        pytest.param(proportion_intervals.wilson(shares(3), alpha=0.05), id="intervals"),
    ],
)
def test_many_experiments_are_no_single_one(of_many):
    with pytest.raises(ValueError, match=r"index must be that of one .* of shape \(3,\), found \(\)"):
        _ = of_many.single


@pytest.mark.parametrize(
    ("coefficients", "experiments"),
    [
        pytest.param([1.0], 1, id="one coefficient for two parts"),
        pytest.param(1.0, 1, id="a coefficient without an axis"),
        pytest.param([1.0, -1.0, 0.0], 1, id="three for two"),
    ],
)
def test_each_part_of_a_contrast_needs_its_coefficient(coefficients, experiments):
    table = periods(experiments)
    with pytest.raises(ValueError, match="coefficients and the champion must be of the 2 parts, found shapes"):
        contrasts.contrast(champion=table, challenger=table, coefficients=coefficients, parts=["early", "late"])


def test_coefficients_of_many_experiments_meet_one_table():
    rng = np.random.default_rng(5)
    old, new = (BucketTable(rng.poisson(9, (2, 40)), np.full((2, 40), 90)) for _ in range(2))
    several = [[1.0, -1.0], [0.5, 0.5]]
    found = contrasts.contrast(champion=old, challenger=new, coefficients=several, parts=["early", "late"])
    assert isinstance(found, Effects)
    for index, alone in enumerate(several):
        each = contrasts.contrast(champion=old, challenger=new, coefficients=alone, parts=["early", "late"])
        assert found[index] == each.single
