"""Who may experiment on a rule: one experiment at a time, and the one that was there first. Pure."""

from collections.abc import Sequence

from model_experiment.api.routes import HTTPRouteRef, Routing, VirtualServiceRef
from model_experiment.api.status import Phase
from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Obstacle
from model_experiment.objects import Manifest


def older_claim(experiment: Experiment, others: Sequence[Manifest]) -> Obstacle | None:
    """An experiment on the rule that is not over and comes first: whoever has started, then the older, then by name."""
    field, wanted = _claim(experiment.spec.routing)
    started = any(_has_started(each) for each in others if each["metadata"]["uid"] == experiment.uid)
    place = (not started, experiment.created, experiment.name)
    rivals = [
        other["metadata"]["name"]
        for other in others
        if other["metadata"]["namespace"] == experiment.namespace
        and other["metadata"]["uid"] != experiment.uid
        and (not _has_started(other), other["metadata"]["creationTimestamp"], other["metadata"]["name"]) < place
        and other.get("status", {}).get("phase") != Phase.CONCLUDED
        and _claims(other["spec"].get("routing", {}).get(field, {}), wanted)
    ]
    if not rivals:
        return None
    return Obstacle(
        "Conflicted",
        f"{experiment.spec.routing.user_route} must have one experiment at a time, found ModelExperiment {rivals[0]},"
        " which was there first; this one starts by itself when that one is over",
    )


def _claim(routing: Routing) -> tuple[str, HTTPRouteRef | VirtualServiceRef]:
    """The field of ``spec.routing`` that names the user's route, and what it names."""
    if routing.http_route_ref is not None:
        return "httpRoute", routing.http_route_ref
    return "virtualService", routing.virtual_service


def _has_started(manifest: Manifest) -> bool:
    return "startTime" in manifest.get("status", {})


def _claims(reference: Manifest, wanted: HTTPRouteRef | VirtualServiceRef) -> bool:
    rules = {reference.get("rule"), wanted.rule}
    return reference.get("name") == wanted.name and (len(rules) == 1 or None in rules)
