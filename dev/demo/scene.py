"""What there is to see of an experiment at one moment, as values: facts, each with a mark and a sentence.

For: both views, the live one and the plain one. Pure: a status, events and numbers go in. A fact's *mark* is the part
whose change is news; its text may change all the time.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from demo.numbers import Numbers

Status = Mapping[str, Any]

_TOLD_USERS = 500  # so many more users make a new estimate worth a line
_LONGEST_MESSAGE = 110  # of an event; the decision has it whole


@dataclass(frozen=True, slots=True)
class Event:
    """One Kubernetes event about the experiment."""

    type: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Scene:
    """One moment: the experiment's status as the API server has it, its events, and what the users saw."""

    status: Status = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    numbers: Numbers = field(default_factory=Numbers)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing to see; ``topic`` says what it is about."""

    topic: str
    mark: object
    text: str


def events_from(manifests: tuple[Mapping[str, Any], ...]) -> tuple[Event, ...]:
    """Events as the API server has them."""
    return tuple(Event(one["type"], one["reason"], one["message"]) for one in manifests)


def facts(scene: Scene) -> tuple[Fact, ...]:
    """Everything but the events, most important last."""
    return (
        *_phase(scene.status),
        *_split(scene.status),
        *(_objective(objective) for objective in scene.status.get("objectives", [])),
        *(_guardrail(guardrail) for guardrail in scene.status.get("guardrails", [])),
        *(_check(check) for check in scene.status.get("checks", [])),
        *_decision(scene.status),
    )


def news(before: Scene, after: Scene) -> tuple[Fact, ...]:
    """What is to be told of a change: new events, and the facts whose marks differ."""
    told = {(fact.topic, fact.mark) for fact in facts(before)}
    changed = tuple(fact for fact in facts(after) if (fact.topic, fact.mark) not in told)
    return (*(event_fact(event) for event in after.events[len(before.events) :]), *changed)


def conclusion(scene: Scene) -> tuple[Fact, ...]:
    """The decision with its reason, the numbers behind it, its risk and the next steps."""
    decision = scene.status.get("decision")
    if decision is None:
        return (Fact("decision", None, "none"),)
    return (
        Fact("decision", None, f"{decision['verdict']} ({decision['reason']})"),
        Fact("why", None, decision["message"]),
        *(Fact("numbers", None, line) for line in decision.get("evidence", []) if line != decision["message"]),
        *([Fact("risk", None, decision["risk"])] if "risk" in decision else []),
        *(Fact("next", None, action) for action in decision.get("actions", [])),
    )


def traffic(scene: Scene) -> Fact:
    """What the users see now, in one sentence."""
    numbers, moved = scene.numbers, scene.numbers.moved_before(_promoting(scene.status))
    return Fact(
        "traffic",
        None,
        f"{numbers.per_second:.0f} requests/s, {numbers.requests} so far of {numbers.users} users;"
        f" {numbers.gateway_errors} gateway errors, {moved} users moved between variants",
    )


def users_side(scene: Scene, *, challenger: str) -> tuple[Fact, ...]:
    """What the users saw, counted by themselves."""
    numbers = scene.numbers
    moved = numbers.moved_before(_promoting(scene.status))
    return (
        Fact("requests", None, f"{numbers.requests} of {numbers.users} users"),
        Fact("users met", None, _by_variant(numbers.met)),
        Fact("model errors", None, _by_variant(numbers.model_errors)),
        Fact("gateway errors", None, f"{numbers.gateway_errors} answers that no model gave"),
        Fact("moved users", None, f"{moved} met both variants while the split was open"),
        *_harm(numbers, challenger),
    )


def _by_variant(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{variant} {count}" for variant, count in sorted(counts.items())) or "none"


def _harm(numbers: Numbers, challenger: str) -> Iterator[Fact]:
    seconds = numbers.seconds_of_harm(challenger)
    if seconds is not None:
        yield Fact(
            "harm", None, f"{seconds:.1f} s from the first bad answer of {challenger} to its last answer to any user"
        )


def _promoting(status: Status) -> float | None:
    """When the challenger was given all users, in unix seconds; None where it never was."""
    times = [entry["time"] for entry in status.get("history", []) if entry["phase"] == "Promoting"]
    return datetime.fromisoformat(times[0]).timestamp() if times else None


def _phase(status: Status) -> Iterator[Fact]:
    if phase := status.get("phase"):
        yield Fact("phase", phase, phase)


def _split(status: Status) -> Iterator[Fact]:
    variants = status.get("variants", [])
    if not variants:
        return
    met = sum(variant["users"] for variant in variants)
    asked = ", ".join(f"{variant['name']} {variant['share']}" for variant in variants)
    seen = ", ".join(f"{variant['name']} {_share(variant['users'], met)}" for variant in variants)
    requests = sum(variant["requests"] for variant in variants)
    mark = tuple(variant["share"] for variant in variants)
    yield Fact("split", mark, f"asked {asked}; seen {seen} of {met} users, {requests} requests")


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else "-"


def _objective(objective: Status) -> Fact:
    """The last look with its interval, with which the finding agrees, and the newest estimate."""
    finding, look = objective["finding"], objective.get("look")
    seen = f"look {look} {objective['interval']}" if look else "no look yet"
    values = f"{objective.get('challengerValue', '-')} against {objective.get('championValue', '-')}"
    now = f"; now {objective['effect']} {objective['anytimeInterval']}" if "effect" in objective else ""
    users = sum(objective.get("users", {}).values())
    mark = (finding, look, users // _TOLD_USERS)
    return Fact(f"objective {objective['name']}", mark, f"{finding}, {seen}{now} ({values})")


def _guardrail(guardrail: Status) -> Fact:
    finding, evidence = guardrail["finding"], guardrail.get("evidence", "-")
    text = (
        f"{finding}: {guardrail.get('challengerValue', '-')} against {guardrail.get('championValue', '-')},"
        f" evidence {evidence} of {guardrail.get('threshold', '-')}"
    )
    return Fact(f"guardrail {guardrail['name']}", (finding, _magnitude(evidence)), text)


def _magnitude(evidence: str) -> int:
    """Powers of ten, so that growing evidence is news a few times and noise is not."""
    try:
        return max(0, math.floor(math.log10(float(evidence))))
    except ValueError:  # not a number, or 0
        return 0


def _check(check: Status) -> Fact:
    return Fact(f"gate {check['name']}", check["status"], f"{check['status']}: {check['message']}")


def _decision(status: Status) -> Iterator[Fact]:
    """The verdict; the sentence of a final one is for the conclusion."""
    if decision := status.get("decision"):
        mark = (decision["verdict"], decision["reason"])
        said = f": {decision['message']}" if decision["verdict"] in ("Continue", "Hold") else ""
        yield Fact("decision", mark, f"{decision['verdict']} ({decision['reason']}){said}")


def event_fact(event: Event) -> Fact:
    """An event, its message cut where it is long."""
    cut = len(event.message) > _LONGEST_MESSAGE
    message = f"{event.message[:_LONGEST_MESSAGE]}..." if cut else event.message
    return Fact("event", event, f"{event.type} {event.reason}: {message}")
