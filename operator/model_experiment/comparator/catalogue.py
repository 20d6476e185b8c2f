"""Which experiments are compared, as an immutable value, found by their names.

Not for: watching the API server. An experiment is compared from the moment it is there: before its route mirrors
anything, nothing arrives.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from model_experiment.api.parsing import parse_shadow_spec
from model_experiment.api.shadow import Shadow
from model_experiment.api.shadow_spec import SHADOW, ShadowSpec
from model_experiment.api.values import Duration
from model_experiment.api.variants import BackendRef
from model_experiment.assignment import BUCKETS, modulus_for, user_hash
from model_experiment.comparator.comparing import Rules, rules_of
from model_experiment.errors import SpecError


@dataclass(frozen=True, slots=True)
class Model:
    """A variant, and where it answers."""

    name: str
    backend: BackendRef


@dataclass(frozen=True, slots=True)
class Shadowed:
    """One experiment as the comparator needs it."""

    uid: str
    namespace: str
    name: str
    champion: Model
    challengers: tuple[Model, ...]
    header: str
    modulus: int
    shadow: Shadow
    rules: Rules
    latency_limits: tuple[Duration, ...] = ()

    @property
    def label(self) -> str:
        """The experiment as metrics and the header of mirrored requests name it: ``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    @property
    def variants(self) -> tuple[str, ...]:
        """The champion's name, and those of the challengers in their order."""
        return self.champion.name, *(challenger.name for challenger in self.challengers)

    def bucket(self, user: str) -> int:
        """The bucket of a user, the same in every process."""
        return user_hash(user) // self.modulus % BUCKETS


Catalogue = Mapping[str, Shadowed]
"""All experiments that are compared now, by their labels."""


def catalogue_of(experiments: Iterable[Shadowed]) -> Catalogue:
    """A catalogue of these experiments."""
    return MappingProxyType({experiment.label: experiment for experiment in experiments})


def shadowed_from(manifest: Mapping[str, Any]) -> Shadowed | None:
    """What there is to compare for a ModelExperiment; None for one of another strategy.

    Raises:
        ValueError: if the object cannot be read; the text says what is wrong with it.
    """
    try:
        if manifest["spec"].get("strategy") != SHADOW:
            return None
        spec, metadata = parse_shadow_spec(manifest["spec"]), manifest["metadata"]
        return shadowed(spec, uid=metadata["uid"], namespace=metadata["namespace"], name=metadata["name"])
    except (AttributeError, KeyError, TypeError, SpecError) as error:
        raise ValueError(" ".join(f"{type(error).__name__}: {error}".split())) from error


def shadowed(spec: ShadowSpec, *, uid: str, namespace: str, name: str) -> Shadowed:
    """An experiment of this spec."""
    limits = (guardrail.source.latency.above for guardrail in spec.guardrails if guardrail.source.latency)
    return Shadowed(
        uid=uid,
        namespace=namespace,
        name=name,
        champion=Model(spec.champion.name, spec.champion.backend_ref),
        challengers=tuple(Model(challenger.name, challenger.backend_ref) for challenger in spec.challengers),
        header=spec.assignment.header,
        modulus=modulus_for(uid),
        shadow=spec.shadow,
        rules=rules_of(spec.shadow),
        latency_limits=tuple(dict.fromkeys(limits)),
    )
