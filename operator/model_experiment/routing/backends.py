"""What a route names for a backend: most kinds as they are, an InferenceService by the Service before it. Pure.

For: KServe's InferenceServices, which no route can name, and InferencePools, of which a rule should have one. Not for:
Services, which the gateway itself resolves. The trap: what stands must be readable without the InferenceService, or
deleting one could hinder a take-back. So the possible Services follow from its name alone, and an InferenceService
behind any other Service is refused.
"""

from collections.abc import Sequence
from dataclasses import replace

from model_experiment.api.variants import BackendRef
from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Obstacle
from model_experiment.objects import INFERENCE_SERVICE, Manifest
from model_experiment.routing.port import View

_HTTP_PORT = 80
_STANDARD = ("Standard", "RawDeployment")  # the second is its name before KServe 0.16
_POOL = ("inference.networking.k8s.io", "InferencePool")


def routed(backend: BackendRef) -> tuple[BackendRef, ...]:
    """The references of which one stands in a route for this backend, the usual one first."""
    if not backend.is_inference_service:
        return (backend,)
    return tuple(BackendRef(name=name, port=backend.port or _HTTP_PORT) for name in backend.services)


def served(experiment: Experiment, view: View) -> Experiment:
    """The experiment with each backend as a route names it; the usual one for an InferenceService that is gone."""
    champion, *challengers = (
        variant.model_copy(update={"backend_ref": _served_by(variant.backend_ref, experiment, view)})
        for variant in experiment.spec.variants
    )
    changes = {"champion": champion, "challengers": tuple(challengers)}
    return replace(experiment, spec=experiment.spec.model_copy(update=changes))


def find_unserved(experiment: Experiment, view: View) -> Obstacle | None:
    """The first backend that a route cannot be split by now."""
    backends = _backends(experiment)
    missing = (_unserved(backend, experiment, view) for backend in backends if backend.is_inference_service)
    return next(filter(None, missing), None) or _pools(backends) or _twice(_backends(served(experiment, view)))


def _backends(experiment: Experiment) -> list[BackendRef]:
    return [variant.backend_ref for variant in experiment.spec.variants]


def _served_by(backend: BackendRef, experiment: Experiment, view: View) -> BackendRef:
    """A transformer stands before its predictor."""
    usual, *others = routed(backend)
    found = _inference_service(backend, experiment, view)
    return others[0] if others and found and "transformer" in found["spec"] else usual


def _unserved(backend: BackendRef, experiment: Experiment, view: View) -> Obstacle | None:
    name, found = f"InferenceService {backend.name}", _inference_service(backend, experiment, view)
    if found is None:
        return Obstacle("BackendNotFound", f"{name} must exist in namespace {experiment.namespace}, found none")
    status = found.get("status", {})
    mode = status.get("deploymentMode", "")
    if mode and mode not in _STANDARD:
        return Obstacle(
            "BackendNotSupported",
            f"{name} must run in Standard mode (annotation serving.kserve.io/deploymentMode), because in any other no"
            f" Service of its own leads to its pods alone; found {mode}",
        )
    if unready := _unready(status):
        return Obstacle("BackendNotReady", f"{name} must be ready, found: {unready}")
    wanted, address = _served_by(backend, experiment, view).name, status.get("address", {}).get("url", "none")
    if not address.removeprefix("https://").removeprefix("http://").startswith(f"{wanted}.{experiment.namespace}."):
        return Obstacle(
            "BackendNotSupported",
            f"{name} must answer at its Service {wanted}, found the address {address};"
            " name the Service that it has as the backend instead",
        )
    return None


def _inference_service(backend: BackendRef, experiment: Experiment, view: View) -> Manifest | None:
    return view.get(INFERENCE_SERVICE, experiment.namespace, backend.name)


def _unready(status: Manifest) -> str:
    """What KServe says of an InferenceService that cannot answer; empty where it can."""
    for condition in status.get("conditions", []):
        if condition["type"] == "Ready":
            said = (condition.get("reason"), condition.get("message"))
            return "" if condition["status"] == "True" else ": ".join(filter(None, said)) or "no reason"
    return "no status yet"


def _pools(backends: Sequence[BackendRef]) -> Obstacle | None:
    """A gateway asks an endpoint picker before it splits, so that one picker may choose for both pools."""
    pools = [backend.name for backend in backends if (backend.group, backend.kind) == _POOL]
    if len(pools) < 2:  # noqa: PLR2004 - of two, one is lost
        return None
    return Obstacle(
        "BackendNotSupported",
        "at most one variant may have an InferencePool, because a gateway may keep the endpoint picker of one alone and"
        f" send users to the other model's pods; found {', '.join(pools)}",
    )


def _twice(backends: Sequence[BackendRef]) -> Obstacle | None:
    """One Service under two names: as itself, and as that of an InferenceService."""
    names = [backend.name for place, backend in enumerate(backends) if backend in backends[:place]]
    if not names:
        return None
    return Obstacle("BackendNotSupported", f"each variant must have a backend of its own, found {names[0]} twice")
