"""How many access log entries a second the collector counts on one core, over real gRPC and with a real database file.

The mix: every entry belongs to an experiment; 20 % are a user's first (each written to the log), 1 % server errors,
5 % slow; 50 entries a message over 4 streams; /metrics is scraped every second meanwhile. Entries carry what Envoy
always sends. The collector runs in a process of its own on one core; its proxies run on another.

    python benchmarks/collector_throughput.py [ENTRIES]
"""

import asyncio
import multiprocessing
import os
import random
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import grpc
from envoy.data.accesslog.v3.accesslog_pb2 import HTTPAccessLogEntry
from envoy.service.accesslog.v3.als_pb2 import StreamAccessLogsMessage

from model_experiment.assignment import assign
from model_experiment.collector.access_log import SERVICE
from model_experiment.collector.catalogue import Catalogue, Counted, LatencyLimit, catalogue_of
from model_experiment.collector.serving import Addresses, serve
from model_experiment.collector.settings import CollectorSettings

FIRST_TIME = 0.20
ENTRIES_A_MESSAGE = 50
STREAMS = 4
EXPERIMENT = Counted(
    uid="7d0c6c0e-9b5c-4a53-8d0f-5f0f3c1d2e10",
    namespace="shop",
    name="ranker",
    assignment=assign(modulus=500_009, champion="v7", challengers={"v8": 50}),
    header="x-user-id",
    latency_limits=(LatencyLimit("250ms", 250_000_000),),
    outcomes=("purchase",),
)


def entry(user: str, chance: random.Random) -> HTTPAccessLogEntry:
    written = HTTPAccessLogEntry()
    common, request, response = written.common_properties, written.request, written.response
    variant = EXPERIMENT.assignment.variant(user)
    common.route_name = "httproute/shop/ranker-mexp/rule/0/match/0/*"
    common.upstream_cluster = f"httproute/shop/ranker-mexp/rule/0/backend/{EXPERIMENT.variants.index(variant)}"
    common.start_time.GetCurrentTime()
    for name in (
        "duration",
        "time_to_last_rx_byte",
        "time_to_first_upstream_rx_byte",
        "time_to_last_downstream_tx_byte",
    ):
        getattr(common, name).FromMilliseconds(300 if chance.random() < 0.05 else 20)
    common.downstream_remote_address.socket_address.address = "10.1.2.3"
    common.upstream_remote_address.socket_address.address = "10.4.5.6"
    request.path, request.authority, request.user_agent = "/v1/rank?q=shoes", "shop.example", "python-requests/2.32"
    request.request_id = f"{chance.getrandbits(128):032x}"
    request.request_headers["x-user-id"] = user
    response.response_headers["x-variant"] = variant
    response.response_code.value = 500 if chance.random() < 0.01 else 200
    response.response_code_details = "via_upstream"
    return written


def messages(entries: int) -> tuple[list[bytes], int]:
    """Messages as they go over the wire, and how many users there are in them."""
    chance, users = random.Random(1), 0
    made: list[bytes] = []
    for _ in range(entries // ENTRIES_A_MESSAGE):
        message = StreamAccessLogsMessage()
        for _ in range(ENTRIES_A_MESSAGE):
            is_first = users == 0 or chance.random() < FIRST_TIME
            number = users if is_first else chance.randrange(users)
            users += is_first
            message.http_logs.log_entry.append(entry(f"customer-{number:09d}", chance))
        made.append(message.SerializeToString())
    return made, users


def collect(database: Path, pipe: Connection) -> None:
    """The collector's process: on one core until the pipe says stop; then it tells the CPU seconds it took."""
    os.sched_setaffinity(0, {0})

    async def feed(deliver: Callable[[Catalogue], None], _health: object) -> None:
        deliver(catalogue_of([EXPERIMENT]))
        await asyncio.Event().wait()

    async def collector() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_reader(pipe.fileno(), stop.set)
        settings = CollectorSettings("127.0.0.1:0", "127.0.0.1:0", f"sqlite:///{database}")
        await serve(settings, feed, clock=time.time, stop=stop, listening=pipe.send)

    before = time.process_time()
    asyncio.run(collector())
    pipe.send(time.process_time() - before)


def counted(address: str) -> tuple[float, float]:
    """Requests and exposures of a scrape."""
    with urllib.request.urlopen(f"http://{address}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    names = ("model_experiment_requests_total{", "model_experiment_exposures_total{")
    requests, exposures = (sum(float(line.split()[-1]) for line in lines if line.startswith(name)) for name in names)
    return requests, exposures


async def measure(addresses: Addresses, sent: list[bytes], *, users: int) -> tuple[float, float, int]:
    """Seconds until all is received, seconds until all is in the log and counted, and scrapes meanwhile."""

    async def proxy(some: list[bytes]) -> None:
        async with grpc.aio.insecure_channel(addresses.als) as channel:
            await channel.stream_unary(f"/{SERVICE}/StreamAccessLogs")(iter(some))

    began, scrapes = time.perf_counter(), 0
    proxies = asyncio.gather(*(proxy(sent[place::STREAMS]) for place in range(STREAMS)))
    while not (await asyncio.wait([proxies], timeout=1))[0]:
        await asyncio.to_thread(counted, addresses.http)
        scrapes += 1
    received = time.perf_counter() - began
    expected = (len(sent) * ENTRIES_A_MESSAGE, users)
    while await asyncio.to_thread(counted, addresses.http) != expected:  # noqa: ASYNC110 - a counter tells nobody
        await asyncio.sleep(0.05)
    return received, time.perf_counter() - began, scrapes


def main() -> None:
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    os.sched_setaffinity(0, {1})
    sent, users = messages(entries)
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        process = context.Process(target=collect, args=(Path(folder) / "log.db", there))
        process.start()
        received, logged, scrapes = asyncio.run(measure(here.recv(), sent, users=users))
        here.send("stop")
        cpu = here.recv()
        process.join()
    print(f"{entries} entries of {users} users in {len(sent)} messages, {scrapes} scrapes meanwhile")
    print(f"received at {entries / received:,.0f} entries/s, logged and counted at {entries / logged:,.0f} entries/s")
    print(f"{cpu / entries * 1e6:.1f} us of CPU an entry: {entries / cpu:,.0f} entries/s on one core")


if __name__ == "__main__":
    main()
