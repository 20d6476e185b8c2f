"""One run of the demonstration: start everything, apply the experiment, watch it to its end, stop everything.

The trap: processes must be started by the main thread, so nothing here runs beside it.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from control_plane.plane import running
from control_plane.process import Process, started, wait_until
from demo.operator_process import create_collector, create_controller
from demo.scenario import CHALLENGER, Scenario, has_ended
from demo.scene import Scene, conclusion, events_from, users_side
from demo.shop import (
    Shop,
    create_models,
    create_users,
    install_definition,
    is_served,
    open_route,
    read_events,
    read_experiment,
    read_numbers,
)
from demo.show import Show, say_facts

CONTROL_PLANE = "control-plane"
LONGEST_SECONDS = 150.0
_LOOK_SECONDS = 0.25
_LAST_NUMBERS_SECONDS = 1.5
_FIRST_REQUESTS = 300


@dataclass(frozen=True, slots=True)
class Stages:
    """What was done, and how long each took."""

    show: Show
    taken: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Says what begins, and keeps how long it took."""
        self.show.say(f"{title} ...")
        began = time.monotonic()
        yield
        self.taken.append((title, time.monotonic() - began))

    def summary(self) -> str:
        """All stages in one line each."""
        rows = [*self.taken, ("in all", sum(seconds for _, seconds in self.taken))]
        return "\n".join(f"  {seconds:6.1f} s  {title}" for title, seconds in rows)


def play(scenario: Scenario, *, seed: int, folder: Path, show: Show) -> Scene:
    """The last scene, after it has been told; nothing is left running.

    Raises:
        ProcessError: where a part dies; the text has the last lines of its log.
    """
    stages = Stages(show)
    with ExitStack() as stack:
        shop, parts = _set_up(scenario, seed=seed, folder=folder, stages=stages, stack=stack)
        with stages.stage("applying dev/demo/experiment.yaml and watching it to its end"):
            shop.plane.api.apply(shop.experiment)
            last = _watch(shop, parts, show)
        show.close()
        say_facts(show, "The decision", conclusion(last))
        say_facts(show, "What the users saw", users_side(last, challenger=CHALLENGER))
        show.say("\nstopping everything ...")
        stopping = time.monotonic()
    stages.taken.append(("stopping everything", time.monotonic() - stopping))
    show.say(stages.summary())
    return last


def _set_up(
    scenario: Scenario, *, seed: int, folder: Path, stages: Stages, stack: ExitStack
) -> tuple[Shop, Sequence[Process]]:
    with stages.stage("starting etcd, kube-apiserver, Prometheus and Envoy Gateway"):
        plane = stack.enter_context(running(folder / CONTROL_PLANE))
        install_definition(plane)
    shop = Shop(plane, folder)
    with stages.stage("starting mexp collector, mexp controller and the model servers ranker-v7 and ranker-v8"):
        collector, controller = create_collector(plane, folder), create_controller(plane, folder)
        models = create_models(shop, scenario, seed=seed)
        operator = (collector.process, controller.process)
        stack.enter_context(started(*operator, *models))
        plane.add_scrape_target("collector", collector.address)
    with stages.stage("letting users in, through the route to v7 alone"):
        open_route(shop)
        wait_until(lambda: is_served(shop), f"{shop.host} is served")
        users = create_users(shop, collector, scenario, seed=seed)
        stack.enter_context(started(users))
        wait_until(lambda: read_numbers(shop).requests > _FIRST_REQUESTS, "users are served")
    return shop, (*operator, *models, users)


def _watch(shop: Shop, parts: Sequence[Process], show: Show) -> Scene:
    """Shows the experiment until it has ended, or until it should have."""
    end = time.monotonic() + LONGEST_SECONDS
    now = Scene()
    while not has_ended(now.status) and time.monotonic() < end:
        now = _look(shop, parts)
        show.update(now)
        time.sleep(_LOOK_SECONDS)
    time.sleep(_LAST_NUMBERS_SECONDS)  # the users write theirs twice a second
    now = _look(shop, parts)
    show.update(now)
    return now


def _look(shop: Shop, parts: Sequence[Process]) -> Scene:
    _check(shop, parts)
    try:
        status = read_experiment(shop).get("status", {})
        return Scene(status, events_from(read_events(shop)), read_numbers(shop))
    except requests.RequestException:
        _check(shop, parts)  # a part that died says more than a call that failed
        raise


def _check(shop: Shop, parts: Sequence[Process]) -> None:
    """Raises ``ProcessError`` for the first part that has ended, with the last lines of its log."""
    for part in parts:
        part.check()
    shop.plane.check()
