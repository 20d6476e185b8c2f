"""100 experiments go bad at once: how long until all are taken back, and what the controller needs for it.

On the real control plane (API server, Envoy Gateway, Prometheus) with the real controller at its default settings, all
on this machine. The collector alone is played: one scrape address tells the counts of all experiments, which grow at
every scrape, and from one moment on half of every challenger's answers are server errors. No model is asked.

    PYTHONPATH=dev python benchmarks/hundred_experiments.py        # about 2 minutes

The trap: the controller's histogram holds every write of a route, so the releases that follow the take-backs are in it.
"""

import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise, product
from pathlib import Path

import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from control_plane import isolation
from control_plane.api import Api, Manifest
from control_plane.plane import ControlPlane, running
from control_plane.process import started, wait_until
from demo.operator_process import QUICK, Controller, create_controller
from demo.scenario import CHALLENGER, CHAMPION
from demo.shop import Shop, install_definition, open_route, service_of
from model_experiment.api import parse_spec
from model_experiment.assignment import BUCKETS
from model_experiment.decision.counts import EXPOSURES, REQUESTS, Family, Measure
from model_experiment.decision.plan import measures_of
from model_experiment.metrics.families import DETAIL_LABELS, HEARTBEAT, METRICS, STARTED
from model_experiment.objects import HTTP_ROUTE, MODEL_EXPERIMENT
from model_experiment.routing.reading import TAKEN_BACK
from model_experiment.settings import ControllerSettings

EXPERIMENTS = 100
SCRAPE_SECONDS, CALM_SECONDS, LONGEST_SECONDS = 5, 30, 120
SERVER_ERRORS = Measure(Family.RESPONSES, "ServerError")
PACE = {EXPOSURES: 1.0, REQUESTS: 10.0, Measure(Family.OUTCOME_VALUE, "purchase"): 0.2}  # a bucket and scrape
OTHER_PACE, HARMFUL_PACE = 0.1, 5.0  # 1 % of the requests are errors, 1 % are slow; then 50 % are errors
SIGN = "benchmark_harm_planted"
TICKS, ANSWER_TO_ROUTE = "model_experiment_ticks_total", "model_experiment_answer_to_route_seconds"
SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "last": 1.0}


def apply_experiment(plane: ControlPlane, number: int) -> Manifest:
    """An experiment in a namespace of its own, with the user's route and the Services that it stands on."""
    shop = Shop(plane, plane.folder, f"team-{number}")
    plane.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": shop.namespace}})
    for variant in (CHAMPION, CHALLENGER):
        plane.create_service(shop.namespace, service_of(variant))
    open_route(shop)
    experiment = shop.experiment
    del experiment["spec"]["analysis"]  # by default no look is taken before 7 days
    return plane.api.create(experiment)


class Counts:
    """What a collector would tell of all experiments; they grow at every scrape."""

    def __init__(self, experiments: Sequence[Manifest]) -> None:
        self._series, paces, harmed = list[str](), list[float](), list[bool]()
        for made, variant in product(experiments, (CHAMPION, CHALLENGER)):
            whose = f'{{uid="{made["metadata"]["uid"]}",variant="{variant}"'
            for measure in measures_of(parse_spec(made["spec"])):
                detail = DETAIL_LABELS.get(measure.family)
                labels = whose + (f',{detail}="{measure.detail}"' if detail else "")
                self._series += [f'{METRICS[measure.family]}{labels},bucket="{bucket}"}}' for bucket in range(BUCKETS)]
                paces += [PACE.get(measure, OTHER_PACE)] * BUCKETS
                harmed += [(variant, measure) == (CHALLENGER, SERVER_ERRORS)] * BUCKETS
        self._paces, self._harmed, self._counts = np.array(paces), np.array(harmed), np.zeros(len(paces), dtype=int)
        self._chance, self._started, self._is_planted = np.random.default_rng(1), time.time(), False

    def plant_harm(self) -> None:
        self._paces[self._harmed], self._is_planted = HARMFUL_PACE, True

    def scraped(self) -> bytes:
        self._counts += self._chance.poisson(self._paces)
        lines = [f"{STARTED} {self._started}", f"{HEARTBEAT} {time.time()}", f"{SIGN} {int(self._is_planted)}"]
        lines += [f"{series} {count}" for series, count in zip(self._series, self._counts.tolist(), strict=True)]
        return "\n".join([*lines, ""]).encode()


class Scrape(BaseHTTPRequestHandler):
    """One answer to Prometheus."""

    def __init__(self, counts: Counts, *connection: object) -> None:
        self._counts = counts
        super().__init__(*connection)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(self._counts.scraped())

    def log_message(self, *_: object) -> None:
        """Nothing: a scrape is no news."""


@contextmanager
def scraped_by(plane: ControlPlane, counts: Counts) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Scrape, counts))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pace = {f"__scrape_{name}__": f"{SCRAPE_SECONDS}s" for name in ("interval", "timeout")}  # not the plane's own 1 s
    target = {"targets": [f"127.0.0.1:{server.server_port}"], "labels": {"job": "collector", **pace}}
    (plane.prometheus.targets / "collector.json").write_text(json.dumps([target]))
    yield
    server.shutdown()
    server.server_close()


def usage_of(controller: Controller, api: Api) -> dict[str, float]:
    """What the controller used since its start, and its writes of routes by upper bound in seconds."""
    process = Path("/proc") / str(controller.process.pid)
    user, system = process.joinpath("stat").read_text().rpartition(")")[2].split()[11:13]
    pages = int(process.joinpath("statm").read_text().split()[1])
    text = api.session.get(f"http://{controller.address}/metrics").text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {
        "cpu_seconds": (int(user) + int(system)) / os.sysconf("SC_CLK_TCK"),
        "megabytes": pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
        **{sample.name: sample.value for sample in samples if sample.name == TICKS},
        **{sample.labels["le"]: sample.value for sample in samples if sample.name == f"{ANSWER_TO_ROUTE}_bucket"},
    }


def quantile(writes: Mapping[str, float], share: float) -> float:
    """Seconds, even within a bucket of the cumulative histogram; at most its last finite bound."""
    bounds, counts = [float(bound) for bound in writes], list(writes.values())
    return float(np.interp(share * counts[-1], [0, *counts[:-1]], [0, *bounds[:-1]]))


def are_running(api: Api) -> bool:
    found = api.call("GET", MODEL_EXPERIMENT.path(namespace=None)) or {}
    return all(item["status"]["phase"] == "Running" for item in found["items"])


def is_visible(plane: ControlPlane) -> bool:
    """Whether Prometheus has the scrape that brought the harm; one more series in it says so."""
    answer = plane.api.session.get(f"{plane.prometheus_url}/api/v1/query", params={"query": f"{SIGN} == 1"})
    return bool(answer.json()["data"]["result"])


def take_backs(api: Api, since: str) -> list[float]:
    """When each own route was seen to be taken back; returns when all of them are released too."""
    taken_back, released = dict[str, float](), set[str]()
    wish = {"watch": "true", "resourceVersion": since, "timeoutSeconds": str(LONGEST_SECONDS)}
    with api.session.get(api.server + HTTP_ROUTE.path(namespace=None), params=wish, stream=True) as answer:
        lines = answer.iter_lines()
        while len(released) < EXPERIMENTS and (line := next(lines, None)):
            event = json.loads(line)
            metadata = event["object"]["metadata"]
            if metadata.get("annotations", {}).get(TAKEN_BACK):
                taken_back.setdefault(metadata["uid"], time.time())
            if event["type"] == "DELETED":
                released.add(metadata["uid"])
    return list(taken_back.values())


def plant(plane: ControlPlane, counts: Counts) -> tuple[float, list[float]]:
    """Seconds from the planting until Prometheus shows it, and from then until each route is taken back."""
    routes = plane.api.call("GET", HTTP_ROUTE.path(namespace=None)) or {}
    with ThreadPoolExecutor(1) as thread:
        watched = thread.submit(take_backs, plane.api, routes["metadata"]["resourceVersion"])
        planted = time.time()
        counts.plant_harm()
        while not is_visible(plane):
            time.sleep(0.02)
        seen = time.time()
        return seen - planted, [moment - seen for moment in watched.result()]


def measure(plane: ControlPlane, controller: Controller) -> None:
    counts = Counts([apply_experiment(plane, number) for number in range(EXPERIMENTS)])
    with scraped_by(plane, counts):
        wait_until(lambda: are_running(plane.api), "all experiments run", timeout_seconds=LONGEST_SECONDS)
        time.sleep(SCRAPE_SECONDS)
        usages = [usage_of(controller, plane.api)]
        time.sleep(CALM_SECONDS)
        usages.append(usage_of(controller, plane.api))
        unseen, taken_back = plant(plane, counts)
        time.sleep(1)  # a release is counted a moment after it is seen
        usages.append(usage_of(controller, plane.api))
    print(f"{os.cpu_count()} cores; {len(taken_back)} of {EXPERIMENTS} experiments taken back")
    tell(usages, unseen, taken_back)


def tell(usages: Sequence[Mapping[str, float]], unseen: float, taken_back: Sequence[float]) -> None:
    calm, end = ({name: value for name, value in usage.items() if name[0] in "+0123456789"} for usage in usages[1:])
    writes = {bound: count - calm[bound] for bound, count in end.items()}
    rows = {"harm planted until Prometheus shows it": f"{unseen:.2f} s"}
    for name, share in SHARES.items():
        rows[f"from then to taken back, {name}"] = f"{np.quantile(taken_back, share):.2f} s"
        rows[f"answer to route, {name}"] = f"{1000 * quantile(writes, share):.0f} ms"
    rows["  writes, releases too, up to each bound"] = ", ".join(f"{le}: {count:.0f}" for le, count in writes.items())
    for name, (before, after) in zip((f"in {CALM_SECONDS} calm seconds", "taking back"), pairwise(usages), strict=True):
        cpu, ticks = (after[what] - before[what] for what in ("cpu_seconds", TICKS))
        rows[f"controller {name}"] = f"{cpu:.1f} s of CPU, {ticks:.0f} ticks, {after['megabytes']:.0f} MB resident"
    for row in sorted(rows.items(), key=lambda row: row[0].split(",")[0]):
        print("{:42}{}".format(*row))


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite end stops everything too
    isolation.ensure_room()
    with tempfile.TemporaryDirectory(prefix="hundred-experiments-") as folder, running(Path(folder) / "plane") as plane:
        install_definition(plane)
        defaults = ControllerSettings(plane.prometheus_url)
        controller = create_controller(plane, Path(folder), **{name: getattr(defaults, name) for name in QUICK})
        with started(controller.process):
            measure(plane, controller)


if __name__ == "__main__":
    main()
