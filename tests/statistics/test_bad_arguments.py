"""A bad argument is refused by name, with what must hold and what was found; each part has a table of its own."""

import math
import re

import numpy as np
import pytest

from model_experiment.statistics import arguments, chi_square, tails
from model_experiment.statistics.effects import ratios
from model_experiment.statistics.effects.effect import Effect
from model_experiment.statistics.guardrails import ceiling
from model_experiment.statistics.sequential import e_values
from model_experiment.statistics.shadow import divergence
from model_experiment.statistics.summaries.buckets import BucketTable
from model_experiment.statistics.summaries.moments import Moments
from model_experiment.statistics.summaries.proportions import Proportion
from model_experiment.statistics.trust import carry_over, sample_ratio, simpson
from model_experiment.statistics.trust.sample_ratio import SampleRatioCheck


def refused(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(lambda: arguments.finite("x", [1, math.inf]), "x must be finite, found inf", id="infinite"),
        pytest.param(lambda: arguments.counts("x", [3, -1]), "x must be finite and 0 or more, found -1", id="negative"),
        pytest.param(lambda: arguments.whole_counts("x", 2.5), "x must be whole, found 2.5", id="a part of a count"),
        pytest.param(lambda: arguments.positives("x", 0), "x must be finite and above 0, found 0", id="nothing"),
        pytest.param(
            lambda: arguments.at_least("x", math.nan, smallest=1), "x must be finite and 1 or more, found nan", id="NaN"
        ),
        pytest.param(
            lambda: arguments.probabilities("alpha", [0.05, 1.0]),
            "alpha must lie strictly between 0 and 1, found 1",
            id="alpha of 1",
        ),
        pytest.param(lambda: arguments.shares("share", 1.1), "share must lie between 0 and 1, found 1.1", id="share"),
        pytest.param(
            lambda: arguments.parts("events", [1, 5], whole_name="trials", whole=4),
            "events must not exceed trials, found 5 of 4",
            id="more events than trials",
        ),
        pytest.param(
            lambda: arguments.parts("events", [1, 5], whole_name="trials", whole=[4, 5, 6]),
            "events and trials must have shapes that fit together, found (2,), (3,)",
            id="shapes that do not fit",
        ),
        pytest.param(
            lambda: arguments.probability("alpha", [0.05, 0.1]),
            "alpha must be one number, found an array of shape (2,)",
            id="several numbers where there is one",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(call, message):
    refused(call, message)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: BucketTable([1, -1], [2, 2]),
            "numerators must be finite and 0 or more, found -1",
            id="a negative count",
        ),
        pytest.param(
            lambda: BucketTable([1, 1], [2, math.nan]),
            "denominators must be finite and 0 or more, found nan",
            id="a NaN in a table",
        ),
        pytest.param(
            lambda: BucketTable([1, 1], [2, 2, 2]),
            "numerators and denominators must be tables of one shape, found shapes (2,), (3,)",
            id="tables of different lengths",
        ),
        pytest.param(
            lambda: BucketTable(1, 2),
            "numerators and denominators must be tables of one shape, found shapes (), ()",
            id="no buckets",
        ),
        pytest.param(
            lambda: ratios.overdispersion(BucketTable([0, 5], [9, 4])),
            "numerators must not exceed denominators, found 5 of 4",
            id="more events than requests in a bucket",
        ),
        pytest.param(lambda: Effect(math.nan, 1.0), "estimate must be finite, found nan", id="an effect that is NaN"),
        pytest.param(
            lambda: Effect(1.0, 0.0), "standard_error must be finite and above 0, found 0", id="an error of 0"
        ),
        pytest.param(
            lambda: Effect(1.0, 1.0, 0), "degrees_of_freedom must be above 0, found 0", id="no degrees of freedom"
        ),
        pytest.param(
            lambda: Effect(1.0, 1.0).interval(-1.0), "critical must be 0 or more, found -1", id="a negative bound"
        ),
        pytest.param(
            lambda: e_values.threshold(0), "alpha must lie strictly between 0 and 1, found 0", id="alpha of 0"
        ),
    ],
)
def test_a_table_or_effect_that_cannot_be_is_refused(call, message):
    refused(call, message)


THREE = Proportion([1, 2, 3], 10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: SampleRatioCheck().with_users([math.nan, 1], weights=[1, 1]),
            "users must be finite and 0 or more, found nan",
            id="users of a split",
        ),
        pytest.param(
            lambda: SampleRatioCheck().is_mismatch(alpha=[0.1, 0.2]),
            "alpha must be one number, found an array of shape (2,)",
            id="several alphas of one check",
        ),
        pytest.param(
            lambda: sample_ratio.log_marginals([[1, -1]], weights=[1, 1], prior=[1, 1]),
            "batches must be finite and 0 or more, found -1",
            id="a batch",
        ),
        pytest.param(
            lambda: sample_ratio.log_marginals([[1, 1]], weights=[1, 1], prior=[1, 1, 1]),
            "batches and prior must have one number for each of two or more variants, found shapes (1, 2) and (1, 3)",
            id="a prior of three variants",
        ),
        pytest.param(
            lambda: simpson.segment_split([1, 2]),
            "users must have variants and segments as their last two axes, found shape (2,)",
            id="users of segments",
        ),
        pytest.param(
            lambda: carry_over.independence([[1, math.nan], [1, 1]]),
            "users must be finite and 0 or more, found nan",
            id="users of an old experiment",
        ),
        pytest.param(
            lambda: ceiling.lower_bound(THREE, alpha=0.05, planned_polls=[1, 2]),
            "challenger, alpha and planned_polls must have shapes that fit together, found (3,), (), (2,)",
            id="polls of a ceiling",
        ),
        pytest.param(
            lambda: divergence.log_e_above(THREE, limit=[0.1, 0.2]),
            "pairs and limit must have shapes that fit together, found (3,), (2,)",
            id="limits of disagreements",
        ),
        pytest.param(
            lambda: divergence.log_e_below(THREE, limit=[0.1, 0.2]),
            "pairs and limit must have shapes that fit together, found (3,), (2,)",
            id="limits of agreements",
        ),
        pytest.param(
            lambda: Moments.from_sums([1, 2], total=3, squares=9, shift=[1, 2, 3]),
            "n, total, squares and shift must have shapes that fit together, found (2,), (), (), (3,)",
            id="shifts of sums",
        ),
        pytest.param(lambda: tails.log_t_tail(-1, 5), "t must be 0 or more, found -1", id="a tail below the middle"),
        pytest.param(
            lambda: tails.z_of_t(2, [5, -math.inf]), "degrees_of_freedom must be above 0, found -inf", id="freedom of t"
        ),
        pytest.param(
            lambda: tails.z_of_t([1, 2], [1, 2, 3]),
            "t and degrees_of_freedom must have shapes that fit together, found (2,), (3,)",
            id="shapes of t",
        ),
        pytest.param(lambda: tails.t_of_z(-2, 5), "z must be 0 or more, found -2", id="the t of a negative z"),
        pytest.param(lambda: chi_square.log_tail(-1, 5), "statistics must be 0 or more, found -1", id="a chi-square"),
        pytest.param(
            lambda: chi_square.log_tail(1, 0), "degrees_of_freedom must be above 0, found 0", id="freedom of chi-square"
        ),
    ],
)
def test_a_message_names_the_argument_that_was_given(call, message):
    refused(call, message)


@pytest.mark.parametrize("tail", [tails.log_t_tail, tails.z_of_t, tails.t_of_z, chi_square.log_tail])
def test_a_tail_of_what_is_not_known_is_not_known(tail):
    assert np.isnan(tail([math.nan, 1.0], [5.0, math.nan])).all()


def test_nothing_lies_beyond_an_infinite_chi_square():
    assert chi_square.log_tail([math.inf, 0.0], 3).tolist() == [-math.inf, 0.0]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(["3"], id="text"),
        pytest.param([[1], [1, 2]], id="lists of unequal length"),
        pytest.param([1j], id="complex numbers"),
        pytest.param({1: 2}, id="a dictionary"),
        pytest.param([10**400], id="a number beyond a float"),
        pytest.param(np.array(["2020-01-01"], dtype="datetime64[D]"), id="dates"),
    ],
)
@pytest.mark.parametrize("check", [arguments.finite, arguments.counts, arguments.probabilities])
def test_what_is_no_number_is_refused_by_name(check, values):
    refused(lambda: check("x", values), "x must be numbers, found")


def test_a_message_shows_the_digits_in_which_two_counts_differ():
    refused(
        lambda: arguments.parts("events", 1_000_000_001, whole_name="trials", whole=1_000_000_000),
        "events must not exceed trials, found 1000000001 of 1000000000",
    )


@pytest.mark.parametrize("freedom", ["x", [5.0], math.nan])
def test_degrees_of_freedom_are_one_number_above_0(freedom):
    refused(lambda: Effect(1.0, 1.0, freedom), "degrees_of_freedom must be")
