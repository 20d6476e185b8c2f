"""An experiment that this version of the operator cannot read: nobody judges it, so nobody may meet its challenger."""

import pytest

from controller.running import (
    KEY,
    ROUTES,
    challenger_has_traffic,
    change,
    is_held,
    metadata_of,
    running_on,
    until_open,
)
from controller.worlds import stored_world
from model_experiment.controller.tick import tick
from model_experiment.objects import ENVOY_FILTER, EVENT, HTTP_ROUTE, MODEL_EXPERIMENT, VIRTUAL_SERVICE

OWN = "an HTTPRoute of its own"
DELETED = {"deletionTimestamp": "2027-01-15T09:00:00Z"}


def with_a_later_field(manifest):
    return {"spec": {**manifest["spec"], "later": True}}


def with_a_later_phase(manifest):
    return {"status": {**manifest["status"], "phase": "Later"}}


def with_an_impossible_split(manifest):
    assignment = {**manifest["status"]["assignment"], "modulus": 7}
    return {"status": {**manifest["status"], "assignment": assignment}}


UNREADABLE = [
    pytest.param(
        with_a_later_field, "InvalidSpec", "spec.later: must be a known field, found an unknown one", id="a spec"
    ),
    pytest.param(with_a_later_phase, "InvalidStatus", "status must be one that this operator wrote", id="a status"),
    pytest.param(with_an_impossible_split, "InvalidStatus", "weights must be 0 or more and sum to 7", id="its split"),
]


def new_process(world, stored, **fields):
    """The operator is replaced by a version to which the experiment looks like this."""
    world.memories.clear()
    change(world, stored, MODEL_EXPERIMENT, "ranker", **fields)


async def ticks(world, number=8):
    for _ in range(number):
        after = await tick(world, KEY)
    return after


def events(stored):
    return [each for path, each in stored.objects.items() if path.startswith(EVENT.path(namespace="shop"))]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(("unreadable", "reason", "message"), UNREADABLE)
async def test_its_route_is_parked_and_somebody_is_told(route, unreadable, reason, message):
    async with stored_world(*running_on(route)) as (world, stored):
        await until_open(world, stored)
        new_process(world, stored, **unreadable(stored.get(MODEL_EXPERIMENT, *KEY)))
        assert await ticks(world) is None
        assert not challenger_has_traffic(stored)
        assert is_held(stored)
        status = stored.get(MODEL_EXPERIMENT, *KEY)["status"]
        conditions = {each["type"]: each for each in status["conditions"]}
        assert (conditions["Ready"]["status"], conditions["Ready"]["reason"]) == ("False", reason)
        assert conditions["Stalled"]["status"] == "True"
        assert message in conditions["Ready"]["message"]
        assert conditions["Ready"]["message"].endswith(
            "; until it can be read its route is parked, and the champion serves everybody"
        )
        (event,) = [each for each in events(stored) if each["reason"] == reason]
        assert event["type"] == "Warning"
        stored.writes.clear()
        await ticks(world)
        assert stored.writes == []


async def test_the_rest_of_a_status_that_cannot_be_read_stays_as_it_is():
    async with stored_world(*running_on(OWN)) as (world, stored):
        await until_open(world, stored)
        before = with_a_later_phase(stored.get(MODEL_EXPERIMENT, *KEY))["status"]
        new_process(world, stored, status=before)
        await ticks(world)
        after = stored.get(MODEL_EXPERIMENT, *KEY)["status"]
        assert {**after, "conditions": before["conditions"]} == before


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(("unreadable", "_reason", "_message"), UNREADABLE)
async def test_its_deletion_takes_everything_back(route, unreadable, _reason, _message):
    async with stored_world(*running_on(route)) as (world, stored):
        before = {path: each["spec"] for path, each in stored.objects.items() if each["kind"] != "ModelExperiment"}
        await until_open(world, stored)
        fields = unreadable(stored.get(MODEL_EXPERIMENT, *KEY))
        new_process(world, stored, **fields, metadata={**metadata_of(stored), **DELETED})
        await ticks(world, 12)
        left = {path: each["spec"] for path, each in stored.objects.items() if "spec" in each}
        assert left == before


async def test_its_deletion_takes_what_a_crash_left_without_its_route():
    async with stored_world(*running_on("a VirtualService of its own")) as (world, stored):
        await until_open(world, stored)
        spec = {**stored.get(MODEL_EXPERIMENT, *KEY)["spec"], "later": True}
        new_process(world, stored, spec=spec, metadata={**metadata_of(stored), **DELETED})
        delegate = stored.objects.pop(VIRTUAL_SERVICE.path(namespace="shop", name="ranker-mexp"))
        world.cache.forget(VIRTUAL_SERVICE, delegate)
        await ticks(world, 2)
        assert stored.get(ENVOY_FILTER, "gateways", "shop.ranker-mexp") is None
        assert stored.get(MODEL_EXPERIMENT, *KEY) is None


@pytest.mark.parametrize("route", ROUTES)
async def test_where_it_can_be_read_again_it_goes_on(route):
    async with stored_world(*running_on(route)) as (world, stored):
        await until_open(world, stored)
        spec = stored.get(MODEL_EXPERIMENT, *KEY)["spec"]
        new_process(world, stored, spec={**spec, "later": True})
        await ticks(world)
        assert not challenger_has_traffic(stored)
        new_process(world, stored, spec=spec)
        await ticks(world, 12)
        assert challenger_has_traffic(stored)


async def test_where_even_its_route_cannot_be_read_it_stays_until_somebody_took_the_traffic_back():
    async with stored_world(*running_on(OWN)) as (world, stored):
        await until_open(world, stored)
        spec = {**stored.get(MODEL_EXPERIMENT, *KEY)["spec"], "routing": {"laterRoute": {"name": "ranker"}}}
        new_process(world, stored, spec=spec, metadata={**metadata_of(stored), **DELETED})
        await ticks(world)
        assert is_held(stored)
        ready = next(
            each for each in stored.get(MODEL_EXPERIMENT, *KEY)["status"]["conditions"] if each["type"] == "Ready"
        )
        assert ready["message"].endswith("; its route cannot be found either: take its traffic back by hand")


async def test_an_experiment_that_never_had_a_route_is_refused_and_may_go():
    async with stored_world(*running_on(OWN)) as (world, stored):
        spec = {**stored.get(MODEL_EXPERIMENT, *KEY)["spec"], "later": True}
        new_process(world, stored, spec=spec, status={})
        assert await tick(world, KEY) is None
        said = stored.get(MODEL_EXPERIMENT, *KEY)["status"]["conditions"][0]
        assert (said["reason"], said["message"]) == (
            "InvalidSpec",
            "spec.later: must be a known field, found an unknown one",
        )
        assert stored.get(HTTP_ROUTE, "shop", "ranker-mexp") is None
        assert not is_held(stored)
