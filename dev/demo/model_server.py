"""A model server as a process: answers predictions, fails now and then, and may break after a while.

The errors of a model carry ``x-fault``, so that users can tell them from errors of the gateway: ``ordinary`` for the
few that every model has, ``broken`` from the moment the model breaks.
"""

import argparse
import asyncio
import signal
import time
from random import Random

from aiohttp import web

from demo.scenario import BROKEN_ERRORS, ORDINARY_ERRORS

HEALTH = "/healthz"


class Model:
    """Answers 200 or 500; its first prediction starts the clock after which it breaks, if it is to break."""

    def __init__(self, name: str, *, seed: int, breaks_after_seconds: float | None) -> None:
        self._name = name
        self._chance = Random(f"{name}/{seed}")  # noqa: S311 - a story, not a secret
        self._breaks_after_seconds = breaks_after_seconds
        self._first: float | None = None

    def fault(self, now: float) -> str | None:
        """Whether this prediction fails, and as what; ``now`` is in seconds of any steady clock."""
        self._first = now if self._first is None else self._first
        broken = self._breaks_after_seconds is not None and now - self._first >= self._breaks_after_seconds
        if self._chance.random() >= (BROKEN_ERRORS if broken else ORDINARY_ERRORS):
            return None
        return "broken" if broken else "ordinary"

    async def predict(self, _request: web.Request) -> web.Response:
        """One prediction."""
        fault = self.fault(time.monotonic())
        if fault is not None:
            return web.json_response({"model": self._name, "error": fault}, status=500, headers={"x-fault": fault})
        return web.json_response({"model": self._name, "items": [3, 1, 2]})


async def _healthy(_request: web.Request) -> web.Response:
    return web.Response(text="alive\n")


async def _serve(model: Model, *, host: str, port: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    application = web.Application()
    application.router.add_get(HEALTH, _healthy)
    application.router.add_route("*", "/{path:.*}", model.predict)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    await stop.wait()
    await runner.cleanup()


def main() -> None:
    """Reads the flags and serves until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m demo.model_server")
    parser.add_argument("--name", required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--breaks-after-seconds", type=float)
    flags = parser.parse_args()
    model = Model(flags.name, seed=flags.seed, breaks_after_seconds=flags.breaks_after_seconds)
    asyncio.run(_serve(model, host=flags.host, port=flags.port))


if __name__ == "__main__":
    main()
