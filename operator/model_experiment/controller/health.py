"""Probes and metrics of the controller itself.

``/healthz`` fails when the scheduler has not turned for a while: a process that watches but no longer judges must be
restarted, because a challenger may have traffic.
"""

import asyncio

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram

from model_experiment.controller.scheduler import Scheduler
from model_experiment.process.http import probes

LONGEST_SILENCE_SECONDS = 15.0

REGISTRY = CollectorRegistry()
TICKS = Counter("model_experiment_ticks_total", "Looks at experiments.", registry=REGISTRY)
TICK_SECONDS = Histogram("model_experiment_tick_seconds", "Duration of one look.", registry=REGISTRY)
ANSWER_TO_ROUTE_SECONDS = Histogram(
    "model_experiment_answer_to_route_seconds",
    "From the decoded answer of the metric source to the acknowledged write of a route, by the step taken.",
    ["step"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5),
    registry=REGISTRY,
)


def application(scheduler: Scheduler) -> web.Application:
    """Probes and metrics over HTTP."""

    def silence() -> str:
        seconds = asyncio.get_running_loop().time() - scheduler.last_turn
        longest = (
            f"the scheduler must turn every {LONGEST_SILENCE_SECONDS:g} s, found its last turn {seconds:.1f} s ago"
        )
        return longest if seconds >= LONGEST_SILENCE_SECONDS else ""

    application = web.Application()
    application.add_routes(probes(REGISTRY, ready=silence, alive=silence))
    return application
