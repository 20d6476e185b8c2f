"""Copies of requests for the comparator: which experiments mirror, where to, and how a route says so. Pure.

For: strategy Shadow, whose users meet the champion alone. A mirror goes to the comparator, never to a challenger, and
never stands beside a split, so a route that mirrors has one share and needs no hash.

The trap: where the comparator cannot be named at all (its Service or its ReferenceGrant is gone), Envoy Gateway answers
every request of the rule with 500, although a copy reaches nobody. So such a route is parked at once, and the chart
leaves both objects when it is uninstalled.
"""

from dataclasses import dataclass

from model_experiment.api.words import By
from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Obstacle
from model_experiment.errors import ClusterError
from model_experiment.objects import Manifest


@dataclass(frozen=True, slots=True)
class Comparator:
    """The Service that takes copies; ``domain`` is what stands behind ``name.namespace`` of a Service."""

    namespace: str
    name: str
    port: int
    domain: str = "svc.cluster.local"


@dataclass(frozen=True, slots=True)
class Mirror:
    """What a route sends to the comparator: that many percent of its requests."""

    comparator: Comparator
    percent: int


MISSING = Obstacle(
    "ComparatorMissing",
    "strategy Shadow needs a comparator to mirror requests to, found none in the operator's settings; install it with"
    " comparator.enabled=true in the operator's chart, or name one with --comparator=namespace/service:port",
)


def is_hashed(experiment: Experiment) -> bool:
    """Whether the gateway chooses by a hash of the user."""
    return experiment.spec.assignment.by is By.HASH and not experiment.spec.is_shadow


def is_weighed(experiment: Experiment) -> bool:
    """Whether all shares stand in one rule, by their weights; otherwise each has a rule of its own."""
    return experiment.spec.assignment.by is By.HASH or experiment.spec.is_shadow


def find_missing(experiment: Experiment, comparator: Comparator | None) -> Obstacle | None:
    """An experiment that mirrors, and nobody knows where to."""
    return MISSING if comparator is None and experiment.spec.is_shadow else None


def mirror_of(experiment: Experiment, comparator: Comparator | None) -> Mirror | None:
    """What an experiment mirrors; None where it splits.

    Raises:
        ClusterError: if it mirrors, and nobody knows where to.
    """
    if not experiment.spec.is_shadow:
        return None
    if comparator is None:
        raise ClusterError(MISSING.message)
    return Mirror(comparator, experiment.spec.shadow.percent)


def mirror_filter(mirror: Mirror) -> Manifest:
    """The mirror as a filter of an HTTPRoute."""
    place = mirror.comparator
    backend = {"group": "", "kind": "Service", "namespace": place.namespace, "name": place.name, "port": place.port}
    return {"type": "RequestMirror", "requestMirror": {"backendRef": backend, "percent": mirror.percent}}


def mirror_entry(mirror: Mirror) -> Manifest:
    """The mirror as an entry of ``mirrors`` of a VirtualService; only its full name is found from everywhere."""
    place = mirror.comparator
    destination = {"host": f"{place.name}.{place.namespace}.{place.domain}", "port": {"number": place.port}}
    return {"destination": destination, "percentage": {"value": mirror.percent}}
