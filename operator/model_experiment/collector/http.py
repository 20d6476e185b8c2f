"""The collector's HTTP side: outcomes in, metrics out, and whether it lives and is ready.

Every refusal is JSON with one sentence a fault, ``{"faults": [...]}``; no stack trace leaves the process.
"""

import logging
from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CollectorRegistry

from model_experiment.collector.counting import Tallies
from model_experiment.collector.outcomes import MOST_BYTES, Refusal, read_outcomes
from model_experiment.collector.recording import Recorder
from model_experiment.collector.store import LogError
from model_experiment.process.http import UNINFORMED, probes, refused

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(
    registry: CollectorRegistry, recorder: Recorder, tallies: Tallies, *, clock: Callable[[], float]
) -> web.Application:
    """The paths, with every refusal as JSON."""

    def uninformed() -> str:
        return "" if tallies.are_informed else UNINFORMED

    async def outcomes(request: web.Request) -> web.Response:
        """Stores outcomes: 202 with how many were accepted, attributed and are waiting, else why not."""
        if request.content_type != "application/json":
            return refused(415, f"the content type must be application/json, found {request.content_type}")
        if fault := uninformed():
            return refused(503, fault)
        if encoding := request.headers.get("Content-Encoding"):
            return refused(415, f"the body must be sent as it is, found Content-Encoding {encoding[:50]}")
        read = read_outcomes(await request.read(), tallies.catalogue.by_label, now=clock())
        if isinstance(read, Refusal):
            return refused(read.status, *read.faults)
        attributed = await recorder.tell(read)
        counts = {"accepted": len(read), "attributed": attributed, "waiting": len(read) - attributed}
        return web.json_response(counts, status=202)

    paths = web.Application(middlewares=[_speak_plainly], client_max_size=MOST_BYTES)
    paths.add_routes([*probes(registry, ready=uninformed), web.post("/v1/outcomes", outcomes)])
    return paths


@web.middleware
async def _speak_plainly(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns what goes wrong into a sentence."""
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge:
        return refused(413, f"the body must be at most {MOST_BYTES} bytes, found more")
    except web.HTTPException as error:
        return refused(error.status, f"{request.method} {request.path}: {error.reason}")
    except LogError as error:
        return refused(503, f"nothing was stored: {error}; send it again")
    except Exception:
        logger.exception("%s %s failed", request.method, request.path)
        return refused(500, "the collector must answer, found a fault of its own; its log has the details")
