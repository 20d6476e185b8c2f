"""What a tick keeps in mind when the API server refuses."""

from aiohttp import web

from controller.answering import objects_of
from controller.worlds import world_of
from given.experiments import experiment_manifest
from model_experiment.controller.tick import AFTER_A_REFUSAL_SECONDS, tick
from model_experiment.objects import MODEL_EXPERIMENT

KEY = ("shop", "ranker")


def rolled_back():
    """An experiment that ended with a rollback, as a new process finds it."""
    manifest = experiment_manifest("shop")
    manifest["metadata"] |= {
        "uid": "u-1",
        "generation": 1,
        "resourceVersion": "7",
        "creationTimestamp": "2027-01-15T08:00:00Z",
    }
    manifest["status"] = {
        "phase": "Concluded",
        "startTime": "2027-01-15T08:00:00Z",
        "conditions": [],
        "decision": {
            "verdict": "Rollback",
            "reason": "GuardrailBreached",
            "message": "harm",
            "time": "2027-01-15T09:00:00Z",
        },
    }
    return manifest


async def test_an_experiment_is_not_begun_anew_because_its_checkpoint_could_not_be_read():
    async def unavailable(_request):
        return web.json_response({"message": "etcd is slow"}, status=503)

    async with objects_of(unavailable) as objects:
        world = world_of(objects=objects)
        world.cache.prime(MODEL_EXPERIMENT, [rolled_back()])
        assert await tick(world, KEY) == AFTER_A_REFUSAL_SECONDS
    assert KEY not in world.memories
