"""Power and duration of the designs, for an effect that a single look at the end finds with 80 %.

Each case is a row of a published comparison: the probability to reject with no effect, with the planned effect and with
1.5 and 2 times that, and the share of the plan that it takes on average.
"""

import math

import numpy as np
import pytest

from model_experiment.statistics import tails
from model_experiment.statistics.planning import inflation
from model_experiment.statistics.sequential import group_sequential
from model_experiment.statistics.sequential.spending import Pocock, Power

pytestmark = pytest.mark.slow

ALPHA = 0.05
PLANNED = 2.8015852  # what z must be on average for 80 % with one look
EFFECTS = (0.0, 1.0, 1.5, 2.0)


def bounds_of(looks):
    return [look.bound for look in looks]


def only_at_the_end(count):
    return [math.inf] * (count - 1) + [float(tails.normal_quantile(ALPHA / 2))]


def same_at_each(count, *, alpha):
    return [float(tails.normal_quantile(alpha / 2))] * count


def obrien_fleming(count):
    return bounds_of(group_sequential.planned_looks(count, alpha=ALPHA))


def anytime(count):
    return bounds_of(inflation.anytime_looks(count, alpha=ALPHA))


DESIGNS = [
    pytest.param(only_at_the_end(14), [0.049, 0.801, 0.988, 1.00], [1.00, 1.00, 1.00, 1.00], id="one look at the end"),
    pytest.param(
        same_at_each(14, alpha=ALPHA), [0.218, 0.878, 0.994, 1.00], [None, 0.47, 0.28, 0.18], id="peeking, 14 looks"
    ),
    pytest.param(obrien_fleming(14), [0.049, 0.786, 0.985, 1.00], [0.99, 0.76, 0.56, 0.43], id="O'Brien-Fleming"),
    pytest.param(
        bounds_of(group_sequential.planned_looks(14, alpha=ALPHA, spending=Power(2))),
        [0.049, 0.768, 0.983, 1.00],
        [0.99, 0.72, 0.48, 0.34],
        id="spending the square of information",
    ),
    pytest.param(
        bounds_of(group_sequential.planned_looks(14, alpha=ALPHA, spending=Pocock())),
        [0.049, 0.701, 0.969, 0.999],
        [0.97, 0.68, 0.43, 0.28],
        id="Pocock",
    ),
    pytest.param(
        same_at_each(14, alpha=ALPHA / 14), [0.022, 0.546, 0.928, 0.998], [0.99, 0.77, 0.51, 0.32], id="Bonferroni"
    ),
    pytest.param(anytime(14), [0.010, 0.484, 0.906, 0.996], [1.0, 0.83, 0.57, 0.38], id="anytime, 14 looks"),
    pytest.param(anytime(100), [0.015, 0.520, 0.919, 0.997], [0.99, 0.79, 0.52, 0.33], id="anytime, 100 looks"),
    pytest.param(anytime(1000), [0.018, 0.547, 0.927, 0.997], [0.99, 0.77, 0.50, 0.32], id="anytime, 1,000 looks"),
    pytest.param(
        obrien_fleming(100), [0.051, 0.778, 0.984, 1.00], [0.99, 0.74, 0.54, 0.40], id="O'Brien-Fleming, 100 looks"
    ),
]


def simulated(bounds, effect, *, runs, generator):
    """The share of runs that pass a bound, and the mean share of the plan at which they stop."""
    count, rejected, stopped = len(bounds), 0, 0.0
    information = np.arange(1, count + 1) / count
    for _ in range(0, runs, portion := max(1, min(runs, 2_000_000 // count))):
        scores = generator.normal(effect * PLANNED / count, count**-0.5, (portion, count)).cumsum(axis=1)
        passed = np.abs(scores) > np.asarray(bounds) * np.sqrt(information)
        any_passed = passed.any(axis=1)
        rejected += any_passed.sum()
        stopped += np.where(any_passed, information[passed.argmax(axis=1)], 1.0).sum()
    taken = -(-runs // portion) * portion
    return rejected / taken, stopped / taken


@pytest.mark.parametrize(("bounds", "powers", "durations"), DESIGNS)
def test_a_design_has_the_published_power_and_duration(bounds, powers, durations, *, runs, measured, request):
    generator = np.random.default_rng(4)
    for effect, power, duration in zip(EFFECTS, powers, durations, strict=True):
        found, took = simulated(bounds, effect, runs=runs(10_000), generator=generator)
        measured(f"{request.node.callspec.id}, {effect:g} times the planned effect: {found:.3f} / {took:.2f}")
        assert found == pytest.approx(power, abs=0.02)
        if duration is not None:
            assert took == pytest.approx(duration, abs=0.02)


@pytest.mark.parametrize(("looks", "published"), [(14, 0.218), (100, 0.375), (1000, 0.530)])
def test_peeking_rejects_what_it_should_not_as_often_as_published(looks, published, runs, measured):
    found, _ = simulated(same_at_each(looks, alpha=ALPHA), 0.0, runs=runs(10_000), generator=np.random.default_rng(6))
    measured(f"peeking {looks} times at no effect: {found:.3f}, published {published}")
    assert found == pytest.approx(published, abs=0.02)
