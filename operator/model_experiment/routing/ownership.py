"""Whose object is it? Names, labels and owner of everything that an experiment makes."""

from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Obstacle
from model_experiment.objects import MODEL_EXPERIMENT, Manifest

MANAGED_BY = "model-experiment-operator"


def owned(experiment: Experiment) -> Manifest:
    """Metadata of an object of ours: its owner reference lets the garbage collector remove it with the experiment."""
    return {
        "namespace": experiment.namespace,
        "name": experiment.route_name,
        "labels": {
            "app.kubernetes.io/managed-by": MANAGED_BY,
            "modelexperiment.io/experiment": experiment.name,
        },
        "ownerReferences": [
            {
                "apiVersion": MODEL_EXPERIMENT.api_version,
                "kind": MODEL_EXPERIMENT.name,
                "name": experiment.name,
                "uid": experiment.uid,
                "controller": True,
            }
        ],
    }


def is_ours(manifest: Manifest, experiment: Experiment) -> bool:
    """Whether an object belongs to this very experiment.

    One that lost its owners but has our labels is ours as well: else an open route would be left to nobody.
    """
    owners = manifest["metadata"].get("ownerReferences", [])
    if owners:
        return any(owner["uid"] == experiment.uid for owner in owners)
    labels = manifest["metadata"].get("labels", {})
    return bool(owned(experiment)["labels"].items() <= labels.items())


def name_taken(experiment: Experiment, found: Manifest | None) -> Obstacle | None:
    """A stranger's object where ours would have to stand."""
    if found is None or is_ours(found, experiment):
        return None
    return Obstacle(
        "NameTaken",
        f"{found['kind']} {experiment.route_name} must belong to ModelExperiment {experiment.name},"
        " found one that somebody else made; remove it, or give the experiment another name",
    )
