"""How many pairs a second the comparator asks, compares and counts on one core, and what a hung challenger costs.

The load: POST requests of 1 KB, each of a user of its own, at a steady rate over 16 connections; answers are JSON of 2
KB with 64 scored items; 10 % are asked of the champion twice, 5 % of the challenger's answers differ and are stored as
evidence with their bodies; /metrics is scraped every second meanwhile. The comparator runs in a process of its own on
one core; mirror and models run on another, over real sockets.

Then the challenger takes requests and never answers, at the same rate, with bodies of 64 KB: how much memory that
takes, and how many pairs are dropped.

    python benchmarks/comparator_throughput.py [RATE] [SECONDS]
"""

import asyncio
import json
import multiprocessing
import os
import random
import re
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from model_experiment.api.variants import BackendRef
from model_experiment.comparator.catalogue import catalogue_of, shadowed_from
from model_experiment.comparator.serving import Addresses, Listener, Outside, serve
from model_experiment.comparator.settings import ComparatorSettings

CONNECTIONS = 16
DIFFERENT = 0.05
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
PAIR = re.compile(r"^model_experiment_shadow_(pairs|not_comparable)_total\{(.*)\} (\S+)$", re.MULTILINE)
SHOWN = re.compile(r'(?:variant|result|reason)="(\w+)"')
MANIFEST = {
    "metadata": {"uid": "7d0c6c0e-9b5c-4a53-8d0f-5f0f3c1d2e10", "namespace": "shop", "name": "ranker"},
    "spec": {
        "strategy": "Shadow",
        "champion": {"name": "v7", "backendRef": {"name": "champion", "port": 80}},
        "challengers": [{"name": "v8", "backendRef": {"name": "challenger", "port": 80}}],
        "shadow": {"replay": [{"method": "POST", "path": "/v2"}], "evidence": {"bodies": "Keep"}},
    },
}


@dataclass(frozen=True)
class Ports:
    champion: int
    challenger: int

    def url(self, _namespace: str, backend: BackendRef) -> str:
        return f"http://127.0.0.1:{getattr(self, backend.name)}"


@dataclass(frozen=True)
class Usage:
    cpu_seconds: float
    resident_mib: float
    most_resident_mib: float


def usage() -> Usage:
    status = Path("/proc/self/status").read_text()
    resident, most = (int(re.search(rf"{name}:\s+(\d+)", status)[1]) / 1024 for name in ("VmRSS", "VmHWM"))  # type: ignore[index]
    return Usage(time.process_time(), resident, most)


def compare(folder: Path, ports: Ports, pipe: Connection) -> None:
    """The comparator's process: on one core; it tells its usage whenever the pipe asks, until the pipe says stop."""
    os.sched_setaffinity(0, {0})
    experiments = [found for found in [shadowed_from(MANIFEST)] if found]

    async def feed(listener: Listener) -> None:
        listener.know(catalogue_of(experiments))
        await asyncio.Event().wait()

    async def comparator() -> None:
        stop = asyncio.Event()

        def told() -> None:
            if pipe.recv() == "stop":
                stop.set()
            else:
                pipe.send(usage())

        asyncio.get_running_loop().add_reader(pipe.fileno(), told)
        settings = ComparatorSettings(
            "127.0.0.1:0", "127.0.0.1:0", f"sqlite:///{folder}/evidence.db", pairs_per_second=100_000
        )
        outside = Outside(clock=time.time, chance=random.Random(1).random)
        await serve(settings, feed, ports, outside=outside, stop=stop, listening=pipe.send)

    asyncio.run(comparator())


def length_of(head: bytes) -> int:
    found = LENGTH.search(head)
    return int(found[1]) if found else 0


class Model(asyncio.Protocol):
    """Answers each request with what it is given, or never."""

    def __init__(self, answer: Callable[[], bytes | None]) -> None:
        self._answer, self._waiting = answer, b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while (end := self._waiting.find(b"\r\n\r\n") + 4) > 3:
            length = length_of(self._waiting[:end])
            if len(self._waiting) < end + length:
                return
            self._waiting = self._waiting[end + length :]
            if answer := self._answer():
                self._transport.write(answer)


def response(scale: float) -> bytes:
    chance = random.Random(2)
    items = [{"id": 1000 + place, "score": round(chance.random() * scale, 4)} for place in range(64)]
    body = json.dumps({"model": "ranker", "items": items}).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


async def mirror(address: str, *, rate: float, seconds: float, size: int) -> float:
    """Sends requests at a steady rate; the seconds it took."""
    host, port = address.split(":")
    began, numbers = time.perf_counter(), iter(range(round(rate * seconds)))

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for number in numbers:
            await asyncio.sleep(began + number / rate - time.perf_counter())
            head = (
                "POST /v2/models/ranker/infer HTTP/1.1\r\nhost: x\r\nx-experiment: shop/ranker\r\n"
                f"x-user-id: u-{number}\r\nx-request-id: r-{number}\r\n"
                f"content-type: application/json\r\ncontent-length: {size}\r\n\r\n"
            )
            writer.write(head.encode() + b'"' + b"x" * (size - 2) + b'"')
            await reader.readexactly(length_of(await reader.readuntil(b"\r\n\r\n")))
        writer.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return time.perf_counter() - began


def counted(address: str) -> Counter[tuple[str, ...]]:
    """Pairs by family, variant and result or reason, without those that came to nothing."""
    with urllib.request.urlopen(f"http://{address}/metrics") as answer:
        found = PAIR.findall(answer.read().decode())
    sums: Counter[tuple[str, ...]] = Counter()
    for family, labels, value in found:
        sums[family, *sorted(SHOWN.findall(labels))] += round(float(value))
    return sums


async def load(
    addresses: Addresses, *, rate: float, seconds: float, size: int
) -> tuple[float, Counter[tuple[str, ...]]]:
    """The seconds until every request is a pair, and all pairs so far."""
    before, began = await asyncio.to_thread(counted, addresses.http), time.perf_counter()
    sending = asyncio.create_task(mirror(addresses.mirror, rate=rate, seconds=seconds, size=size))
    while not (await asyncio.wait([sending], timeout=1))[0]:
        await asyncio.to_thread(counted, addresses.http)
    await sending
    now = before
    while pairs_of("v8", now - before) < round(rate * seconds):
        await asyncio.sleep(0.05)
        now = await asyncio.to_thread(counted, addresses.http)
    return time.perf_counter() - began, now - before


def pairs_of(variant: str, found: Counter[tuple[str, ...]]) -> int:
    return sum(count for (family, *labels), count in found.items() if family == "pairs" and variant in labels)


async def asked(pipe: Connection) -> Usage:
    pipe.send("usage")
    return await asyncio.to_thread(pipe.recv)


def told(found: Counter[tuple[str, ...]]) -> str:
    return ", ".join(f"{' '.join(key[1:])} {count}" for key, count in sorted(found.items()) if count)


async def measure(*, rate: float, seconds: float) -> None:
    chance, hanging = random.Random(3), False
    same, other = response(1), response(9)

    def challenger() -> bytes | None:
        return None if hanging else other if chance.random() < DIFFERENT else same

    loop, here = asyncio.get_running_loop(), "127.0.0.1"
    servers = [await loop.create_server(lambda say=say: Model(say), here, 0) for say in (lambda: same, challenger)]
    ports = Ports(*(server.sockets[0].getsockname()[1] for server in servers))
    context = multiprocessing.get_context("spawn")
    pipe, there = context.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        process = context.Process(target=compare, args=(Path(folder), ports, there))
        process.start()
        addresses = await asyncio.to_thread(pipe.recv)
        await load(addresses, rate=100, seconds=1, size=1000)  # connections are made
        before = await asked(pipe)
        took, found = await load(addresses, rate=rate, seconds=seconds, size=1000)
        after = await asked(pipe)
        requests, cpu = round(rate * seconds), after.cpu_seconds - before.cpu_seconds
        print(f"{requests} requests of 1 KB at {rate:.0f}/s, answers of {len(same) / 1000:.1f} KB: {told(found)}")
        print(f"compared at {requests / took:,.0f} pairs/s; {cpu / requests * 1e3:.2f} ms of CPU a pair: ", end="")
        print(f"{requests / cpu:,.0f} pairs/s on one core; {after.resident_mib:.0f} MiB resident")
        hanging = True
        took, found = await load(addresses, rate=rate, seconds=seconds, size=64_000)
        hung = await asked(pipe)
        print(f"hung challenger, {requests} requests of 64 KB at {rate:.0f}/s: {told(found)}")
        print(f"{after.resident_mib:.0f} MiB resident before, at most {hung.most_resident_mib:.0f} MiB")
        pipe.send("stop")
        process.join()
    for server in servers:
        server.close()


def main() -> None:
    rate = float(sys.argv[1]) if len(sys.argv) > 1 else 500.0
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 20.0
    os.sched_setaffinity(0, {1})
    asyncio.run(measure(rate=rate, seconds=seconds))


if __name__ == "__main__":
    main()
