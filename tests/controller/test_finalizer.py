"""The finalizer: an object must not vanish while its route may carry the challenger."""

import pytest

from controller.running import KEY, ROUTES, change, is_held, metadata_of, running_on, until_open
from controller.worlds import stored_world
from model_experiment.controller.tick import tick
from model_experiment.objects import HTTP_ROUTE, MODEL_EXPERIMENT

OWN = "an HTTPRoute of its own"
UNHELD = {"finalizers": ["somebody.example/else"]}


@pytest.mark.parametrize("route", ROUTES)
async def test_one_that_was_taken_away_is_put_back_beside_those_of_others(route):
    async with stored_world(*running_on(route)) as (world, stored):
        await until_open(world, stored)
        assert is_held(stored)
        change(world, stored, MODEL_EXPERIMENT, "ranker", metadata={**metadata_of(stored), **UNHELD})
        await tick(world, KEY)
        assert is_held(stored)
        assert "somebody.example/else" in metadata_of(stored)["finalizers"]


async def test_a_route_is_written_before_the_finalizer_is_put_back():
    async with stored_world(*running_on(OWN)) as (world, stored):
        await until_open(world, stored)
        change(world, stored, MODEL_EXPERIMENT, "ranker", metadata={**metadata_of(stored), **UNHELD})
        spec = stored.get(HTTP_ROUTE, "shop", "ranker-mexp")["spec"]
        change(world, stored, HTTP_ROUTE, "ranker-mexp", spec={**spec, "hostnames": ["edited.example"]})
        stored.writes.clear()
        await tick(world, KEY)
        written = [path for _, path in stored.writes]
    assert written.index(HTTP_ROUTE.path(namespace="shop", name="ranker-mexp")) < written.index(
        MODEL_EXPERIMENT.path(namespace="shop", name="ranker")
    )


async def test_an_experiment_that_is_being_deleted_gets_none_which_the_api_server_would_refuse():
    async with stored_world(*running_on(OWN)) as (world, stored):
        await until_open(world, stored)
        deleted = {**metadata_of(stored), **UNHELD, "deletionTimestamp": "2027-01-15T09:00:00Z"}
        change(world, stored, MODEL_EXPERIMENT, "ranker", metadata=deleted)
        for _ in range(4):
            await tick(world, KEY)
            assert not is_held(stored)
        assert stored.get(HTTP_ROUTE, "shop", "ranker-mexp") is None


async def test_an_experiment_that_takes_over_the_mark_of_an_earlier_one_has_one_as_well():
    async with stored_world(*running_on("a shared HTTPRoute")) as (world, stored):
        await until_open(world, stored)
        anew = {**metadata_of(stored), "uid": "u-2", "finalizers": []}
        change(world, stored, MODEL_EXPERIMENT, "ranker", metadata=anew, status={})
        await tick(world, KEY)
        assert is_held(stored)
