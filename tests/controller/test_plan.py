"""No two experiments have the same prime: they would have the same users."""

import asyncio

from controller.worlds import stored_world
from given.experiments import experiment_manifest
from model_experiment.controller.tick import tick
from model_experiment.objects import HTTP_ROUTE, MODEL_EXPERIMENT
from routing.manifests import user_route

PRIME = 935_761  # the first choice of both
UIDS = {"ranker": "uid-167", "search": "uid-392"}


def experiment(name, **status):
    manifest = experiment_manifest("shop", name, routing={"httpRoute": {"name": name}})
    manifest["metadata"]["uid"] = UIDS[name]
    return MODEL_EXPERIMENT, {**manifest, "status": status}


def route(name):
    return HTTP_ROUTE, {**user_route(), "metadata": {"namespace": "shop", "name": name}}


def modulus(stored, name):
    """The sum of the weights of the own route."""
    return sum(
        each["weight"] for each in stored.get(HTTP_ROUTE, "shop", f"{name}-mexp")["spec"]["rules"][0]["backendRefs"]
    )


async def test_one_experiment_alone_has_its_first_choice():
    async with stored_world(experiment("search"), route("search")) as (world, stored):
        await tick(world, ("shop", "search"))
        assert modulus(stored, "search") == PRIME


async def test_a_prime_is_taken_by_whose_status_has_it_though_this_process_never_looked_at_it():
    assigned = {"unit": "User", "header": "x-user-id", "modulus": PRIME, "shares": []}
    async with stored_world(experiment("ranker", assignment=assigned), experiment("search"), route("search")) as (
        world,
        stored,
    ):
        await tick(world, ("shop", "search"))
        assert modulus(stored, "search") != PRIME


async def test_two_experiments_that_are_applied_at_once_have_different_primes():
    parts = [part for name in UIDS for part in (experiment(name), route(name))]
    async with stored_world(*parts) as (world, stored):
        await asyncio.gather(*(tick(world, ("shop", name)) for name in UIDS))
        found = {modulus(stored, name) for name in UIDS}
    assert PRIME in found
    assert len(found) == 2
