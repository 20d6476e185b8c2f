"""The weights of a rule that the user shares with an experiment: what stands, and what should stand next. Pure.

The rule lists the backends of champion and challengers in the order of the assignment. Parked is everything for the
champion, open is the split. Between the two every challenger stands at a weight of 1, because a weight of 0 removes a
cluster from Envoy, and routes and clusters are not updated in order. In an open split nobody stands at 0 for the same
reason: the champion of a promotion keeps a weight of 1, so that a take-back can be one write.

The traps: a split that is parked cannot be read from the weights, so it is kept in a mark beside them. And weights that
are not ours are somebody else's: they are left in a release, and never taken for a split.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from model_experiment.api.status import Phase
from model_experiment.assignment import SMALLEST_MODULUS, Assignment, Share
from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Open, Parked
from model_experiment.decision.splits import split_of
from model_experiment.objects import Manifest, Operation

PREFIX = "modelexperiment.io/shared."


@dataclass(frozen=True, slots=True)
class Entry:
    """One backend of the shared rule.

    ``path`` is its JSON pointer. ``variant`` is empty where the backend is no variant's, ``weight`` is None where the
    rule says none, and ``backend`` is where the backend's name stands and what it is.
    """

    path: str
    variant: str
    weight: int | None
    backend: tuple[str, str]


@dataclass(frozen=True, slots=True)
class SharedRule:
    """The rule of the user's route that an experiment is about.

    ``name`` is where it says its own, and that name; ``place`` is which of the rules it is, None where there is none.
    """

    entries: tuple[Entry, ...] = ()
    name: tuple[str, str] | None = None
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """What an experiment writes on the user's route beside the weights.

    ``original`` are the weights before it came, ``split`` is the one that stands or, where the route is parked, stands
    ready; ``taken_back`` is why it was taken back, if it was.
    """

    uid: str
    original: tuple[int | None, ...]
    split: Assignment
    taken_back: str = ""

    def text(self) -> str:
        """The mark as an annotation."""
        shares = [[share.variant, share.weight] for share in self.split.shares]
        parts = {"experiment": self.uid, "original": self.original, "split": shares, "takenBack": self.taken_back}
        return json.dumps(parts)


def mark_name(experiment: Experiment) -> str:
    """The annotation that carries the mark."""
    return f"{PREFIX}{experiment.name}"


def mark_on(user_route: Manifest | None, experiment: Experiment) -> Mark | None:
    """The experiment's mark; one of an earlier experiment of its name is its to take over, an unreadable one is none.

    Names are unique in a namespace, so an earlier experiment is over, whatever became of its finalizer.
    """
    annotations = user_route["metadata"].get("annotations", {}) if user_route else {}
    text = annotations.get(mark_name(experiment))
    if text is None:
        return None
    try:
        parts: dict[str, Any] = json.loads(text)
        shares = tuple(Share(str(variant), int(weight)) for variant, weight in parts["split"])
        split = Assignment(sum(share.weight for share in shares), shares)
        uid, reason = str(parts["experiment"]), str(parts["takenBack"])
        return Mark(uid, tuple(parts["original"]), split, reason if uid == experiment.uid else "")
    except (KeyError, TypeError, ValueError):
        return None


def mark_from(status: Manifest, experiment: Experiment, entries: Sequence[Entry]) -> Mark | None:
    """What a status still knows of a mark that somebody took away; nothing before challengers met users, and after.

    Which weights were found is lost with it: the champion then gets all. A split in the parts of the experiment's
    modulus stands as it was written.
    """
    assignment, champion = status.get("assignment"), experiment.spec.champion.name
    if assignment is None or "startTime" not in status or status.get("phase") == Phase.CONCLUDED:
        return None
    shares = tuple(Share(share["variant"], share["weight"]) for share in assignment["shares"])
    split, standing = Assignment(assignment["modulus"], shares), weights_of(entries)
    if is_planned(entries, split) and sum(standing) == split.modulus:
        split = Assignment(split.modulus, tuple(map(Share, (entry.variant for entry in entries), standing)))
    return Mark(experiment.uid, parked(split, champion), split)


def shared_among(
    rules: Sequence[SharedRule], experiment: Experiment, user_route: Manifest, *, name: str | None
) -> SharedRule:
    """The rule with the experiment's weights, above all where a challenger has traffic; empty where there is none.

    Somebody may have put another rule before it, or undone its weights. Then it is the one with the ``name``, or that
    lists the variants in their order, or at least a challenger.
    """
    mark, planned = mark_on(user_route, experiment), split_of(experiment, SMALLEST_MODULUS)
    challengers = {challenger.name for challenger in experiment.spec.challengers}

    def signs(rule: SharedRule) -> tuple[bool, ...]:
        is_ours = mark is not None and sum(weights_of(rule.entries)) == mark.split.modulus
        return (
            is_ours and challengers_have_traffic(rule.entries, experiment.spec.champion.name),
            is_ours,
            rule.name is not None and rule.name[1] == name,
            is_planned(rule.entries, planned),
            not challengers.isdisjoint(entry.variant for entry in rule.entries),
        )

    return max(filter(lambda rule: any(signs(rule)), rules), key=signs, default=SharedRule())


def weights_of(entries: Iterable[Entry]) -> tuple[int, ...]:
    """The weights as the mesh takes them; a destination of Istio that says none, among several, gets nothing."""
    return tuple(entry.weight or 0 for entry in entries)


def is_planned(entries: Sequence[Entry], split: Assignment) -> bool:
    """Whether the rule lists the variants of a split, in its order."""
    return [entry.variant for entry in entries] == [share.variant for share in split.shares]


def challengers_have_traffic(entries: Iterable[Entry], champion: str) -> bool:
    """Whether a challenger gets requests."""
    return any(entry.weight and entry.variant not in ("", champion) for entry in entries)


def parked(split: Assignment, champion: str) -> tuple[int, ...]:
    """Everything for the champion."""
    return _with_challengers_at(0, split, champion)


def stepped(split: Assignment, champion: str) -> Assignment:
    """Every challenger at 1: the step between a split and the parked route, in both directions."""
    weights = _with_challengers_at(1, split, champion)
    named = zip(split.shares, weights, strict=True)
    return Assignment(split.modulus, tuple(Share(share.variant, weight) for share, weight in named))


def opened(split: Assignment) -> tuple[int, ...]:
    """The split, but 1 instead of 0, at the cost of the largest."""
    weights = [share.weight for share in split.shares]
    return _with_one_at_least(weights, range(len(weights)))


def stands(entries: Sequence[Entry], split: Assignment, champion: str) -> bool:
    """Whether the weights are ours: those of a split, open or parked."""
    return is_planned(entries, split) and weights_of(entries) in (opened(split), parked(split, champion))


def released(entries: Sequence[Entry], mark: Mark, champion: str) -> tuple[int | None, ...]:
    """The weights that an experiment leaves: those that it found, or somebody else's as they stand.

    A mark of an earlier experiment may have found another number of backends; then the champion gets all.
    """
    if not stands(entries, mark.split, champion):
        return tuple(entry.weight for entry in entries)
    return mark.original if len(mark.original) == len(entries) else parked(mark.split, champion)


@dataclass(frozen=True, slots=True)
class Written:
    """What the next write makes of the route: its weights, and the split that they belong to."""

    weights: tuple[int, ...]
    split: Assignment


def next_written(
    entries: Sequence[Entry], step: Parked | Open, *, mark: Mark | None, champion: str, settled: bool
) -> Written:
    """The weights on the way to a step, and the split to be kept with them.

    Parking asks for nothing but the entries as they stand. The first write takes all but one part of the modulus from
    the challengers, the second the rest, once the gateway has ``settled`` on the first.
    """
    standing, between = weights_of(entries), stepped(step.assignment, champion)
    step_over = Written(opened(between), between)
    if isinstance(step, Open):
        return step_over if 0 in standing else Written(opened(step.assignment), step.assignment)
    if not challengers_have_traffic(entries, champion):
        claimed = parked(step.assignment, champion) if mark is None else standing
        return Written(claimed, step.assignment)
    if not is_planned(entries, step.assignment):
        return Written(_emptied(entries, champion), step.assignment)
    if standing != step_over.weights:
        return step_over
    return Written(parked(step.assignment, champion), step.assignment) if settled else step_over


def operations(
    user_route: Manifest,
    rule: SharedRule,
    weights: Sequence[int | None],
    *,
    annotation: tuple[str, str | None],
    urgent: bool = False,
) -> list[Operation]:
    """A JSON Patch that writes weights and one annotation (None removes it) under guards, and nothing else.

    Guards are the object's UID and the names of the rule and of each backend; and unless it is ``urgent``, the weights
    as they were read, so that nobody's change is lost. The first annotation of an object asks for its very version.
    """
    metadata, entries = user_route["metadata"], rule.entries
    named = [rule.name] if rule.name else []
    tests = [_test(*place) for place in (("/metadata/uid", metadata["uid"]), *named, *(e.backend for e in entries))]
    if not urgent:
        tests += [_test(f"{entry.path}/weight", entry.weight) for entry in entries if entry.weight is not None]
    if "annotations" not in metadata:  # they are written as a whole
        tests.append(_test("/metadata/resourceVersion", metadata["resourceVersion"]))
    changed = [(entry, weight) for entry, weight in zip(entries, weights, strict=True) if entry.weight != weight]
    return [*tests, *_annotated(metadata, *annotation), *(_weight(entry, weight) for entry, weight in changed)]


def _annotated(metadata: Manifest, name: str, text: str | None) -> list[Operation]:
    path = "/metadata/annotations/" + name.replace("~", "~0").replace("/", "~1")
    found = metadata.get("annotations", {})
    if text is None:
        return [{"op": "remove", "path": path}] if name in found else []
    if not found:
        return [{"op": "add", "path": "/metadata/annotations", "value": {name: text}}]
    return [{"op": "add", "path": path, "value": text}]


def _weight(entry: Entry, weight: int | None) -> Operation:
    path = f"{entry.path}/weight"
    return {"op": "remove", "path": path} if weight is None else {"op": "add", "path": path, "value": weight}


def _test(path: str, value: Any) -> Operation:
    return {"op": "test", "path": path, "value": value}


def _with_challengers_at(weight: int, split: Assignment, champion: str) -> tuple[int, ...]:
    """Each challenger at a weight; the champion beside it, in the same slot, gets the rest of its share."""
    variants = [share.variant for share in split.shares]
    weights = [share.weight for share in split.shares]
    for place, variant in enumerate(variants):
        if variant != champion:
            beside = place + 1 if champion in variants[place + 1 : place + 2] else place - 1
            weights[beside] += weights[place] - weight
            weights[place] = weight
    return _with_one_at_least(weights, [place for place, variant in enumerate(variants) if variant == champion])


def _with_one_at_least(weights: Sequence[int], places: Iterable[int]) -> tuple[int, ...]:
    """The same sum, with 1 at least in some places, at the cost of the largest."""
    raised = {place: max(1, weights[place]) for place in places}
    new = [raised.get(place, weight) for place, weight in enumerate(weights)]
    new[new.index(max(new))] -= sum(new) - sum(weights)
    return tuple(new)


def _emptied(entries: Sequence[Entry], champion: str) -> tuple[int, ...]:
    """An edited rule without the challengers: what they had goes to the champion, where it is listed at all."""
    champions = [place for place, entry in enumerate(entries) if entry.variant == champion]
    weights = list(weights_of(entries))
    for place, entry in enumerate(entries):
        if champions and entry.variant not in ("", champion):
            weights[champions[0]] += weights[place]
            weights[place] = 0
    return tuple(weights)
