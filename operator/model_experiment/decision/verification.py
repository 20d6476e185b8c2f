"""Does the gateway do what it has accepted? What the requests themselves say, since the present route has stood.

For: noticing a route that its proxies refused or took in part, which no status tells. A user's variant follows from the
hash, so where the route is in force *no* request meets another variant, and none that carries the assignment header
stays on the user's own route; chance allows nothing. Not for: whether enough users met each variant; that is the
sample-ratio check.

A small challenger is judged by its own requests: a split by chance at 1 % misassigns 2 % of all requests, but nearly
all of those that the challenger answers.

The trap is lag. Counts are as old as the last scrape, and proxies change one after the other, so requests count here
only once the route has stood for as long as fresh counts may be old.
"""

from dataclasses import dataclass, replace
from operator import sub
from typing import Self

from model_experiment.assignment import Assignment
from model_experiment.decision.counts import BYPASSED, MISASSIGNED, REQUESTS, Counts
from model_experiment.decision.plan import Plan

LEAST_REQUESTS = 100
TOLERATED = 0.05  # users whose header is no text, and proxies that start with the routes of a moment ago


@dataclass(frozen=True, slots=True)
class RouteCounts:
    """Requests that each variant answered, those of them of users of other variants, and those that went past all."""

    requests: tuple[float, ...] = ()
    misassigned: tuple[float, ...] = ()
    bypassed: float = 0.0

    def __sub__(self, other: Self) -> Self:
        return replace(
            self,
            requests=tuple(map(sub, self.requests, other.requests)),
            misassigned=tuple(map(sub, self.misassigned, other.misassigned)),
            bypassed=self.bypassed - other.bypassed,
        )


@dataclass(frozen=True, slots=True)
class Verification:
    """What came since a split has stood, which was at ``since``; ``before`` is None until the first counts of it."""

    split: Assignment
    since: float
    before: RouteCounts | None = None
    now: RouteCounts = RouteCounts()

    def with_counts(self, plan: Plan, counts: Counts) -> Self:
        """After one more poll; what may be older than the route is only where the count begins."""
        totals = _totals(plan, counts)
        if self.before is None or counts.time < self.since + plan.lag_seconds:
            return replace(self, before=totals, now=totals)
        return replace(self, now=totals)

    @property
    def seen(self) -> RouteCounts:
        """The requests since the route has surely stood."""
        return RouteCounts() if self.before is None else self.now - self.before


@dataclass(frozen=True, slots=True)
class RouteFinding:
    """Whether the route is in force, as far as can be told, and what the requests say in a sentence."""

    effective: bool
    message: str


def finding_of(plan: Plan, seen: RouteCounts) -> RouteFinding:
    """What the requests say about the route; it is taken to be in force until enough of them say otherwise."""
    header, route = plan.spec.assignment.header, plan.spec.routing.user_route
    answered = sum(seen.requests)
    whole = answered + seen.bypassed
    if whole >= LEAST_REQUESTS and seen.bypassed > TOLERATED * whole:
        return RouteFinding(
            effective=False,
            message=(
                f"the experiment's route must serve every request with {header}, found {seen.bypassed:.0f} of"
                f" {whole:.0f} on {route}: the gateway's proxies do not do what it has accepted"
            ),
        )
    for variant, requests, misassigned in zip(plan.spec.variants, seen.requests, seen.misassigned, strict=False):
        if requests >= LEAST_REQUESTS and misassigned > TOLERATED * requests:
            return RouteFinding(
                effective=False,
                message=(
                    f"each user must meet the variant that {header} says, found users of others in {misassigned:.0f}"
                    f" of {requests:.0f} requests that {variant.name} answered: the gateway's proxies have other"
                    " routes, or split by chance"
                ),
            )
    as_assigned = answered - sum(seen.misassigned)
    return RouteFinding(effective=True, message=f"{as_assigned:.0f} of {whole:.0f} requests met the variant assigned")


def _totals(plan: Plan, counts: Counts) -> RouteCounts:
    names = [variant.name for variant in plan.spec.variants]
    return RouteCounts(
        tuple(counts.total(name, REQUESTS) for name in names),
        tuple(counts.total(name, MISASSIGNED) for name in names),
        sum(counts.total(name, BYPASSED) for name in names),
    )
