"""Adjusting by a period before the start halves the variance at correlation 0.71, and moves no error rate.

Each user has a value before and one after, which are correlated; bucket totals are drawn from the sums over users.
"""

import math

import numpy as np
import pytest

from model_experiment.statistics.effects import adjustment
from model_experiment.statistics.summaries.buckets import BucketTable

pytestmark = pytest.mark.slow

ALPHA, CORRELATION, BUCKETS, USERS = 0.05, 0.71, 100, 20_000
LEFT = 1 - CORRELATION**2


def before_and_after(generator, *, runs, share):
    """The tables of one variant that gets a share of all users; a value is 10 on average with deviation 3."""
    users = generator.poisson(USERS * share / BUCKETS, (runs, BUCKETS)).astype(float)
    own, common = generator.standard_normal((2, runs, BUCKETS))
    later = CORRELATION * common + math.sqrt(LEFT) * own
    return [BucketTable(np.maximum(10 * users + 3 * np.sqrt(users) * noise, 0), users) for noise in (common, later)]


@pytest.mark.parametrize("share", [0.5, 0.1])
@pytest.mark.parametrize("compare", [adjustment.difference, adjustment.relative_difference])
def test_the_variance_is_halved_and_the_error_rate_is_kept(compare, share, runs, at_most, measured):
    generator = np.random.default_rng(12)
    old_before, old = before_and_after(generator, runs=runs(5000), share=1 - share)
    new_before, new = before_and_after(generator, runs=runs(5000), share=share)
    adjusted = compare(champion=old, champion_before=old_before, challenger=new, challenger_before=new_before)
    left = np.median(adjusted.variance_left.values)
    name = f"adjusted {compare.__name__}, share {share}"
    measured(f"{name}: {left:.3f} of the variance left, {LEFT:.3f} expected")
    assert left == pytest.approx(LEFT, abs=0.02)
    assert np.var(adjusted.effects.estimates) == pytest.approx(np.mean(adjusted.effects.standard_errors**2), rel=0.1)
    at_most(name, np.abs(adjusted.effects.z) > 1.959964, nominal=ALPHA)
