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

    def __init__(self, runs, planned=PLANNED, ratio=1.0):
        self.planned, self.ratio = planned, ratio
        self.poll, self.phi = 0, 1.0
        self.log_weights = change_point.weights_at_start((runs,))
        self.alarmed_at = np.zeros(runs, dtype=int)

    def see(self, champion, challenger, phi=1.0):
        """One poll of every run: events and requests of both variants, and what all counts so far are divided by."""
        (a, n_a), (b, n_b) = champion, challenger
        plan = {"polls": self.poll, "planned_polls": self.planned}
        self.log_weights = change_point.rescaled(self.log_weights, exponent=self.phi / phi, **plan)
        self.poll, self.phi = self.poll + 1, phi
        share = change_point.relative_null_share(champion=n_a, challenger=n_b, ratio=self.ratio)
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


def all_by_the_phi_of_now(watch, champion, challenger, phi):
    watch.see(champion, challenger, phi)


def each_by_the_phi_of_its_time(watch, champion, challenger, phi):
    watch.see(np.divide(champion, phi), np.divide(challenger, phi))


def undivided(watch, champion, challenger, _):
    watch.see(champion, challenger)


def sticky_pair(**settings):
    """Both variants, with 3,000 users each where nothing else is said."""
    generator = np.random.default_rng(11)
    return [StickyUsers(generator, **{"users": 3000} | settings) for _ in range(2)]


def one_poll(pair, *watched):
    """One poll of both variants, seen in several ways; the phi of each run."""
    old, new = [variant.poll() for variant in pair]
    phi = np.maximum(*[variant.phi() for variant in pair])
    for see, watch in watched:
        see(watch, old, new, phi)
    return phi


def sticky_alarms(seen, *, count, correlation):
    """Whether each run had a false alarm in three days of polls of a quarter of an hour.

    ``seen`` are ways to see the same counts, each with its margin; there is an array for each.
    """
    polls = 3 * 24 * 4
    pair = sticky_pair(runs=count, rate=0.02, correlation=correlation, requests_per_poll=15 * 600)
    watched = [(see, Watch(count, planned=polls, ratio=1 + margin)) for see, margin in seen]
    for _ in range(polls):
        one_poll(pair, *watched)
    return [watch.alarmed_at > 0 for _, watch in watched]


@pytest.mark.parametrize("correlation", [0.05, 0.2])
def test_three_days_of_sticky_users_alarm_at_most_with_alpha(correlation, runs, at_most):
    margins = (0.0, 0.05)
    seen = [(all_by_the_phi_of_now, margin) for margin in margins]
    for margin, alarmed in zip(margins, sticky_alarms(seen, count=runs(300), correlation=correlation), strict=True):
        at_most(f"guardrail, 3 days, sticky users (ICC {correlation}), margin {margin:.0%}", alarmed, nominal=ALPHA)


def test_sticky_users_alarm_more_often_where_not_all_counts_are_divided_by_the_phi_of_now(runs, beyond):
    ways = (each_by_the_phi_of_its_time, undivided)
    seen = [(way, 0.0) for way in ways]
    for way, alarmed in zip(ways, sticky_alarms(seen, count=runs(300), correlation=0.2), strict=True):
        beyond(f"guardrail, 3 days, sticky users (ICC 0.2), {way.__name__}", alarmed, nominal=ALPHA)


@pytest.mark.parametrize(
    ("users", "correlation", "days", "minutes"),
    [
        pytest.param(3000, 0.05, 1, 138, id="3,000 users, one day"),
        pytest.param(30_000, 0.05, 1, 15, id="30,000 users, one day"),
        pytest.param(3000, 0.01, 7, 165, id="3,000 users, a week"),
    ],
)
def test_after_clean_days_of_sticky_users_a_jump_is_seen_within_the_published_minutes(
    users, correlation, days, minutes, measured
):
    """20 requests/s, 1 % to 5 %, margin 25 %; polls of an hour while all is well, then of a minute."""
    runs, per_hour, clean = 100, 20 * 3600, 24 * days
    pair = sticky_pair(runs=runs, users=users, rate=0.01, correlation=correlation, requests_per_poll=per_hour)
    watch = Watch(runs, ratio=1.25)
    for _ in range(clean):
        phi = one_poll(pair, (all_by_the_phi_of_now, watch))
    pair[1].rates = np.minimum(5 * pair[1].rates, 1)
    for variant in pair:
        variant.requests = variant.requests / 60
    for _ in range(10 * minutes):
        one_poll(pair, (all_by_the_phi_of_now, watch))
        if (watch.alarmed_at > 0).all():
            break
    assert (watch.alarmed_at > clean).all()
    delay = np.median(watch.alarmed_at - clean)
    measured(
        f"{users} users, ICC {correlation}, {days} days: phi {np.median(phi):.0f}, {delay:.0f} min, published {minutes}"
    )
    assert delay == pytest.approx(minutes, rel=0.2)
