"""Two experiments on one rule: the older runs; the younger waits, says so, and starts by itself when its turn comes."""

from control_plane.process import wait_until
from given.experiments import experiment_manifest
from given.stages import phase_is


def test_the_younger_waits_by_name_and_starts_when_the_older_is_gone(stage):
    stage.apply()
    first = stage.wait_for(phase_is("Running"))
    younger = stage.plane.api.create(experiment_manifest(stage.namespace, "later"))

    def status():
        return stage.plane.api.get(younger).get("status", {})

    def says():
        return {each["reason"]: each["message"] for each in status().get("conditions", []) if each["type"] == "Ready"}

    wait_until(lambda: "Conflicted" in says(), "the younger says why it waits")
    assert says()["Conflicted"] == (
        "HTTPRoute ranker must have one experiment at a time, found ModelExperiment ranker, which was there first;"
        " this one starts by itself when that one is over"
    )
    stage.plane.api.delete(experiment_manifest(stage.namespace))
    wait_until(lambda: status().get("phase") == "Running", "the younger runs")
    assert stage.experiment() is None
    assert status()["assignment"]["modulus"] != first["assignment"]["modulus"]
