"""Probes and metrics of the controller itself.

``/healthz`` fails when the scheduler has not turned for a while: a process that watches but no longer judges must be
restarted, because a challenger may have traffic.
"""

import asyncio

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from model_experiment.controller.scheduler import Scheduler

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


async def serve(address: str, scheduler: Scheduler) -> web.AppRunner:
    """Starts the HTTP side; ``cleanup`` of the runner ends it."""

    async def healthz(_request: web.Request) -> web.Response:
        silence = asyncio.get_running_loop().time() - scheduler.last_turn
        words = f"the last turn of the scheduler was {silence:.1f} s ago"
        return web.Response(status=200 if silence < LONGEST_SILENCE_SECONDS else 503, text=words)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", healthz), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    host, _, port = address.rpartition(":")
    await web.TCPSite(runner, host or None, int(port)).start()
    return runner
