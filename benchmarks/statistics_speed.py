"""How long the statistics take: one tick of many experiments at once, the bounds of a plan, and the import.

Run as ``python benchmarks/statistics_speed.py``. Goals, on one core: a tick of 10,000 experiments with 3 metrics each
under 100 ms, the bounds of 28 looks under 70 ms, the import under 400 ms and without ``scipy.stats``.
"""

import subprocess
import sys
from collections.abc import Callable
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from model_experiment.statistics.effects import ratios
from model_experiment.statistics.guardrails import change_point
from model_experiment.statistics.planning import inflation
from model_experiment.statistics.sequential import group_sequential
from model_experiment.statistics.sequential.normal_mixture import NormalMixture
from model_experiment.statistics.summaries.buckets import BucketTable
from model_experiment.statistics.trust import sample_ratio

EXPERIMENTS, METRICS, BUCKETS = 10_000, 3, 100
GENERATOR = np.random.default_rng(1)


def milliseconds(work: Callable[[], object]) -> float:
    """The best of five."""
    taken = []
    for _ in range(5):
        started = perf_counter()
        work()
        taken.append(perf_counter() - started)
    return min(taken) * 1e3


def show(name: str, work: Callable[[], object], *, goal: float | None = None) -> None:
    against = f"  (goal {goal:g} ms)" if goal else ""
    print(f"{name:66} {milliseconds(work):9.3f} ms{against}")


def tables(shape: tuple[int, ...]) -> BucketTable:
    users = GENERATOR.poisson(50, (*shape, BUCKETS)) + 1
    return BucketTable(GENERATOR.binomial(users, 0.2), users)


def one_tick(champion: BucketTable, challenger: BucketTable) -> dict[str, Callable[[], object]]:
    """What is computed for every metric of every experiment at each tick, and one split and one guardrail of each."""
    shape = champion.denominators.shape[:-1]
    sizes = np.maximum(champion.denominators.sum(axis=-1) + challenger.denominators.sum(axis=-1), 1)
    mixture = NormalMixture.tuned_at(10_000, alpha=0.05)
    effects = ratios.relative_difference(champion=champion, challenger=challenger)
    z = effects.z
    users = np.stack([champion.denominators.sum(axis=-1), challenger.denominators.sum(axis=-1)], axis=-1)
    weights, events, shares = np.full((*shape, 6), -10.0), users[..., 0] // 50, np.full(shape, 0.5)

    def guardrail() -> None:
        likelihoods = change_point.log_likelihood_ratios(events, events + 3, null_share=shares)
        after = change_point.advanced(weights, likelihoods, mass=1e-5)
        change_point.log_evidence(after, polls=50, planned_polls=80_640)

    return {
        "effects of user buckets": lambda: ratios.relative_difference(champion=champion, challenger=challenger),
        "their z": lambda: effects.z,
        "decision intervals": lambda: effects.interval(2.1),
        "anytime evidence and intervals": lambda: (
            mixture.log_e_value(z, sizes),
            effects.interval(mixture.multiplier(sizes, alpha=0.05)),
        ),
        "guardrail polls": guardrail,
        "sample-ratio checks": lambda: sample_ratio.log_e_value(users, weights=[1, 1]),
    }


def show_ticks(shape: tuple[int, ...]) -> None:
    both = tables(shape), tables(shape)
    nothing = np.zeros(both[0].denominators.shape)
    for name, work in one_tick(*both).items():
        show(f"  {name}", work)
    show_all("all of it", *both)
    show_all("all of it, where nobody came", *(BucketTable(nothing, nothing) for _ in both))
    show_all("all of it, where nobody bought", *(BucketTable(nothing, one.denominators) for one in both))
    counts = [(one.numerators, one.denominators) for one in both]
    show("  before it: the tables of both variants from their counts", lambda: [BucketTable(*one) for one in counts])


def show_all(name: str, champion: BucketTable, challenger: BucketTable) -> None:
    steps = one_tick(champion, challenger).values()
    show(f"  {name}", lambda: [work() for work in steps], goal=100)


def the_import() -> None:
    """In a process of its own with compiled bytecode, as in the image; numpy and scipy.special alone beside it."""
    names = ("effects.ratios", "guardrails.change_point", "sequential.group_sequential", "trust.sample_ratio")
    wanted = ", ".join(f"model_experiment.statistics.{name}" for name in names)
    for modules in ("numpy, scipy.special", wanted):
        print(f"import {modules}")
        code = (
            f"import time; started = time.perf_counter(); import {modules}; took = time.perf_counter() - started; "
            "import sys; print(f'  {took * 1e3:.0f} ms, scipy.stats loaded:', 'scipy.stats' in sys.modules)"
        )
        with TemporaryDirectory() as cache:
            environment = {"PYTHONPYCACHEPREFIX": cache}
            subprocess.run([sys.executable, "-c", f"import {modules}"], check=True, env=environment)
            subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def main() -> None:
    print(f"one tick, {EXPERIMENTS:,} experiments with {METRICS} metrics")
    show_ticks((EXPERIMENTS, METRICS))
    print("one experiment")
    champion, challenger = tables(()), tables(())
    looks = group_sequential.planned_looks(14, alpha=0.05)
    show("  effect of user buckets", lambda: ratios.difference(champion=champion, challenger=challenger).single)
    show("  bound of look 14, given 13", lambda: group_sequential.next_look(looks[:-1], information=1.0, alpha=0.05))
    show("  bounds of 28 looks", lambda: group_sequential.planned_looks(28, alpha=0.05), goal=70)
    show("  what 14 looks cost in users", lambda: inflation.sequential(looks, alpha=0.05, power=0.8))
    the_import()


if __name__ == "__main__":
    main()
