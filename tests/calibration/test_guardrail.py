"""Alarms of a guardrail: rarely when nothing is wrong, within minutes when something is."""

import math

import numpy as np
import pytest

from model_experiment.statistics.effects import ratios
from model_experiment.statistics.guardrails import change_point
from model_experiment.statistics.sequential import e_values
from model_experiment.statistics.summaries.buckets import BucketTable

pytestmark = pytest.mark.slow

ALPHA, POLLS_PER_MINUTE = 0.01, 4
DAY = 24 * 60 * POLLS_PER_MINUTE
PLANNED = 14 * DAY


class Watch:
    """The evidence of many runs at once, and the poll of each run's first alarm."""

    def __init__(self, runs, planned=PLANNED):
        self.planned, self.poll = planned, 0
        self.log_weights = change_point.weights_at_start((runs,))
        self.alarmed_at = np.zeros(runs, dtype=int)

    def see(self, champion, challenger, *, ratio=1.0, phi=1.0):
        """One poll of every run: events and requests of both variants."""
        (a, n_a), (b, n_b) = champion, challenger
        self.poll += 1
        share = change_point.relative_null_share(champion=n_a, challenger=n_b, ratio=ratio)
        likelihoods = change_point.log_likelihood_ratios(b, a, null_share=share, phi=phi)
        mass = change_point.prior_mass(self.poll, planned_polls=self.planned)
        self.log_weights = change_point.advanced(self.log_weights, likelihoods, mass=mass)
        evidence = change_point.log_evidence(self.log_weights, polls=self.poll, planned_polls=self.planned)
        alarm = (self.alarmed_at == 0) & (evidence >= math.log(e_values.threshold(ALPHA)))
        self.alarmed_at[alarm] = self.poll


@pytest.mark.parametrize(
    ("champion", "challenger"),
    [pytest.param(300, 300, id="even split"), pytest.param(540, 60, id="9 to 1")],
)
def test_three_days_of_independent_requests_alarm_at_most_with_alpha(champion, challenger, runs, at_most):
    count, rate, generator = runs(1000), 0.01, np.random.default_rng(5)
    watch = Watch(count)
    for _ in range(3 * DAY):
        n_a, n_b = generator.poisson(champion, count), generator.poisson(challenger, count)
        watch.see((generator.binomial(n_a, rate), n_a), (generator.binomial(n_b, rate), n_b))
    at_most(f"guardrail, 3 days, {champion}:{challenger} requests a poll", watch.alarmed_at > 0, nominal=ALPHA)


def test_a_ramp_from_1_to_50_percent_under_a_daily_swing_of_errors_alarms_at_most_with_alpha(runs, at_most):
    count, requests, generator = runs(1000), 600, np.random.default_rng(9)
    watch = Watch(count)
    for share in (0.01, 0.05, 0.10, 0.25, 0.50):
        for _ in range(DAY // 4):
            rate = 0.02 * (1 + 0.8 * math.sin(2 * math.pi * watch.poll / DAY))
            n_b = generator.binomial(requests, share, count)
            n_a = requests - n_b
            watch.see((generator.binomial(n_a, rate), n_a), (generator.binomial(n_b, rate), n_b))
    at_most("guardrail, ramp from 1 % to 50 % in 30 hours", watch.alarmed_at > 0, nominal=ALPHA)


def median_delay(requests, before, after, *, clean, seed):
    """Minutes from the change to the alarm, the median of 400 runs with a ``requests`` a poll in each variant."""
    runs, generator = 400, np.random.default_rng(seed)
    watch = Watch(runs)
    for poll in range(clean + DAY):
        rate = before if poll < clean else after
        n_a, n_b = generator.poisson(requests, runs), generator.poisson(requests, runs)
        watch.see((generator.binomial(n_a, before), n_a), (generator.binomial(n_b, rate), n_b))
        if (watch.alarmed_at > 0).all():
            break
    return np.median(watch.alarmed_at[watch.alarmed_at > clean] - clean) / POLLS_PER_MINUTE


@pytest.mark.parametrize(
    ("per_second", "before", "after", "minutes"),
    [
        (20, 0.01, 0.05, 1.0),
        (20, 0.01, 0.02, 7.5),
        (5, 0.01, 0.05, 3.5),
        (100, 0.01, 0.02, 1.75),
        (20, 0.001, 0.01, 3.0),
    ],
)
def test_after_a_clean_day_a_jump_is_seen_within_the_published_minutes(per_second, before, after, minutes, measured):
    delay = median_delay(per_second * 15, before, after, clean=DAY, seed=1)
    measured(f"{per_second}/s {before} -> {after}: {delay:.2f} min, published {minutes}")
    assert delay == pytest.approx(minutes, rel=0.2)


@pytest.mark.parametrize(("after", "minutes"), [(0.05, 0.5), (0.02, 2.75)])
def test_what_is_bad_from_the_start_is_seen_sooner_than_after_a_clean_day(after, minutes, measured):
    delay = median_delay(300, 0.01, after, clean=0, seed=2)
    measured(f"from the start, 0.01 -> {after}: {delay:.2f} min, published {minutes}")
    assert delay == pytest.approx(minutes, rel=0.2)


class StickyUsers:
    """Buckets of returning users with their own rates and traffic, drawn from the sums over their users."""

    def __init__(self, generator, *, runs, users, rate, correlation, requests_per_poll):
        spread = 1 / correlation - 1
        shape = (runs, 100, users // 100)
        traffic = generator.gamma(0.5, 1.0, shape)
        rates = generator.beta(rate * spread, (1 - rate) * spread, shape)
        total = traffic.sum(axis=-1)
        self.generator = generator
        self.requests = requests_per_poll * total / total.sum(axis=-1, keepdims=True)
        self.rates = (traffic * rates).sum(axis=-1) / total
        self.seen = np.zeros((2, runs, 100))

    def poll(self):
        """Events and requests of each run in one more poll."""
        n = self.generator.poisson(self.requests)
        x = self.generator.binomial(n, self.rates)
        self.seen += x, n
        return x.sum(axis=-1), n.sum(axis=-1)

    def phi(self):
        """The over-dispersion of each run so far."""
        events, requests = self.seen
        return ratios.overdispersion(BucketTable(events, requests)).values


def clustered_alarms(*, scaled, count, ratio=1.0):
    """Whether each run had a false alarm in a day of one-minute polls, with and without division by phi."""
    polls, generator = 1440, np.random.default_rng(11)
    settings = {"runs": count, "users": 3000, "rate": 0.02, "correlation": 0.05, "requests_per_poll": 600}
    champion, challenger = StickyUsers(generator, **settings), StickyUsers(generator, **settings)
    watch = Watch(count, planned=polls)
    for _ in range(polls):
        old, new = champion.poll(), challenger.poll()
        phi = np.maximum(champion.phi(), challenger.phi()) if scaled else 1.0
        watch.see(old, new, ratio=ratio, phi=phi)
    return watch.alarmed_at > 0


@pytest.mark.parametrize("margin", [0.0, 0.25])
def test_sticky_users_alarm_at_most_with_alpha_when_counts_are_divided_by_phi(margin, runs, at_most):
    alarmed = clustered_alarms(scaled=True, count=runs(300), ratio=1 + margin)
    at_most(f"guardrail, sticky users, counts divided by phi, margin {margin:.0%}", alarmed, nominal=ALPHA)


def test_sticky_users_alarm_far_more_often_when_requests_are_taken_as_independent(runs, beyond):
    alarmed = clustered_alarms(scaled=False, count=runs(300))
    beyond("guardrail, sticky users, counts as they are", alarmed, nominal=ALPHA)
