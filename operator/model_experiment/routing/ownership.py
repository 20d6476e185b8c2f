"""Whose object is it? Names, labels and owner of everything that an experiment makes."""

from collections.abc import Callable

from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Obstacle
from model_experiment.objects import HTTP_ROUTE, MODEL_EXPERIMENT, Manifest

MANAGED_BY = "model-experiment-operator"


def owned(experiment: Experiment, *, until: Manifest | None = None) -> Manifest:
    """Metadata of an object of ours: its owner reference lets the garbage collector remove it with the experiment.

    The collector leaves an object for as long as one of its owners stands: a policy with our route ``until`` which it
    stands never goes before that route.
    """
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
            },
            *([_reference_to(until)] if until else []),
        ],
    }


def _reference_to(route: Manifest) -> Manifest:
    name, uid = route["metadata"]["name"], route["metadata"]["uid"]
    return {"apiVersion": HTTP_ROUTE.api_version, "kind": HTTP_ROUTE.name, "name": name, "uid": uid}


def is_ours(manifest: Manifest, experiment: Experiment) -> bool:
    """Whether an object belongs to this very experiment.

    One that lost its owners but has our labels is ours as well: else an open route would be left to nobody.
    """
    owners = manifest["metadata"].get("ownerReferences", [])
    if owners:
        return any(owner["uid"] == experiment.uid for owner in owners)
    labels = manifest["metadata"].get("labels", {})
    return bool(owned(experiment)["labels"].items() <= labels.items())


def owned_elsewhere(experiment: Experiment, namespace: str) -> Manifest:
    """Metadata of an object of ours in another namespace, by labels alone.

    The trap: an owner must be in the object's own namespace. The garbage collector takes any other for one that is gone
    and deletes the object, so it has no owner reference, and nothing but a release removes it. Its name says the
    namespace, because experiments of several may meet there; no namespace has a dot in its name.
    """
    return {
        "namespace": namespace,
        "name": f"{experiment.namespace}.{experiment.route_name}",
        "labels": {**owned(experiment)["labels"], "modelexperiment.io/namespace": experiment.namespace},
    }


def is_ours_elsewhere(manifest: Manifest, experiment: Experiment) -> bool:
    """Whether an object without owners carries this experiment's labels, perhaps from an earlier one of its name."""
    labels = owned_elsewhere(experiment, manifest["metadata"]["namespace"])["labels"]
    return bool(labels.items() <= manifest["metadata"].get("labels", {}).items())


def name_taken(
    experiment: Experiment, found: Manifest | None, *, belongs: Callable[[Manifest, Experiment], bool] = is_ours
) -> Obstacle | None:
    """A stranger's object where ours would have to stand."""
    if found is None or belongs(found, experiment):
        return None
    return Obstacle(
        "NameTaken",
        f"{found['kind']} {found['metadata']['name']} must belong to ModelExperiment {experiment.name},"
        " found one that somebody else made; remove it, or give the experiment another name",
    )
