"""100 experiments go bad at once: how long until all are taken back, and what the controller needs for it.

The control plane and the controller are real, with default settings, and share this machine. The collector alone is
played: one scrape address tells the counts of all experiments. Run it with ``PYTHONPATH=dev``; it takes 2 minutes.

The trap: the controller's histogram holds every write of a route, so the releases that follow the take-backs are in it.
"""

import argparse
import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import NamedTuple
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.types import StartResponse

import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from control_plane import isolation
from control_plane.api import Api, Manifest
from control_plane.plane import ControlPlane, running
from control_plane.process import started, wait_until
from demo.operator_process import QUICK, Controller, create_controller
from demo.scenario import CHALLENGER, CHAMPION, SCENARIOS
from demo.shop import Shop, create_models, install_definition, open_route
from model_experiment.api.parsing import parse_spec
from model_experiment.assignment import BUCKETS
from model_experiment.controller.settings import ControllerSettings
from model_experiment.decision.counts import EXPOSURES, REQUESTS, Family, Measure
from model_experiment.decision.plan import measures_of
from model_experiment.metrics.families import COLLECTOR, DETAIL_LABELS
from model_experiment.objects import HTTP_ROUTE, MODEL_EXPERIMENT
from model_experiment.routing.seen_http_route import TAKEN_BACK

EXPERIMENTS = 100
SCRAPE_SECONDS, CALM_SECONDS, LONGEST_SECONDS = 5, 30, 120
SERVER_ERRORS = Measure(Family.RESPONSES, "ServerError")
# A bucket and scrape: 1 % of the requests are errors and 1 % are slow; then half of the challenger's are errors.
PACES = {EXPOSURES: 1.0, REQUESTS: 10.0, Measure(Family.OUTCOME_VALUE, "purchase"): 0.2}
PACE, HARMFUL = 0.1, 5.0
SIGN = "benchmark_harm_planted"  # told by the first scrape that has the harm
TICKS, WRITES = "model_experiment_ticks_total", "model_experiment_answer_to_route_seconds_bucket"
SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


def apply_experiment(plane: ControlPlane, number: int) -> Manifest:
    """An experiment in a namespace of its own, with the user's route and the Services that it stands on."""
    shop = Shop(plane, plane.folder, f"team-{number}")
    create_models(shop, SCENARIOS["harm"], seed=number)  # their Services; the models are not started
    open_route(shop)
    experiment = shop.experiment
    del experiment["spec"]["analysis"]  # by default no look is taken before 7 days
    return plane.api.create(experiment)


class Counts:
    """What a collector would tell of all experiments; they grow at every scrape."""

    def __init__(self, experiments: Sequence[Manifest]) -> None:
        self._series, paces, harmed, numbers = list[str](), list[float](), list[bool](), list[int]()
        for (number, made), variant in product(enumerate(experiments), (CHAMPION, CHALLENGER)):
            for measure in measures_of(parse_spec(made["spec"])):
                detail = f'{DETAIL_LABELS.get(measure.family, "detail")}="{measure.detail}"'  # an empty label is none
                whose = (
                    f'{COLLECTOR.metrics[measure.family]}{{uid="{made["metadata"]["uid"]}",variant="{variant}",{detail}'
                )
                self._series += [f'{whose},bucket="{bucket}"}}' for bucket in range(BUCKETS)]
                paces += [PACES.get(measure, PACE)] * BUCKETS
                harmed += [(variant, measure) == (CHALLENGER, SERVER_ERRORS)] * BUCKETS
                numbers += [number] * BUCKETS
        self._paces, self._harmed, self._counts = np.array(paces), np.array(harmed), np.zeros(len(paces), dtype=int)
        self._chance, self._started, self._signs = np.random.default_rng(1), time.time(), list[str]()
        self._numbers, self._waves, self._wave = np.array(numbers), 0, 0

    def plant_harm(self, waves: int) -> None:
        """From the next scrape on, in one more share of the experiments at each."""
        self._waves, self._signs = waves, [f"{SIGN} 1"]

    def scraped(self) -> bytes:
        if self._wave < self._waves:
            self._wave += 1
            self._paces[self._harmed & (self._numbers * self._waves < self._wave * EXPERIMENTS)] = HARMFUL
        self._counts += self._chance.poisson(self._paces)
        lines = [f"{COLLECTOR.started} {self._started}", f"{COLLECTOR.heartbeat} {time.time()}", *self._signs]
        lines += [f"{series} {count}" for series, count in zip(self._series, self._counts.tolist(), strict=True)]
        return "\n".join([*lines, ""]).encode()


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing: a scrape is no news."""


@contextmanager
def scraped_by(plane: ControlPlane, counts: Counts) -> Iterator[None]:
    def scrape(_: object, start: StartResponse) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/plain; version=0.0.4")])
        return [counts.scraped()]

    with make_server("127.0.0.1", 0, scrape, handler_class=_Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        pace = {f"__scrape_{name}__": f"{SCRAPE_SECONDS}s" for name in ("interval", "timeout")}  # the plane's is 1 s
        target = {"targets": [f"127.0.0.1:{server.server_port}"], "labels": {"job": "collector", **pace}}
        (plane.prometheus.targets / "collector.json").write_text(json.dumps([target]))
        yield
        server.shutdown()


class Usage(NamedTuple):
    cpu_seconds: float
    megabytes: float
    ticks: float
    writes: dict[float, float]  # by upper bound in seconds


def usage_of(controller: Controller, api: Api) -> Usage:
    stat = Path(f"/proc/{controller.process.pid}/stat").read_text().rpartition(")")[2].split()
    text = api.session.get(f"http://{controller.address}/metrics").text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    ticks = sum(sample.value for sample in samples if sample.name == TICKS)
    writes = {
        float(sample.labels["le"]): sample.value
        for sample in samples
        if sample.name == WRITES and sample.labels["step"] == "Parked"
    }
    seconds, megabytes = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK"), int(stat[21]) * 4096 / 1e6
    return Usage(seconds, megabytes, ticks, writes)


def quantile(writes: Mapping[float, float], share: float) -> float:
    """Seconds, even within a bucket of the cumulative histogram; at most its last finite bound."""
    bounds, counts = zip(*sorted(writes.items()), strict=True)
    return float(np.interp(share * counts[-1], [0, *counts[:-1]], [0, *bounds[:-1]]))


def take_backs(api: Api, since: str) -> list[float]:
    """When each own route was seen to be taken back; returns when all of them are released too."""
    taken_back, released = dict[str, float](), 0
    path = f"{HTTP_ROUTE.path(namespace=None)}?watch=true&resourceVersion={since}&timeoutSeconds={LONGEST_SECONDS}"
    with api.session.get(api.server + path, stream=True) as answer:
        events = map(json.loads, answer.iter_lines())
        while released < EXPERIMENTS and (event := next(events, None)):
            metadata = event["object"]["metadata"]
            if metadata.get("annotations", {}).get(TAKEN_BACK):
                taken_back.setdefault(metadata["uid"], time.time())
            released += event["type"] == "DELETED"
    return list(taken_back.values())


def plant(plane: ControlPlane, counts: Counts, waves: int) -> tuple[float, list[float]]:
    """Seconds from the planting until Prometheus shows it, and from then until each route is taken back."""
    routes = plane.api.call("GET", HTTP_ROUTE.path(namespace=None)) or {}
    with ThreadPoolExecutor(1) as thread:
        watched = thread.submit(take_backs, plane.api, routes["metadata"]["resourceVersion"])
        planted = time.time()
        counts.plant_harm(waves)
        while not plane.api.session.get(f"{plane.prometheus_url}/api/v1/query?query={SIGN}").json()["data"]["result"]:
            time.sleep(0.02)
        shown = time.time()
        return shown - planted, [moment - shown for moment in watched.result()]


def are_running(api: Api) -> bool:
    found = api.call("GET", MODEL_EXPERIMENT.path(namespace=None)) or {}
    return all(item["status"]["phase"] == "Running" for item in found["items"])


def measure(plane: ControlPlane, controller: Controller, waves: int) -> None:
    counts = Counts([apply_experiment(plane, number) for number in range(EXPERIMENTS)])
    with scraped_by(plane, counts):
        wait_until(lambda: are_running(plane.api), "all experiments run", timeout_seconds=LONGEST_SECONDS)
        time.sleep(SCRAPE_SECONDS)
        start = usage_of(controller, plane.api)
        time.sleep(CALM_SECONDS)
        calm = usage_of(controller, plane.api)
        unseen, taken_back = plant(plane, counts, waves)
        time.sleep(1)  # a release is counted a moment after it is seen
        end = usage_of(controller, plane.api)
    writes = {bound: count - calm.writes[bound] for bound, count in end.writes.items()}
    print(f"{os.cpu_count()} cores, {len(taken_back)} of {EXPERIMENTS} experiments taken back, harmed in {waves} waves")
    print(f"Prometheus shows the harm       {unseen:.2f} s after it was planted")
    print("     seconds:  from then to taken back  from answer to parked route")
    for name, share in SHARES.items():
        print(f"{name:>12}{np.quantile(taken_back, share):24.2f}{quantile(writes, share):24.2f}")
    print("route writes up to each bound ", ", ".join(f"{bound:g} s: {count:.0f}" for bound, count in writes.items()))
    for name, before, after in (("30 s of calm", start, calm), ("taking back", calm, end)):
        cpu, ticks = after.cpu_seconds - before.cpu_seconds, after.ticks - before.ticks
        print(f"{name:>12}: controller {cpu:.1f} s of CPU, {ticks:.0f} ticks, {after.megabytes:.0f} MB resident")


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite end stops everything too
    parser = argparse.ArgumentParser(description="How fast are experiments taken back where a hundred run?")
    parser.add_argument("--waves", type=int, default=1, help="harm is planted in so many waves, a scrape apart")
    flags = parser.parse_args()
    isolation.ensure_room()
    with tempfile.TemporaryDirectory(prefix="hundred-experiments-") as folder, running(Path(folder) / "plane") as plane:
        install_definition(plane)
        defaults = ControllerSettings(plane.prometheus_url)
        controller = create_controller(plane, Path(folder), **{name: getattr(defaults, name) for name in QUICK})
        with started(controller.process):
            measure(plane, controller, flags.waves)


if __name__ == "__main__":
    main()
