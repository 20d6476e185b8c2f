"""A shared route under a router alone: the smallest things that walk to a goal, and that work against it."""

import asyncio
import time
from contextlib import asynccontextmanager, suppress

from control_plane.api import ApiError, address
from model_experiment.controller.cache import Cache
from model_experiment.decision.route import Absent, Open, Parked, is_reached, next_step
from model_experiment.errors import ConflictError


class Walker:
    """A router with a fresh picture before each step; ``kinds`` are what it looks at."""

    def __init__(self, objects, experiment, *, kinds, router):
        self.objects, self.experiment, self.kinds = objects, experiment, kinds
        self.cache = Cache(())
        self.router = router(self.cache)

    async def read(self):
        for kind in self.kinds:
            listed = await self.objects.all(kind)
            for known in self.cache.all(kind):
                if known["metadata"]["uid"] not in {each["metadata"]["uid"] for each in listed}:
                    self.cache.forget(kind, known)
            self.cache.prime(kind, listed)
        return self.router.read(self.experiment)

    async def step_to(self, goal, *, taken_back=""):
        """One look and one step, as a tick takes it: an obstacle parks, and a conflict is planned again."""
        reading = await self.read()
        own, wanted = reading.own, goal
        if reading.obstacle and isinstance(goal, Open):
            wanted = Parked(own.route.assignment) if own else Absent()
        with suppress(ConflictError):
            await self.router.apply(self.experiment, next_step(own, wanted), taken_back=taken_back)
        return reading

    async def walk_to(self, goal, *, seconds=30, taken_back=""):
        until = time.monotonic() + seconds
        while not is_reached((reading := await self.step_to(goal, taken_back=taken_back)).own, goal):
            assert time.monotonic() < until, f"{goal} was not reached: {reading}"
            await asyncio.sleep(0.05)


def apply(control_plane, manifest):
    """What Flux does, and Argo CD: fields of the manifest are set, others stay."""
    control_plane.api.apply(manifest)


def replace(control_plane, manifest):
    """What ``kubectl replace`` does: nothing stays but the manifest."""
    found = control_plane.api.get(manifest)
    metadata = {**manifest["metadata"], "resourceVersion": found["metadata"]["resourceVersion"]}
    with suppress(ApiError):  # somebody wrote in between
        control_plane.api.call("PUT", address(manifest), {**manifest, "metadata": metadata})


@asynccontextmanager
async def held_to(manifest, control_plane, *, how, every):
    """A GitOps loop: the object is made what the manifest says, again and again, whoever changed it."""

    async def loop():
        while True:
            await asyncio.to_thread(how, control_plane, manifest)
            await asyncio.sleep(every)

    task = asyncio.create_task(loop())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
