"""What has been counted: a missing table is no zero, and a broken one is refused."""

import numpy as np
import pytest

from metrics.builders import ERRORS, NOW, table
from model_experiment.decision.counts import REQUESTS, Counts, Family, Measure

COUNTS = Counts(NOW, {("v8", REQUESTS): table(2.0, b3=7.0)})


def test_totals_are_the_sum_over_buckets():
    assert COUNTS.total("v8", REQUESTS) == 99 * 2 + 7
    assert COUNTS.buckets("v8", REQUESTS)[3] == 7


def test_what_was_not_measured_is_an_error_instead_of_zero():
    assert not COUNTS.has("v8", ERRORS)
    with pytest.raises(LookupError, match="responses ServerError of variant v8 was not measured"):
        COUNTS.total("v8", ERRORS)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(np.zeros(99), id="a bucket is missing"),
        pytest.param(table(0.0, b1=np.nan), id="a number is not a number"),
        pytest.param(table(0.0, b1=np.inf), id="a number is infinite"),
    ],
)
def test_a_table_must_have_one_finite_number_for_each_bucket(broken):
    with pytest.raises(ValueError, match="requests of variant v8 must be 100 finite numbers"):
        Counts(NOW, {("v8", REQUESTS): broken})


def test_a_measure_names_itself_in_plain_words():
    assert str(REQUESTS) == "requests"
    assert str(Measure(Family.SLOW_RESPONSES, "250ms")) == "slow_responses 250ms"


def test_what_has_been_counted_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        COUNTS.buckets("v8", REQUESTS)[0] = 1.0
