"""An experiment from its object: as a whole, or only as far as its route depends on it."""

from collections.abc import Callable, Mapping
from typing import Any

from model_experiment.api.parsing import parse_spec
from model_experiment.api.spec import ModelExperimentSpec
from model_experiment.decision.observation import Experiment
from model_experiment.objects import Manifest


def experiment_of(
    manifest: Manifest, *, read: Callable[[Mapping[str, Any]], ModelExperimentSpec] = parse_spec
) -> Experiment:
    """The experiment that an object describes.

    Raises:
        SpecError: if its spec cannot be run.
    """
    metadata = manifest["metadata"]
    return Experiment(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata["generation"],
        spec=read(manifest["spec"]),
        deleting="deletionTimestamp" in metadata,
        created=metadata["creationTimestamp"],
    )
