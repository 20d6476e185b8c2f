"""The experiment to go on with after a shadow experiment has passed, as YAML: ready but for what a person decides.

Everything that the shadow experiment says of the models, their route, their users and their guardrails is taken over.
What only a person can decide stands in angle brackets, which the API server refuses: a manifest that is applied without
having been read starts nothing.
"""

from collections.abc import Sequence
from typing import Any

import yaml

from model_experiment.api.spec import GROUP, KIND, PERCENT, VERSION
from model_experiment.api.status import ShadowFinding, ShadowStatus
from model_experiment.api.variants import Challenger
from model_experiment.api.words import Strategy
from model_experiment.decision.observation import Experiment

_LONGEST_NAME = 52
_SUFFIX = "-ab"
_OBJECTIVE = {
    "name": "<name of the objective>",
    "minimumEffect": "<smallest improvement worth having, such as 5%>",
    "baseline": "<share of users with the outcome today, such as 0.20>",
    "source": {"outcome": {"name": "<outcome that the application reports>"}},
}


def next_manifest(experiment: Experiment, answers: Sequence[ShadowStatus]) -> str:
    """An ABTest of the champion and of those challengers that answer as it does."""
    alike = {each.challenger for each in answers if each.finding is ShadowFinding.ALIKE}
    challengers = [each for each in experiment.spec.challengers if each.name in alike]
    kept = {"champion", "routing", "assignment", "targeting", "guardrails"}
    said = experiment.spec.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude_defaults=True, include=kept
    )
    spec = {
        "strategy": str(Strategy.AB_TEST),
        "champion": said.pop("champion"),
        "challengers": _with_shares(challengers),
        "routing": said.pop("routing"),
        **said,
        "objectives": [_OBJECTIVE],
    }
    manifest = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {
            "namespace": experiment.namespace,
            "name": experiment.name[: _LONGEST_NAME - len(_SUFFIX)] + _SUFFIX,
        },
        "spec": spec,
    }
    return yaml.safe_dump(manifest, sort_keys=False, width=120)


def _with_shares(challengers: Sequence[Challenger]) -> list[dict[str, Any]]:
    """The challengers with an even share each: what they had meant nothing."""
    share = PERCENT // (len(challengers) + 1)
    return [
        each.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True) | {"percent": share}
        for each in challengers
    ]
