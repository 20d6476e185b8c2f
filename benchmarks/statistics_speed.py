"""How long the library takes: one experiment at a time as the operator asks, and many at once in arrays.

Run as ``python benchmarks/statistics_speed.py``. It says nothing of correctness.
"""

from collections.abc import Callable
from time import perf_counter

import numpy as np

from model_experiment.statistics import buckets, change_point, group_sequential, planning, sample_ratio
from model_experiment.statistics.buckets import BucketTable
from model_experiment.statistics.change_point import HarmEvidence, RequestCounts, relative_poll
from model_experiment.statistics.mixture import NormalMixture

EXPERIMENTS = 10_000
GENERATOR = np.random.default_rng(1)


def measure(name: str, work: Callable[[], object], *, size: int = 1) -> None:
    """Print the best of five, per run of ``work`` and per item of it."""
    seconds = []
    for _ in range(5):
        started = perf_counter()
        work()
        seconds.append(perf_counter() - started)
    print(f"{name:58} {min(seconds) * 1e3:9.3f} ms {size / min(seconds):14,.0f} /s")


def main() -> None:
    users = GENERATOR.poisson(50, (EXPERIMENTS, 100)).astype(float) + 1
    outcomes = GENERATOR.binomial(users.astype(int), 0.2).astype(float)
    champion, challenger = BucketTable(outcomes[0], users[0]), BucketTable(outcomes[1], users[1])
    poll = relative_poll(champion=RequestCounts(3, 300), challenger=RequestCounts(4, 300), ratio=1.25)
    evidence, mixture = HarmEvidence.at_start(planned_polls=80_640), NormalMixture.tuned_at(1e4, alpha=0.05)
    looks = group_sequential.planned_looks(14, alpha=0.05)

    print("one experiment")
    measure("difference of two tables", lambda: buckets.difference(champion=champion, challenger=challenger))
    effect = buckets.difference(champion=champion, challenger=challenger)
    measure("  its z and interval", lambda: (effect.z, effect.interval(2.1)))
    measure("  its anytime evidence", lambda: mixture.log_e_value(1.3, 9000))
    measure("over-dispersion of two tables", lambda: buckets.overdispersion(champion, challenger))
    measure("guardrail poll", lambda: evidence.with_poll(poll).value)
    measure("sample-ratio check", lambda: sample_ratio.log_e_value([5000, 5100], weights=[1, 1]))
    measure("bound of look 14, given 13", lambda: group_sequential.next_look(looks[:-1], information=1.0, alpha=0.05))
    measure("plan of 14 looks", lambda: group_sequential.planned_looks(14, alpha=0.05))
    measure("plan of 28 looks", lambda: group_sequential.planned_looks(28, alpha=0.05))
    measure("sequential inflation, 14 looks", lambda: planning.sequential_inflation(looks, alpha=0.05, power=0.8))

    print(f"{EXPERIMENTS:,} at once")
    weights, counts = np.full((EXPERIMENTS, 6), -10.0), outcomes[:, :2]
    measure("ratios and variances", lambda: buckets.ratios_and_variances(outcomes, users), size=EXPERIMENTS)
    measure("sample ratio", lambda: sample_ratio.log_e_value(counts + 9, weights=[1, 1]), size=EXPERIMENTS)
    measure(
        "guardrail poll",
        lambda: change_point.advanced(
            weights, change_point.log_likelihood_ratios(counts[:, 0], counts[:, 1], null_share=0.5), mass=1e-5
        ),
        size=EXPERIMENTS,
    )


if __name__ == "__main__":
    main()
