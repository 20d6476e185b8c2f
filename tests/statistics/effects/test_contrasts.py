"""A contrast adds differences over parts that share their buckets, and pairs the buckets in its error."""

import numpy as np
import pytest

from model_experiment.statistics.effects import contrasts, ratios
from model_experiment.statistics.not_estimable import NotEstimable
from model_experiment.statistics.summaries.buckets import BucketTable


def daily(seed, *, days):
    """A table a day of 40 buckets whose users keep their own rate from day to day."""
    random = np.random.default_rng(seed)
    rate, users = random.beta(20, 80, size=(1, 40)), random.poisson(200, size=(days, 40))
    return BucketTable(random.binomial(users, rate), users)


CHAMPION, CHALLENGER = daily(1, days=2), daily(2, days=2)


def of_days(*coefficients):
    return contrasts.contrast(
        champion=CHAMPION, challenger=CHALLENGER, coefficients=coefficients, parts=["early", "late"]
    ).single


def test_a_contrast_of_one_part_is_the_plain_difference():
    plain = ratios.difference(champion=CHAMPION, challenger=CHALLENGER)
    for day, coefficients in enumerate([(1.0, 0.0), (0.0, 1.0)]):
        assert of_days(*coefficients).estimate == pytest.approx(plain[day].estimate, rel=1e-12)
        assert of_days(*coefficients).standard_error == pytest.approx(plain[day].standard_error, rel=1e-12)


def test_what_users_have_in_common_cancels_in_a_change_and_adds_up_in_a_sum():
    plain = ratios.difference(champion=CHAMPION, challenger=CHALLENGER)
    as_if_independent = np.sqrt(np.square(plain.standard_errors).sum())
    assert of_days(-1.0, 1.0).standard_error < 0.8 * as_if_independent
    assert of_days(1.0, 1.0).standard_error > 1.2 * as_if_independent


def test_a_part_that_cannot_be_estimated_is_named_and_one_that_is_not_used_does_not_matter():
    nobody = BucketTable(CHAMPION.numerators * [[1], [0]], CHAMPION.denominators * [[1], [0]])
    found = [
        contrasts.contrast(champion=nobody, challenger=CHALLENGER, coefficients=c, parts=["early", "late"]).single
        for c in ([1.0, 1.0], [1.0, 0.0])
    ]
    assert found[0] == NotEstimable("late: the champion has data in 0 of 40 buckets, at least 20 are needed")
    assert found[1] == of_days(1.0, 0.0)


def test_coefficients_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="coefficients must be finite, found nan"):
        of_days(1.0, np.nan)
