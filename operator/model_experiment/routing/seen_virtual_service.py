"""What a delegate of ours says: who is served, and by which shares. Pure."""

from collections.abc import Iterator, Sequence

from model_experiment.assignment import HOLDOUT, Assignment, Share
from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Open, Parked
from model_experiment.objects import Manifest
from model_experiment.routing.asking import shares_of
from model_experiment.routing.backends import routed
from model_experiment.routing.mirroring import is_weighed
from model_experiment.routing.own_virtual_service import is_marked, is_open
from model_experiment.routing.user_virtual_service import is_host_of


def route_of(own: Manifest, experiment: Experiment) -> Parked | Open:
    """The delegate as the decision needs it; a weight that Envoy would refuse counts as 0."""
    shares = tuple(_shares(own["spec"].get("http") or [{}], experiment))
    assignment = Assignment(sum(share.weight for share in shares), shares)
    return Open(assignment) if is_open(own, experiment) else Parked(assignment)


def _shares(rules: Sequence[Manifest], experiment: Experiment) -> Iterator[Share]:
    if is_weighed(experiment):
        for entry in rules[0].get("route", []):
            yield Share(_variant_of(entry, experiment), max(0, entry.get("weight", 0)))
        return
    yield from shares_of(
        experiment.spec.assignment, ((_variant_of_rule(rule, experiment), _asked(rule)) for rule in rules)
    )


def _variant_of_rule(rule: Manifest, experiment: Experiment) -> str:
    """The variant that a rule serves alone."""
    names = {_variant_of(entry, experiment) for entry in rule.get("route", [])}
    return names.pop() if len(names) == 1 else f"unknown:{', '.join(sorted(names)) or 'nobody'}"


def _asked(rule: Manifest) -> dict[str, str]:
    """The expressions that the first match of a rule asks for; the others ask for the same."""
    first: Manifest = next(iter(rule.get("match", [])), {})
    return {name: value["regex"] for name, value in first.get("headers", {}).items() if "regex" in value}


def _variant_of(entry: Manifest, experiment: Experiment) -> str:
    """The variant whose backend this is; a stranger's host in an edited delegate is shown as it is."""
    host, port = entry["destination"]["host"], entry["destination"].get("port", {}).get("number")
    for variant in experiment.spec.variants:
        if any(
            is_host_of(host, service.name, experiment.namespace) and port == service.port
            for service in routed(variant.backend_ref)
        ):
            is_held_out = experiment.spec.targeting.holdout_percent > 0 and not is_marked(entry)
            return HOLDOUT if is_held_out and variant is experiment.spec.champion else variant.name
    return f"unknown:{host}"
