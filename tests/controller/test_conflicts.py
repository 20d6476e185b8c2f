"""A stranger's object in the way, and writes that never go through: somebody is told."""

from controller.running import KEY, challenger_has_traffic, running_on, until_open
from controller.worlds import stored_world
from model_experiment.controller.tick import MANY_CONFLICTS, SETTLING_SECONDS, tick
from model_experiment.objects import ENVOY_FILTER, MODEL_EXPERIMENT, VIRTUAL_SERVICE
from routing.virtual_services import hashing_filter

ON_ISTIO = "a VirtualService of its own"


def ready(stored):
    status = stored.get(MODEL_EXPERIMENT, *KEY)["status"]
    return next(condition for condition in status["conditions"] if condition["type"] == "Ready")


def filter_of_a_stranger():
    manifest = hashing_filter("shop")
    manifest["metadata"] = {"namespace": "gateways", "name": "shop.ranker-mexp"}
    return ENVOY_FILTER, manifest


async def test_a_strangers_filter_of_the_name_is_an_obstacle_and_stays_as_it_is():
    kind, manifest = filter_of_a_stranger()
    async with stored_world(*running_on(ON_ISTIO), (kind, manifest)) as (world, stored):
        for _ in range(3):
            await tick(world, KEY)
        said = ready(stored)
        assert said["reason"] == "NameTaken"
        assert said["message"] == (
            "EnvoyFilter shop.ranker-mexp must belong to ModelExperiment ranker, found one that somebody else made;"
            " remove it, or give the experiment another name"
        )
        assert stored.get(ENVOY_FILTER, "gateways", "shop.ranker-mexp")["spec"] == manifest["spec"]
        assert stored.get(VIRTUAL_SERVICE, "shop", "ranker-mexp") is None


async def test_a_filter_that_lost_its_labels_parks_the_route_and_is_named():
    async with stored_world(*running_on(ON_ISTIO)) as (world, stored):
        await until_open(world, stored)
        found = stored.get(ENVOY_FILTER, "gateways", "shop.ranker-mexp")
        unlabelled = {key: value for key, value in found["metadata"].items() if key != "labels"}
        world.cache.remember(ENVOY_FILTER, stored.put(ENVOY_FILTER, {**found, "metadata": unlabelled}))
        await tick(world, KEY)
        assert ready(stored)["reason"] == "NameTaken"
        assert not challenger_has_traffic(stored)


async def test_conflicts_are_planned_again_in_silence_until_there_are_many_in_a_row():
    async with stored_world(*running_on(ON_ISTIO)) as (world, stored):
        stored.contested = "virtualservices"
        for _ in range(MANY_CONFLICTS - 1):
            assert await tick(world, KEY) == SETTLING_SECONDS
        assert "conditions" not in stored.get(MODEL_EXPERIMENT, *KEY)["status"]
        assert await tick(world, KEY) == SETTLING_SECONDS
        assert (ready(stored)["status"], ready(stored)["reason"]) == ("False", "ClusterRefused")
        assert "somebody else wrote" in ready(stored)["message"]


async def test_conflicts_that_are_not_in_a_row_are_not_counted_together():
    async with stored_world(*running_on(ON_ISTIO)) as (world, stored):
        for _ in range(MANY_CONFLICTS):
            stored.contested = "virtualservices"
            await tick(world, KEY)
            stored.contested = ""
            await tick(world, KEY)
            stored.objects.pop(VIRTUAL_SERVICE.path(namespace="shop", name="ranker-mexp"))
            world.cache.forget(VIRTUAL_SERVICE, world.cache.get(VIRTUAL_SERVICE, "shop", "ranker-mexp"))
        assert ready(stored)["reason"] != "ClusterRefused"
