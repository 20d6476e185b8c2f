"""A shadow experiment on a mesh: the comparator behind its Service, users of the champion, and how long they waited."""

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import requests

import chart
from collector.collecting import Scrape, scraped
from control_plane.plane import ControlPlane
from demo.operator_process import COMPARATOR, start_comparator
from demo.operator_process import Comparator as Running
from model_experiment.routing.mirroring import Comparator

Manifest = dict[str, Any]

COPIES = "model_experiment_comparator_requests_total"
PAIRS = "model_experiment_shadow_pairs_total"


def shadow(**changes: Any) -> Manifest:
    """What a shadow experiment says otherwise than the usual one; ``changes`` are fields of ``spec.shadow``."""
    return {"strategy": "Shadow", "objectives": [], "shadow": {"repeatChampion": 1, **changes}}


@dataclass(frozen=True, slots=True)
class Compared:
    """A running comparator in a namespace of its own, and the objects of the chart that meshes need for it."""

    running: Running
    namespace: str
    objects: dict[str, Manifest]

    @property
    def place(self) -> Comparator:
        """As the operator's settings name it."""
        return Comparator(self.namespace, COMPARATOR, 9203)

    def scrape(self) -> Scrape:
        return scraped(requests.get(self.running.metrics, timeout=5).text)

    def until(self, metric: str, value: float, *, seconds: float = 20, **labels: str) -> Scrape:
        """The first scrape in which a metric has reached a value."""
        until = time.monotonic() + seconds
        while (scrape := self.scrape()).total(metric, **labels) < value:
            assert time.monotonic() < until, f"{metric} {labels} stayed {scrape.by(metric, *labels)}"
            time.sleep(0.05)
        return scrape


@contextmanager
def compared(plane: ControlPlane, folder: Path, *, routes_from: str) -> Iterator[Compared]:
    """Starts a comparator; ``routes_from`` is the namespace that the chart is told to let routes come from."""
    name = f"operator-{secrets.token_hex(4)}"
    metadata = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    plane.api.create(metadata)
    values = {"enabled": True, "routesFrom": [routes_from], "destinationRule": {"enabled": True}}
    rendered = chart.rendered_chart(
        {"prometheus": {"url": plane.prometheus_url}, "fullnameOverride": "mexp", "comparator": values}, namespace=name
    )
    objects = {each["kind"]: each for each in rendered if each["kind"] in ("ReferenceGrant", "DestinationRule")}
    running = start_comparator(plane, folder, name)
    try:
        yield Compared(running, name, objects)
    finally:
        running.process.stop()
        plane.api.delete(metadata)


@dataclass(slots=True)
class Users:
    """Users who ask at a steady rate, whether answers come or not: (status, who answered, milliseconds)."""

    url: str
    answers: list[tuple[int, str, float]] = field(default_factory=list)

    async def ask(self, count: int, *, rate: float, **headers: str) -> None:
        """Sends that many requests with these headers, each when its time has come."""
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            begun, tasks = time.monotonic(), []
            for number in range(count):
                await asyncio.sleep(max(0, begun + number / rate - time.monotonic()))
                tasks.append(asyncio.create_task(self._ask(session, number, headers)))
            await asyncio.gather(*tasks)

    async def _ask(self, session: aiohttp.ClientSession, number: int, headers: dict[str, str]) -> None:
        begun = time.perf_counter()
        async with session.get(f"{self.url}?n={number}", headers=headers) as answer:
            model = (await answer.json(content_type=None) or {}).get("model", "")
        self.answers.append((answer.status, model, 1000 * (time.perf_counter() - begun)))

    @property
    def saw(self) -> set[tuple[int, str]]:
        """Status and model of all answers."""
        return {(status, model) for status, model, _ in self.answers}

    def slowest(self, percent: float = 1) -> float:
        """Milliseconds that the slowest so many percent waited, or longer."""
        waited = sorted(milliseconds for _, _, milliseconds in self.answers)
        return waited[-max(1, int(len(waited) * percent / 100))]
