"""A running experiment of another version of the operator, whose status this one cannot read."""

import time
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path

import yaml

from control_plane.api import ApiError, address
from control_plane.process import wait_until
from given.experiments import experiment_manifest
from given.stages import phase_is, ready

DEFINITION = yaml.safe_load((Path(__file__).parents[2] / "crds" / "modelexperiments.yaml").read_text())
LONG = {"looks": 7, "minimumDuration": "9m", "maximumDuration": "10m"}


@contextmanager
def definition_with_a_phase_of_another_version(api):
    other = deepcopy(DEFINITION)
    schema = other["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["status"]["properties"]["phase"]["enum"].append("Later")
    api.install([other])
    yield
    api.install([DEFINITION])


def is_written(api, manifest, phase):
    """Whether the API server takes the phase; it may not have noticed a new definition yet."""
    patch = [{"op": "replace", "path": "/status/phase", "value": phase}]
    try:
        api.call("PATCH", f"{address(manifest)}/status", patch, content="application/json-patch+json")
    except ApiError:
        return False
    return True


def test_its_route_is_parked_and_its_deletion_leaves_nothing(stage):
    before, manifest, api = stage.user_route()["spec"], experiment_manifest(stage.namespace), stage.plane.api
    stage.apply(analysis=LONG)
    with stage.shoppers(purchases={"v7": 0.2, "v8": 0.2}) as shoppers:
        stage.wait_for(phase_is("Running"))
        shoppers.wait_for_users(500)
        stage.controller.process.kill()
        with definition_with_a_phase_of_another_version(api):
            wait_until(lambda: is_written(api, manifest, "Later"), "the phase of another version is written")
        wait_until(lambda: not is_written(api, manifest, "Sooner"), "phases are those of this version again")
        stage.controller.process.start()
        status = stage.wait_for(lambda status: ready(status) == ("False", "InvalidStatus"), seconds=30)
        assert status["phase"] == "Later"
        wait_until(lambda: "InvalidStatus" in {event["reason"] for event in stage.events()}, "an event says so")
        time.sleep(1)
        parked, answers = time.time(), len(shoppers.traffic.answers)
        wait_until(lambda: len(shoppers.traffic.answers) > answers + 500, "users go on")
        assert shoppers.last_answer_by("v8") < parked
        api.delete(manifest)
        wait_until(lambda: stage.experiment() is None, "the experiment is gone")
    assert not shoppers.traffic.errors
    assert stage.own_route() is None
    assert stage.user_route()["spec"] == before
