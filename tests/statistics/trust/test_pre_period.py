"""Variants that differed before the experiment are found at the promised rate, and nothing else is."""

import math
import re

import numpy as np
import pytest

from model_experiment.statistics.effects import ratios
from model_experiment.statistics.not_estimable import NotEstimable
from model_experiment.statistics.summaries.buckets import BucketTable
from model_experiment.statistics.trust import pre_period


def table(seed, *, experiments=(), rise=0.0):
    random = np.random.default_rng(seed)
    users = random.poisson(200, size=(*experiments, 40))
    return BucketTable(random.binomial(users, 0.2 + rise), users)


def test_it_is_the_difference_of_bucket_ratios():
    champion, challenger = table(1), table(2)
    found = pre_period.imbalance(champion=champion, challenger=challenger).single
    assert found == ratios.difference(champion=champion, challenger=challenger).single


def test_variants_that_differed_before_are_randomised_anew():
    before = pre_period.imbalance(champion=table(1), challenger=table(2, rise=0.03))
    assert bool(pre_period.must_randomise_anew(before))
    assert before.single.p_value < 0.01


def test_right_splits_are_called_wrong_at_the_rate_that_was_asked_for():
    """Binomial bounds of 4,000 tests: the share at .01 and at .2, to three standard errors."""
    before = pre_period.imbalance(champion=table(1, experiments=(4000,)), challenger=table(2, experiments=(4000,)))
    for alpha in (0.01, 0.2):
        found = pre_period.must_randomise_anew(before, alpha=alpha).mean()
        assert abs(found - alpha) < 3 * math.sqrt(alpha * (1 - alpha) / 4000)


def test_without_a_pre_period_nothing_is_said():
    nobody = BucketTable(np.zeros(40), np.zeros(40))
    before = pre_period.imbalance(champion=nobody, challenger=table(1))
    assert not pre_period.must_randomise_anew(before)
    assert before.single == NotEstimable("the champion has data in 0 of 40 buckets, at least 20 are needed")


def test_many_experiments_at_once_give_what_each_gives_alone():
    champion, challenger = table(1, experiments=(3,)), table(2, experiments=(3,), rise=0.01)
    many = pre_period.must_randomise_anew(pre_period.imbalance(champion=champion, challenger=challenger), alpha=0.5)
    for row in range(3):
        old, new = (BucketTable(t.numerators[row], t.denominators[row]) for t in (champion, challenger))
        alone = pre_period.must_randomise_anew(pre_period.imbalance(champion=old, challenger=new), alpha=0.5)
        assert bool(alone) == many[row]


def test_alpha_of_0_is_refused():
    before = pre_period.imbalance(champion=table(1), challenger=table(2))
    with pytest.raises(ValueError, match=re.escape("alpha must lie strictly between 0 and 1, found 0")):
        pre_period.must_randomise_anew(before, alpha=0)
