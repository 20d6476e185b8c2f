"""What the comparator's tests share: an experiment, models on loopback, and a comparator that runs."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from collector.collecting import Scrape, scraped
from model_experiment.comparator.catalogue import Catalogue, Shadowed, catalogue_of, shadowed_from
from model_experiment.comparator.heads import LONGEST_LINE_BYTES, MOST_HEADERS
from model_experiment.comparator.serving import Addresses, Listener, Outside, serve
from model_experiment.comparator.settings import ComparatorSettings

PAIRS = "model_experiment_shadow_pairs_total"
ANSWERS = "model_experiment_shadow_answers_total"
NOT_COMPARABLE = "model_experiment_shadow_not_comparable_total"
FIELDS = "model_experiment_shadow_differing_fields_total"
LEFT_OUT = "model_experiment_shadow_left_out_total"

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

ANY_POST = [{"method": "POST", "path": "/"}]


def manifest(**shadow: Any) -> dict[str, Any]:
    """A shadow experiment of the models v7 and v8, which may be asked anything again."""
    return {
        "metadata": {"uid": "5e1f-1", "namespace": "shop", "name": "ranker"},
        "spec": {
            "strategy": "Shadow",
            "champion": {"name": "v7", "backendRef": {"name": "ranker-v7", "port": 8080}},
            "challengers": [{"name": "v8", "backendRef": {"name": "ranker-v8", "port": 8080}}],
            "routing": {"httpRoute": {"name": "ranker"}},
            "guardrails": [{"name": "slow", "limit": "5%", "source": {"latency": {"above": "1s"}}}],
            "shadow": {"repeatChampion": 0, "replay": ANY_POST} | shadow,
        },
    }


def experiment(**shadow: Any) -> Shadowed:
    found = shadowed_from(manifest(**shadow))
    assert found is not None
    return found


@dataclass(slots=True)
class Model:
    """A model on loopback; ``answer`` may be replaced, ``requests`` are what it was asked."""

    answer: Answer
    url: str = ""
    requests: list[tuple[str, str, Mapping[str, str], bytes]] = field(default_factory=list)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        self.requests.append((request.method, request.raw_path, request.headers, body))
        return await self.answer(request)


@asynccontextmanager
async def answering(model: Model) -> AsyncIterator[Model]:
    limits = {"max_line_size": LONGEST_LINE_BYTES, "max_field_size": LONGEST_LINE_BYTES, "max_headers": MOST_HEADERS}
    server = web.Server(model.handle, access_log=None, auto_decompress=False, **limits)
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    model.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield model
    finally:
        await runner.cleanup()


def say(value: Any, **response: Any) -> Answer:
    """Always the same answer: bytes as they are, anything else as JSON."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(body=body, **{"content_type": "application/json"} | response)

    return answer


def say_number(number: Callable[[int], float]) -> Answer:
    """Answers ``{"score": ...}`` by the number in the request's query."""

    async def answer(request: web.BaseRequest) -> web.Response:
        return web.json_response({"score": number(int(request.rel_url.query["n"]))})

    return answer


async def take(seconds: float) -> None:
    """Takes so long by the comparator's clock, which stands still where the loop that both share is late."""
    for _ in range(round(seconds / 0.05)):
        await asyncio.sleep(0.05)


async def hang(_: web.BaseRequest) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def reset(request: web.BaseRequest) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@dataclass(frozen=True, slots=True)
class Running:
    """A comparator that takes mirrored requests, and its two models."""

    addresses: Addresses
    session: aiohttp.ClientSession
    catalogues: asyncio.Queue[Catalogue]
    forget: Callable[[str], None]
    stop: asyncio.Event
    champion: Model
    challenger: Model

    async def mirror(self, target: str = "/v1/rank", *, method: str = "POST", **request: Any) -> int:
        """Sends a request as the mesh mirrors it; the answer's status."""
        headers = {"x-experiment": "shop/ranker", "x-request-id": "r-1"} | request.pop("headers", {})
        url = f"http://{self.addresses.mirror}{target}"
        async with self.session.request(method, url, headers=headers, **request) as answer:
            return answer.status

    async def scrape(self) -> Scrape:
        async with self.session.get(f"http://{self.addresses.http}/metrics") as answer:
            return scraped(await answer.text())

    async def until(self, metric: str, value: float, **labels: str) -> Scrape:
        """The first scrape in which a metric has reached a value; pairs are asked beside the answer."""
        async with asyncio.timeout(20):
            while (scrape := await self.scrape()).total(metric, **labels) < value:
                await asyncio.sleep(0.01)
        return scrape

    async def pairs(self, **labels: str) -> dict[tuple[str, ...], float]:
        """How the first pair ended."""
        return (await self.until(PAIRS, 1)).by(PAIRS, "variant", "result", **labels)


class Loopback:
    """Backends by name; one without a model answers nowhere."""

    def __init__(self, **models: Model) -> None:
        self.models = models

    def url(self, _namespace, backend):
        model = self.models.get(backend.name.replace("-", "_"))
        return model.url if model else None


@asynccontextmanager
async def comparing(
    folder: Path,
    *experiments: Shadowed,
    champion: Answer,
    challenger: Answer | None,
    chance: Callable[[], float] = lambda: 0.0,
    **settings: Any,
) -> AsyncIterator[Running]:
    """A comparator on free ports that knows these experiments; it is stopped as on SIGTERM."""
    given = {"mirror_address": "127.0.0.1:0", "http_address": "127.0.0.1:0", "database": database(folder)} | settings
    stop, catalogues = asyncio.Event(), asyncio.Queue()
    listening: asyncio.Future[Addresses] = asyncio.get_running_loop().create_future()
    listeners: list[Listener] = []

    async def feed(listener):
        listeners.append(listener)
        listener.know(catalogue_of(experiments))
        while True:
            listener.know(await catalogues.get())

    async with AsyncExitStack() as stack:
        models = [await stack.enter_async_context(answering(Model(each or hang))) for each in (champion, challenger)]
        if challenger is None:
            models[1].url = f"http://127.0.0.1:{await _closed_port()}"
        session = await stack.enter_async_context(aiohttp.ClientSession())
        outside = Outside(clock=clock(), chance=chance)
        backends = Loopback(ranker_v7=models[0], ranker_v8=models[1])
        serving = asyncio.create_task(
            serve(
                ComparatorSettings(**given),
                feed,
                backends,
                outside=outside,
                stop=stop,
                listening=listening.set_result,
            )
        )
        await asyncio.wait([serving, listening], return_when=asyncio.FIRST_COMPLETED)
        try:
            addresses, forget = listening.result(), listeners[0].forget
            yield Running(addresses, session, catalogues, forget, stop, *models)
        finally:
            stop.set()
            await serving


def database(folder: Path) -> str:
    return f"sqlite:///{folder}/evidence.db"


def clock():
    """A clock that begins somewhere and goes on by a second with every look."""
    seconds = count(1_700_000_000)
    return lambda: float(next(seconds))


async def _closed_port() -> int:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port
