"""The collector's HTTP side: outcomes in, metrics out, and whether it lives and is ready.

Every refusal is JSON with one sentence a fault, ``{"faults": [...]}``; no stack trace leaves the process.
"""

import logging
from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from model_experiment.collector.counting import Tallies
from model_experiment.collector.outcomes import MOST_BYTES, Refusal, read_outcomes
from model_experiment.collector.recording import Recorder
from model_experiment.collector.store import LogError

_UNINFORMED = "the list of experiments must have been read, found no answer from the API server yet"

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Endpoints:
    """What the paths do."""

    def __init__(
        self, registry: CollectorRegistry, recorder: Recorder, tallies: Tallies, *, clock: Callable[[], float]
    ) -> None:
        self._registry = registry
        self._recorder = recorder
        self._tallies = tallies
        self._clock = clock

    async def metrics(self, _request: web.Request) -> web.Response:
        """Everything for Prometheus."""
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthy(self, _request: web.Request) -> web.Response:
        """200 as long as anything is answered: a broken part ends the whole process."""
        return web.Response(text="alive\n")

    async def ready(self, _request: web.Request) -> web.Response:
        """200 once the experiments are known; entries that come earlier would be ignored."""
        return web.Response(text="ready\n") if self._tallies.are_informed else _refused(503, _UNINFORMED)

    async def outcomes(self, request: web.Request) -> web.Response:
        """Stores outcomes: 202 with how many were accepted, attributed and are waiting, else why not."""
        if request.content_type != "application/json":
            return _refused(415, f"the content type must be application/json, found {request.content_type}")
        if not self._tallies.are_informed:
            return _refused(503, _UNINFORMED)
        if encoding := request.headers.get("Content-Encoding"):
            return _refused(415, f"the body must be sent as it is, found Content-Encoding {encoding[:50]}")
        body = await request.read()
        read = read_outcomes(body, self._tallies.catalogue.by_label, now=self._clock())
        if isinstance(read, Refusal):
            return _refused(read.status, *read.faults)
        attributed = await self._recorder.tell(read)
        counts = {"accepted": len(read), "attributed": attributed, "waiting": len(read) - attributed}
        return web.json_response(counts, status=202)


def application(endpoints: Endpoints) -> web.Application:
    """The paths, with every refusal as JSON."""
    app = web.Application(middlewares=[_speak_plainly], client_max_size=MOST_BYTES)
    app.router.add_get("/metrics", endpoints.metrics)
    app.router.add_get("/healthz", endpoints.healthy)
    app.router.add_get("/readyz", endpoints.ready)
    app.router.add_post("/v1/outcomes", endpoints.outcomes)
    return app


@web.middleware
async def _speak_plainly(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns what goes wrong into a sentence."""
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge:
        return _refused(413, f"the body must be at most {MOST_BYTES} bytes, found more")
    except web.HTTPException as error:
        return _refused(error.status, f"{request.method} {request.path}: {error.reason}")
    except LogError as error:
        return _refused(503, f"nothing was stored: {error}; send it again")
    except Exception:
        logger.exception("%s %s failed", request.method, request.path)
        return _refused(500, "the collector must answer, found a fault of its own; its log has the details")


def _refused(status: int, *faults: str) -> web.Response:
    return web.json_response({"faults": faults}, status=status)
