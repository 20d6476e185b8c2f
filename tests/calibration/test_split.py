"""The check of the split: silent at a thousand polls of a right split, heard early at a wrong one."""

import math

import numpy as np
import pytest

from model_experiment.statistics.sequential import e_values
from model_experiment.statistics.trust import sample_ratio

pytestmark = pytest.mark.slow

POLLS, USERS_PER_POLL = 1000, 1000
THRESHOLD = math.log(e_values.threshold(sample_ratio.ALPHA))


def first_alarms(share, *, runs, weights, seed, polls=POLLS):
    """For each run the users until the first alarm; infinite where there was none."""
    new = np.random.default_rng(seed).binomial(USERS_PER_POLL, share, (runs, polls)).cumsum(axis=1)
    users = USERS_PER_POLL * np.arange(1, polls + 1)
    alarms = sample_ratio.log_e_value(np.stack([users - new, new], axis=-1), weights=weights) >= THRESHOLD
    return np.where(alarms.any(axis=1), users[alarms.argmax(axis=1)], np.inf)


@pytest.mark.parametrize("share", [0.5, 0.01])
def test_a_right_split_is_called_wrong_at_most_with_alpha(share, runs, at_most):
    alarms = np.isfinite(first_alarms(share, runs=runs(3000), weights=[1 - share, share], seed=3))
    at_most(f"a right split with share {share}, 1,000 polls", alarms, nominal=sample_ratio.ALPHA)


def test_51_to_49_instead_of_even_is_found_before_45_thousand_users(measured):
    users = np.median(first_alarms(0.51, runs=500, weights=[1, 1], seed=4, polls=200))
    measured(f"51/49 found after {users:.0f} users")
    assert users <= 45_000
