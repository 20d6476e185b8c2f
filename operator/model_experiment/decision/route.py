"""The route that should be, the route that is, and the next safe step from one to the other.

The trap is in the data plane: a weight of 0 removes a cluster from Envoy, and route and cluster updates are not
ordered, so crossing 0 while requests arrive answers some of them with 500. Therefore a route is entered and left
*parked* (its match accepts no request, all clusters stay), and where a share must become 0 in an open route it stands
at a weight of 1 in between.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from model_experiment.assignment import Assignment, Share

GATEWAY_SILENT = "GatewaySilent"  # who should answer for the route as it stands is down, or gone for good
ROUTE_REFUSED = "RouteRefused"  # a proxy serves by what stood before


@dataclass(frozen=True, slots=True)
class Absent:
    """The experiment has no route of its own: the user's route serves everybody."""


@dataclass(frozen=True, slots=True)
class Parked:
    """The route stands ready but matches no request: the user's route serves everybody."""

    assignment: Assignment


@dataclass(frozen=True, slots=True)
class Open:
    """The route serves everybody who carries the assignment header, split by these weights."""

    assignment: Assignment


Route = Absent | Parked | Open


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why the route cannot carry the experiment now; the reason is one CamelCase word."""

    reason: str
    message: str


def together(obstacles: Iterable[Obstacle | None]) -> Obstacle | None:
    """Several as one: the reason of the first, and what each says, once."""
    found = list(filter(None, obstacles))
    if not found:
        return None
    return Obstacle(found[0].reason, "; ".join(dict.fromkeys(each.message for each in found)))


@dataclass(frozen=True, slots=True)
class Seen:
    """The experiment's route as it was read.

    ``settled`` means that the gateway has processed this very generation; ``problem`` is what it says when it could
    not accept it or resolve a backend, or else who has been silent about it for too long. ``taken_back`` is what was
    written together with a take-back, so that a crash right after the write cannot forget why.
    """

    route: Parked | Open
    settled: bool
    problem: Obstacle | None = None
    taken_back: str = ""


@dataclass(frozen=True, slots=True)
class RouteReading:
    """All that routing knows: the own route, what stands in its way, and whether the user's route moved on.

    ``adopted`` is the challenger that the user's own route serves alone, if it does.
    """

    own: Seen | None
    obstacle: Obstacle | None = None
    adopted: str = ""


def next_step(own: Seen | None, goal: Route) -> Route:
    """The next route on the way to the goal that causes no client error and moves no user who should stay.

    A step must be settled before the next one is taken, except that parking is possible at any time.
    """
    match goal:
        case Absent():
            return _towards_absence(own)
        case Parked():
            return goal
        case Open():
            return _towards_open(own, goal)


def is_reached(own: Seen | None, goal: Route) -> bool:
    """Whether the goal stands and the gateway has settled on it."""
    if isinstance(goal, Absent):
        return own is None
    return own is not None and own.settled and not own.problem and own.route == goal


def is_abandoned(own: Seen) -> bool:
    """Whether the route is parked and nobody says what became of that: its gateway may be gone, or only down."""
    return isinstance(own.route, Parked) and own.problem is not None and own.problem.reason == GATEWAY_SILENT


def _towards_absence(own: Seen | None) -> Route:
    if own is None or (isinstance(own.route, Parked) and own.settled and not _is_kept(own)):
        return Absent()
    return Parked(own.route.assignment)


def _is_kept(own: Seen) -> bool:
    """Whether a proxy still serves by what stood before."""
    return own.problem is not None and own.problem.reason == ROUTE_REFUSED


def _towards_open(own: Seen | None, goal: Open) -> Route:
    if own is None:
        return Parked(goal.assignment)
    if isinstance(own.route, Parked):
        ready = own.settled and not own.problem and own.route.assignment == goal.assignment
        return goal if ready else Parked(goal.assignment)
    if _sides(own.route.assignment) != _sides(goal.assignment):
        return Parked(goal.assignment)  # somebody edited it; nothing can be compared
    return Open(_without_crossing_zero(own.route.assignment, goal.assignment)) if own.settled else own.route


def _sides(assignment: Assignment) -> tuple[int, list[str]]:
    return assignment.modulus, [share.variant for share in assignment.shares]


def _without_crossing_zero(now: Assignment, wanted: Assignment) -> Assignment:
    """The next weights: whoever comes from 0 first stands at 1, and so does whoever goes to 0."""
    pairs = [(before.weight, after.weight) for before, after in zip(now.shares, wanted.shares, strict=True)]
    entering = {place for place, (before, after) in enumerate(pairs) if before == 0 and after > 1}
    leaving = {place for place, (before, after) in enumerate(pairs) if before > 1 and after == 0}
    if entering:
        return _with_ones(now, entering)
    return _with_ones(wanted, leaving)


def _with_ones(assignment: Assignment, places: set[int]) -> Assignment:
    """The same weights, but 1 in some places, at the cost or in favour of the largest of the others."""
    weights = [1 if place in places else share.weight for place, share in enumerate(assignment.shares)]
    largest = max(set(range(len(weights))) - places, key=lambda place: weights[place])
    weights[largest] += assignment.modulus - sum(weights)
    named = zip(assignment.shares, weights, strict=True)
    return Assignment(assignment.modulus, tuple(Share(share.variant, weight) for share, weight in named))
