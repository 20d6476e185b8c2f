"""Shapes that do not fit are refused by the names of the arguments, for every routine over many experiments."""

import re

import numpy as np
import pytest

from model_experiment.statistics.effects.effect import Effects, Scale
from model_experiment.statistics.not_estimable import reasons
from model_experiment.statistics.planning import (
    duration,
    guardrail_delay,
    inflation,
    means,
    midway,
    non_inferiority,
    proportions,
    relative,
)
from model_experiment.statistics.sequential import beta_binomial, rate_ratio
from model_experiment.statistics.sequential.anytime_t import AnytimeT
from model_experiment.statistics.sequential.normal_mixture import NormalMixture, OneSidedNormalMixture
from model_experiment.statistics.summaries.buckets import BucketTable
from model_experiment.statistics.summaries.proportions import Proportion
from model_experiment.statistics.trust import (
    equivalence,
    multiplicity,
    novelty,
    pre_period,
    qualitative_interaction,
    sample_ratio,
    segments,
    simpson,
)
from model_experiment.statistics.trust.equivalence import Better

TWO, THREE = [0.2, 0.3], [0.1, 0.2, 0.3]
PLAN = {"alpha": 0.05, "power": 0.8}
MANY = Proportion(np.ones((2, 2)), np.full((2, 2), 3))


def effects(*shape, scale=Scale.DIFFERENCE):
    return Effects(np.ones(shape), np.ones(shape), np.full(shape, np.inf), reasons(np.zeros(shape), str), scale)


def table(*shape):
    return BucketTable(np.ones(shape), np.full(shape, 9.0))


@pytest.mark.parametrize(
    ("named", "call"),
    [
        ("z, sample_size and rho", lambda: NormalMixture(TWO).log_e_value(THREE, 5)),
        ("sample_size, rho and alpha", lambda: NormalMixture(TWO).multiplier(THREE, alpha=0.05)),
        ("sample_size and alpha", lambda: NormalMixture.tuned_at(TWO, alpha=THREE)),
        ("z, sample_size and rho", lambda: OneSidedNormalMixture(TWO).log_e_value(1.0, THREE)),
        ("sample_size, rho and alpha", lambda: OneSidedNormalMixture(TWO).closed_multiplier(5, alpha=THREE)),
        (
            "t, sample_size, degrees_of_freedom and g",
            lambda: AnytimeT(TWO).log_e_value(1.0, 5, degrees_of_freedom=THREE),
        ),
        (
            "sample_size, degrees_of_freedom, alpha and g",
            lambda: AnytimeT(TWO).multiplier(5, degrees_of_freedom=9, alpha=THREE),
        ),
        (
            "successes, failures, share and concentration",
            lambda: beta_binomial.log_e_value(TWO, THREE, share=0.5, concentration=1),
        ),
        (
            "champion, challenger, share, ratio and concentration",
            lambda: rate_ratio.log_e_value(champion=1, challenger=1, share=TWO, ratio=THREE),
        ),
        (
            "events, exposure, limit and concentration",
            lambda: rate_ratio.log_e_value_above_limit(TWO, exposure=THREE, limit=1),
        ),
        ("rate1, rate2, alpha and power", lambda: proportions.required_per_variant(TWO, 0.4, alpha=THREE, power=0.8)),
        (
            "rate1, rate2, per_variant and alpha",
            lambda: proportions.power_of(TWO, 0.4, per_variant=[1, 2, 3], alpha=0.05),
        ),
        ("effect_size, per_variant and alpha", lambda: means.power_of(TWO, per_variant=[2, 3, 4], alpha=0.05)),
        (
            "change, variation and alpha and power",
            lambda: relative.required_per_variant(TWO, variation=THREE, **PLAN),
        ),
        (
            "change, variation and per_variant and alpha",
            lambda: relative.power_of(TWO, variation=1, per_variant=THREE, alpha=0.05),
        ),
        (
            "alpha and power and variation and per_variant",
            lambda: relative.detectable(TWO, variation=1, alpha=THREE, power=0.8),
        ),
        (
            "difference, limit, standard_deviation, share, alpha and power",
            lambda: non_inferiority.required_for_means(limit=[-1, -2], standard_deviation=THREE, **PLAN),
        ),
        (
            "champion, challenger, limit, share, total and alpha",
            lambda: non_inferiority.power_for_rates(
                champion=TWO, challenger=0.1, limit=-0.05, total=[1, 2, 3], alpha=0.05
            ),
        ),
        ("mean_size, correlation and variation", lambda: inflation.clusters([1, 2], correlation=THREE)),
        ("champion and challenger", lambda: inflation.shares(champion=TWO, challenger=THREE)),
        ("count, alpha and power", lambda: inflation.challengers([1, 2], alpha=THREE, power=0.8)),
        ("label_delay and washout", lambda: duration.days(1, users_per_day=1, label_delay=TWO, washout=THREE)),
        (
            "maximum_days, users_per_day and label_delay and washout",
            lambda: duration.reached([1, 2], users_per_day=[1, 2, 3]),
        ),
        ("standard_error and effect", lambda: midway.additional_multiple(TWO, effect=THREE, **PLAN)),
        (
            "standard_error and effect, sample_size, alpha and power and mixture",
            lambda: midway.additional_multiple_anytime(
                THREE, effect=1, sample_size=9, mixture=NormalMixture(TWO), **PLAN
            ),
        ),
        (
            "champion, challenger, share, ratio and phi",
            lambda: guardrail_delay.information_against_champion(champion=TWO, challenger=THREE, share=0.5),
        ),
        (
            "challenger, limit, share and phi",
            lambda: guardrail_delay.information_against_limit(challenger=TWO, limit=THREE, share=0.5),
        ),
        ("before and alpha", lambda: pre_period.must_randomise_anew(effects(3), alpha=TWO)),
        ("changes, effect and alpha", lambda: novelty.is_flagged(effects(3), effect=effects(2))),
        (
            "champion, challenger and days",
            lambda: novelty.slope(champion=table(2, 5, 9), challenger=table(3, 5, 9)),
        ),
        (
            "champion and challenger",
            lambda: simpson.standardised_difference(champion=table(2, 5, 9), challenger=table(3, 5, 9)),
        ),
        (
            "champion and challenger",
            lambda: simpson.mantel_haenszel(champion=MANY, challenger=Proportion(np.ones((3, 2)), 3)),
        ),
        ("pooled and standardised", lambda: simpson.signs_disagree(TWO, THREE)),
        ("effects and alpha", lambda: segments.simultaneous_intervals(effects(2, 4), alpha=THREE)),
        (
            "tolerance and effects",
            lambda: segments.hidden_negative(effects(2, 4), tolerance=THREE, better=Better.LOWER, alpha=0.05),
        ),
        ("c and segment_count", lambda: qualitative_interaction.log_tail(TWO, segment_count=[2, 3, 4])),
        (
            "effects, low and high",
            lambda: equivalence.equivalence(effects(3), low=-1, high=TWO, critical=1.96),
        ),
        (
            "effects and margin",
            lambda: equivalence.non_inferiority_log_p_values(effects(3), margin=TWO, better=Better.HIGHER),
        ),
        ("log_p_values and planned", lambda: multiplicity.bonferroni(np.full((2, 4), -1.0), planned=[4, 5, 6])),
        ("log_adjusted and alpha", lambda: multiplicity.rejected([-1, -2], alpha=THREE)),
        ("comparisons and alpha", lambda: multiplicity.critical([1, 2], alpha=THREE)),
        (
            "users and concentration",
            lambda: sample_ratio.log_e_value(np.ones((2, 2)), weights=[1, 1], concentration=THREE),
        ),
        ("highest_log_e and alpha", lambda: sample_ratio.is_mismatch(TWO, alpha=THREE)),
    ],
)
def test_shapes_that_do_not_fit_are_refused_by_name(named, call):
    with pytest.raises(ValueError, match=f"^{re.escape(named)} must have shapes that fit together, found "):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: novelty.slope(champion=table(9), challenger=table(9)),
            "champion and challenger must have the same days before their buckets, found shapes (), ()",
            id="no days",
        ),
        pytest.param(
            lambda: novelty.slope(champion=table(5, 9), challenger=table(4, 9)),
            "champion and challenger must have the same days before their buckets, found shapes (5,), (4,)",
            id="other days",
        ),
        pytest.param(
            lambda: novelty.slope(champion=table(5, 9), challenger=table(5, 9), days=3.0),
            "days must be a time for each of the 5 days, found shape ()",
            id="one time for all days",
        ),
        pytest.param(
            lambda: novelty.is_flagged(effects(2), effect=effects(2, scale=Scale.LOG_RATIO)),
            "changes and effect must be on one scale, found difference, log ratio",
            id="a change against an effect on another scale",
        ),
        pytest.param(
            lambda: simpson.pooled_difference(champion=table(3, 9), challenger=table(2, 9)),
            "champion and challenger must have the same segments as their last axis, found shapes (3,), (2,)",
            id="pooled over other segments",
        ),
        pytest.param(
            lambda: segments.hidden_negative(effects(), tolerance=0.1, better=Better.LOWER, alpha=0.05),
            "effects must have the segments as their last axis, found a single effect",
            id="no segments",
        ),
        pytest.param(
            lambda: sample_ratio.SampleRatioCheck().with_users([[1, 2], [3, 4]], weights=[1, 1]),
            "users must be those of one experiment, found shape (2, 2)",
            id="users of two experiments in the state of one",
        ),
    ],
)
def test_axes_that_are_not_there_are_refused_by_name(call, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()
