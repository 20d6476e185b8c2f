"""A bad argument is refused by name, with what must hold and what was found."""

import math
import re

import pytest

from model_experiment.statistics import (
    buckets,
    change_point,
    e_values,
    group_sequential,
    planning,
    sample_ratio,
    spending,
)
from model_experiment.statistics.buckets import BucketTable
from model_experiment.statistics.change_point import HarmEvidence, Poll, RequestCounts
from model_experiment.statistics.effects import Effect
from model_experiment.statistics.group_sequential import Look
from model_experiment.statistics.mixture import NormalMixture

ONE = RequestCounts(1, 10)
HALF = Look(information=0.5, spent=0.003, bound=2.96)
END = Look(information=0.8, spent=0.05, bound=2.0)
STORED = HarmEvidence.at_start(planned_polls=10).to_storage()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: BucketTable([1, -1], [2, 2]),
            "numerators must be 0 or more, found -1",
            id="a negative count",
        ),
        pytest.param(
            lambda: BucketTable([1, 1], [2, math.nan]),
            "denominators must be finite, found nan",
            id="a NaN in a table",
        ),
        pytest.param(
            lambda: BucketTable([1, math.inf], [2, 2]),
            "numerators must be finite, found inf",
            id="an infinite count",
        ),
        pytest.param(
            lambda: BucketTable([1, 1], [2, 2, 2]),
            "numerators and denominators must be lists of one length, found shapes (2,), (3,)",
            id="tables of different lengths",
        ),
        pytest.param(
            lambda: BucketTable([[1, 1]], [[2, 2]]),
            "numerators and denominators must be lists of one length, found shapes (1, 2), (1, 2)",
            id="a table of tables",
        ),
        pytest.param(
            lambda: buckets.overdispersion(BucketTable([0, 5], [9, 4])),
            "numerators must not exceed denominators, found 5 of 4 in bucket 1",
            id="more events than requests in a bucket",
        ),
        pytest.param(lambda: Effect(math.nan, 1.0), "estimate must be finite, found nan", id="an effect that is NaN"),
        pytest.param(
            lambda: Effect(1.0, 0.0),
            "standard_error must be finite and above 0, found 0.0",
            id="an error of 0",
        ),
        pytest.param(
            lambda: Effect(1.0, 1.0, 0),
            "degrees_of_freedom must be above 0, found 0",
            id="no degrees of freedom",
        ),
        pytest.param(
            lambda: Effect(1.0, 1.0).interval(-1.0),
            "critical must be 0 or more, found -1.0",
            id="a negative bound",
        ),
        pytest.param(
            lambda: e_values.threshold(0), "alpha must lie strictly between 0 and 1, found 0", id="alpha of 0"
        ),
        pytest.param(
            lambda: group_sequential.planned_looks(3, alpha=1.0),
            "alpha must lie strictly between 0 and 1, found 1.0",
            id="alpha of 1",
        ),
        pytest.param(
            lambda: NormalMixture.tuned_at(100, alpha=math.nan),
            "alpha must lie strictly between 0 and 1, found nan",
            id="alpha that is NaN",
        ),
        pytest.param(
            lambda: NormalMixture.tuned_at(0, alpha=0.05),
            "sample_size must be finite and above 0, found 0",
            id="a mixture tuned at nothing",
        ),
        pytest.param(lambda: NormalMixture(-1.0), "rho must be finite and above 0, found -1.0", id="a negative rho"),
        pytest.param(
            lambda: NormalMixture(1.0).log_e_value(math.inf, 10),
            "z must be finite, found inf",
            id="an infinite z",
        ),
        pytest.param(
            lambda: NormalMixture(1.0).log_e_value(1.0, -10),
            "sample_size must be finite and 0 or more, found -10",
            id="a negative sample size",
        ),
        pytest.param(
            lambda: spending.obrien_fleming(1.1, alpha=0.05),
            "information must lie between 0 and 1, found 1.1",
            id="spending past the plan",
        ),
        pytest.param(
            lambda: group_sequential.next_look([], information=1.1, alpha=0.05),
            "information must be above 0 and at most 1, found 1.1",
            id="a look past the plan",
        ),
        pytest.param(
            lambda: group_sequential.next_look([HALF], information=0.4, alpha=0.05),
            "information must not fall from look to look, found 0.4 after 0.5",
            id="a look with less information than the last",
        ),
        pytest.param(
            lambda: group_sequential.next_look([HALF, END], information=0.9, alpha=0.05),
            "alpha must not be spent yet, found 0.05 of 0.05 gone at information 0.8",
            id="a look after the final one",
        ),
        pytest.param(
            lambda: group_sequential.final_look([HALF, END], information=0.8, alpha=0.05),
            "alpha must not be spent yet, found 0.05 of 0.05 gone at information 0.8",
            id="a second final look",
        ),
        pytest.param(
            lambda: group_sequential.planned_looks(0, alpha=0.05),
            "count must be finite and 1 or more, found 0",
            id="a plan without looks",
        ),
        pytest.param(
            lambda: Look(0.0, 0.0, 2.0),
            "information must be above 0 and at most 1, found 0.0",
            id="an empty look",
        ),
        pytest.param(
            lambda: Look(0.5, 1.0, 2.0),
            "spent must be at least 0 and below 1, found 1.0",
            id="a look that spent 1",
        ),
        pytest.param(
            lambda: Look(0.5, 0.0, math.nan),
            "bound must be finite and above 0, found nan",
            id="a look without bound",
        ),
        pytest.param(
            lambda: group_sequential.information_fraction(-1, planned=10),
            "size must be finite and 0 or more, found -1",
            id="a negative size",
        ),
        pytest.param(
            lambda: group_sequential.information_fraction(1, planned=0),
            "planned must be finite and above 0, found 0",
            id="a plan of nothing",
        ),
        pytest.param(
            lambda: RequestCounts(3, 2),
            "events must not exceed requests, found 3 of 2",
            id="more events than requests",
        ),
        pytest.param(
            lambda: RequestCounts(math.nan, 2),
            "events must be finite and 0 or more, found nan",
            id="NaN events",
        ),
        pytest.param(lambda: Poll(1, 1, 1.5), "null_share must lie between 0 and 1, found 1.5", id="a share above 1"),
        pytest.param(
            lambda: change_point.relative_poll(champion=ONE, challenger=ONE, ratio=0.0),
            "ratio must be finite and above 0, found 0.0",
            id="a ratio of 0",
        ),
        pytest.param(
            lambda: change_point.relative_poll(champion=ONE, challenger=ONE, ratio=1.0, phi=0.5),
            "phi must be finite and 1 or more, found 0.5",
            id="counts multiplied instead of divided",
        ),
        pytest.param(
            lambda: change_point.absolute_poll(challenger=ONE, limit=1.0),
            "limit must lie strictly between 0 and 1, found 1.0",
            id="a limit that nothing can exceed",
        ),
        pytest.param(
            lambda: HarmEvidence.at_start(planned_polls=0),
            "planned_polls must be finite and 1 or more, found 0",
            id="a run without polls",
        ),
        pytest.param(
            lambda: HarmEvidence(10, 0, (0.0,)),
            "log_weights must be 6 numbers, found 1",
            id="a state too short",
        ),
        pytest.param(
            lambda: HarmEvidence.from_storage({**STORED, "more": 1.0}),
            "stored evidence must have the keys",
            id="a stored state of another edition",
        ),
        pytest.param(
            lambda: sample_ratio.log_e_value([1, 2, 3], weights=[1, 1]),
            "must have one number for each of two or more variants, found shapes (3,) and (2,)",
            id="counts and weights of different length",
        ),
        pytest.param(
            lambda: sample_ratio.log_e_value([1], weights=[1]),
            "must have one number for each of two or more variants, found shapes (1,) and (1,)",
            id="a split into one",
        ),
        pytest.param(
            lambda: sample_ratio.log_e_value([1, 2], weights=[0, 1]),
            "weights must be above 0, found 0",
            id="weight 0",
        ),
        pytest.param(
            lambda: planning.required_per_variant(0.1, 0.1, alpha=0.05, power=0.8),
            "rate1 and rate2 must differ, found 0.1 for both",
            id="a plan for no effect",
        ),
        pytest.param(
            lambda: planning.required_per_variant(0.1, 1.0, alpha=0.05, power=0.8),
            "rate2 must lie strictly between 0 and 1, found 1.0",
            id="a rate of 1",
        ),
        pytest.param(
            lambda: planning.required_per_variant(0.1, 0.2, alpha=0.05, power=0.05),
            "power must lie strictly between alpha (0.05) and 1, found 0.05",
            id="power no better than chance",
        ),
        pytest.param(
            lambda: planning.power_of(0.1, 0.2, per_variant=0, alpha=0.05),
            "per_variant must be finite and above 0, found 0",
            id="no users",
        ),
        pytest.param(
            lambda: planning.split_inflation(0.0),
            "share must lie strictly between 0 and 1, found 0.0",
            id="share 0",
        ),
    ],
)
def test_is_refused_by_name_with_what_was_found(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
