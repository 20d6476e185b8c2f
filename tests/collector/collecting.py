"""What the collector's tests share: an experiment, entries as Envoy writes them, and a collector that runs."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import aiohttp
import grpc
from envoy.data.accesslog.v3.accesslog_pb2 import HTTPAccessLogEntry
from envoy.service.accesslog.v3.als_pb2 import StreamAccessLogsMessage
from envoy.service.accesslog.v3.als_pb2_grpc import AccessLogServiceStub
from prometheus_client.parser import text_string_to_metric_families

from model_experiment.assignment import assign
from model_experiment.collector.catalogue import Catalogue, Counted, LatencyLimit, catalogue_of
from model_experiment.collector.serving import Addresses, serve
from model_experiment.collector.settings import CollectorSettings

RANKER = Counted(
    uid="3f0c-1",
    namespace="shop",
    name="ranker",
    assignment=assign(modulus=100_003, champion="v7", challengers={"v8": 50}),
    header="x-user-id",
    latency_limits=(LatencyLimit("250ms", 250_000_000),),
    outcomes=("purchase",),
)
ROUTE = "httproute/shop/ranker-mexp/rule/0/match/0/*"
CLUSTER = "httproute/shop/ranker-mexp/rule/0/backend/{}"


def users_of(variant: str, *, counted: Counted = RANKER) -> Iterable[str]:
    """As many users as wanted who meet a variant."""
    return (user for user in (f"u-{number}" for number in count()) if counted.assignment.variant(user) == variant)


def user_of(variant: str) -> str:
    return next(iter(users_of(variant)))


def entry(
    user: str | None = None,
    variant: str | None = None,
    *,
    code: int = 200,
    milliseconds: float = 5.0,
    route: str = ROUTE,
    cluster: str | None = None,
    headers: Mapping[str, str] | None = None,
    flags: Iterable[str] = (),
    started: float = 1000.0,
) -> HTTPAccessLogEntry:
    """An entry as the route's own filters and Envoy make it; by default the variant is the user's."""
    written = HTTPAccessLogEntry()
    common = written.common_properties
    common.route_name = route
    common.duration.FromNanoseconds(round(milliseconds * 1e6))
    common.start_time.FromNanoseconds(round(started * 1e9))
    for flag in flags:
        setattr(common.response_flags, flag, True)
    if user is not None:
        written.request.request_headers["x-user-id"] = user
        variant = RANKER.assignment.variant(user) if variant is None else variant
    written.request.request_headers.update(headers or {})
    if variant:
        written.response.response_headers["x-variant"] = variant
    if code:
        written.response.response_code.value = code
    variants = RANKER.variants
    place = variants.index(variant) if variant in variants else 0
    common.upstream_cluster = CLUSTER.format(place) if cluster is None else cluster
    return written


def message(*entries: HTTPAccessLogEntry) -> StreamAccessLogsMessage:
    written = StreamAccessLogsMessage()
    written.http_logs.log_entry.extend(entries)
    return written


Sample = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Scrape:
    """What /metrics said, all experiment counters without their zeros."""

    samples: Mapping[Sample, float]

    def total(self, metric: str, **labels: str) -> float:
        """The sum of a metric over all label sets that have these labels."""
        return sum(
            value
            for (name, found), value in self.samples.items()
            if name == metric and labels.items() <= dict(found).items()
        )

    def by(self, metric: str, *labels: str, **where: str) -> dict[tuple[str, ...], float]:
        """Sums by some labels, without zeros."""
        sums: Counter[tuple[str, ...]] = Counter()
        for (name, found), value in self.samples.items():
            if name == metric and where.items() <= dict(found).items():
                sums[tuple(dict(found)[label] for label in labels)] += value
        return {key: value for key, value in sums.items() if value}


def scraped(text: str) -> Scrape:
    return Scrape(
        {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
    )


@dataclass(frozen=True, slots=True)
class Running:
    """A collector that takes connections."""

    addresses: Addresses
    session: aiohttp.ClientSession
    catalogues: asyncio.Queue[Catalogue]

    async def scrape(self) -> Scrape:
        async with self.session.get(f"http://{self.addresses.http}/metrics") as answer:
            return scraped(await answer.text())

    async def get(self, path: str) -> tuple[int, str]:
        async with self.session.get(f"http://{self.addresses.http}{path}") as answer:
            return answer.status, await answer.text()

    async def tell(self, body: object) -> tuple[int, dict[str, object]]:
        async with self.session.post(f"http://{self.addresses.http}/v1/outcomes", json=body) as answer:
            return answer.status, await answer.json()

    async def stream(self, *messages: StreamAccessLogsMessage) -> None:
        """One stream of a proxy, from its first message to its orderly end."""
        async with grpc.aio.insecure_channel(self.addresses.als) as channel:
            await AccessLogServiceStub(channel).StreamAccessLogs(iter(messages))

    async def until(self, metric: str, value: float, **labels: str) -> Scrape:
        """The first scrape in which a metric has reached a value; the log is written beside the event loop."""
        async with asyncio.timeout(10):
            while (scrape := await self.scrape()).total(metric, **labels) < value:
                await asyncio.sleep(0.01)
        return scrape


@asynccontextmanager
async def running(database: Path, *counted: Counted, als: str = "127.0.0.1:0") -> AsyncIterator[Running]:
    """A collector on free ports that knows these experiments; it is stopped as on SIGTERM."""
    settings = CollectorSettings(als_address=als, http_address="127.0.0.1:0", database=f"sqlite:///{database}")
    stop, catalogues = asyncio.Event(), asyncio.Queue()
    listening: asyncio.Future[Addresses] = asyncio.get_running_loop().create_future()

    async def feed(deliver, _health):
        deliver(catalogue_of(counted))
        while True:
            deliver(await catalogues.get())

    serving = asyncio.create_task(serve(settings, feed, clock=clock(), stop=stop, listening=listening.set_result))
    await asyncio.wait([serving, listening], return_when=asyncio.FIRST_COMPLETED)
    try:
        async with aiohttp.ClientSession() as session:
            yield Running(listening.result(), session, catalogues)
    finally:
        stop.set()
        await serving


def clock():
    """A clock that begins somewhere and goes on by a second with every look."""
    seconds = count(1_700_000_000)
    return lambda: float(next(seconds))
