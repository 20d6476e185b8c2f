"""Does the gateway do what it has accepted? What the requests themselves say, since the present route has stood.

For: noticing a route that its proxies refused or took in part, which no status tells. A user's variant follows from the
hash, so where the route is in force *no* request meets another variant, and none that carries the assignment header
stays on the user's own route; chance allows nothing. Not for: whether enough users met each variant; that is the
sample-ratio check.

The trap is lag. Counts are as old as the last scrape, and proxies change one after the other, so requests count here
only once the route has stood for as long as fresh counts may be old.
"""

from dataclasses import dataclass, replace
from typing import Self

from model_experiment.assignment import Assignment
from model_experiment.decision.counts import BYPASSED, MISASSIGNED, REQUESTS, Counts
from model_experiment.decision.plan import Plan

LEAST_REQUESTS = 100
TOLERATED = 0.05  # users whose header is no text, and proxies that start with the routes of a moment ago


@dataclass(frozen=True, slots=True)
class RouteCounts:
    """Requests that any variant answered, those of them that met another than assigned, and those that went past."""

    requests: float = 0.0
    misassigned: float = 0.0
    bypassed: float = 0.0

    def __sub__(self, other: Self) -> Self:
        return replace(
            self,
            requests=self.requests - other.requests,
            misassigned=self.misassigned - other.misassigned,
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
    whole = seen.requests + seen.bypassed
    if whole >= LEAST_REQUESTS and seen.bypassed > TOLERATED * whole:
        return RouteFinding(
            effective=False,
            message=(
                f"the experiment's route must serve every request with {header}, found {seen.bypassed:.0f} of"
                f" {whole:.0f} on {route}: the gateway's proxies do not do what it has accepted"
            ),
        )
    if seen.requests >= LEAST_REQUESTS and seen.misassigned > TOLERATED * seen.requests:
        return RouteFinding(
            effective=False,
            message=(
                f"each user must meet the variant that {header} says, found another one in {seen.misassigned:.0f} of"
                f" {seen.requests:.0f} requests: the gateway's proxies have other routes, or split by chance"
            ),
        )
    as_assigned = seen.requests - seen.misassigned
    return RouteFinding(effective=True, message=f"{as_assigned:.0f} of {whole:.0f} requests met the variant assigned")


def _totals(plan: Plan, counts: Counts) -> RouteCounts:
    names = [variant.name for variant in plan.spec.variants]
    requests, misassigned, bypassed = (
        sum(counts.total(name, measure) for name in names) for measure in (REQUESTS, MISASSIGNED, BYPASSED)
    )
    return RouteCounts(requests, misassigned, bypassed)
