"""The numbers of this process: 100 buckets of users for every experiment, variant and measure.

Everything starts at 0 in every process, exists at 0 from the moment an experiment is known, and is gone with
it.

The trap is a user who changes the variant, because the weights do. Requests and responses count under the
variant that answered. Exposures and outcomes count under the variant the user met *first*: that is what the
log of assignments says, so they arrive here from there (see ``recording``). The bucket is the user's own and
never changes.

Another is a route that is shared with the user: it serves the champion also while nothing is split, and counted then,
its users would be one half of a comparison. What the champion answers counts only while the split stands.
"""

from collections.abc import Iterable, Iterator

from model_experiment.api.words import ResponseClass
from model_experiment.assignment import BUCKETS
from model_experiment.collector.catalogue import RAMP, Catalogue, Counted, catalogue_of
from model_experiment.collector.entries import Request
from model_experiment.collector.known_users import KnownUsers
from model_experiment.collector.store import Exposure, Outcome
from model_experiment.decision.counts import BYPASSED, EXPOSURES, MISASSIGNED, RAMP_EXPOSURES, REQUESTS, Family, Measure

CLIENT_ERRORS = Measure(Family.RESPONSES, ResponseClass.CLIENT_ERROR)
SERVER_ERRORS = Measure(Family.RESPONSES, ResponseClass.SERVER_ERROR)

Table = list[float]


class Tally:
    """The counts of one experiment, and the users it need not ask the log about."""

    def __init__(self, counted: Counted) -> None:
        self.counted = counted
        self.tables: dict[tuple[str, Measure], Table] = {}
        self.known_users = KnownUsers()
        self._split_since: float | None = None
        self.fit(counted)

    def fit(self, counted: Counted) -> None:
        """Follows a change of the experiment: what is still declared keeps its numbers, new is 0."""
        if counted.log_name != self.counted.log_name:
            self.known_users = KnownUsers()  # whoever the ramp knew is new to the full split
        self.counted = counted
        self._slow = [
            (limit.nanoseconds, Measure(Family.SLOW_RESPONSES, limit.text)) for limit in counted.latency_limits
        ]
        kept = self.tables
        self.tables = {
            (variant, measure): kept.get((variant, measure)) or [0] * BUCKETS
            for measure in measures(counted)
            for variant in counted.variants
        }

    def takes(self, request: Request) -> bool:
        """Whether a request is one of the experiment; on a shared route, the answers to challengers' users tell.

        One that a challenger answered as it should says that the split stands, one that the champion answered instead
        that it does not. Entries of the access log come late, so it is their own times that are compared.
        """
        if not self.counted.shared_route:
            return True
        if request.variant != self.counted.champion:
            if request.is_as_assigned and self._split_since is None:
                self._split_since = request.started
            return True
        stands = self._split_since is not None and request.started >= self._split_since
        if stands and not request.is_as_assigned:
            self._split_since = None
        return stands and request.is_as_assigned

    def count(self, request: Request) -> None:
        """One request and its response, under the variant that answered."""
        variant, bucket = request.variant, self.counted.assignment.bucket(request.user)
        self.tables[variant, REQUESTS][bucket] += 1
        if request.is_misassigned:
            self.tables[variant, MISASSIGNED][bucket] += 1
        if request.code >= 500:  # noqa: PLR2004 - HTTP's own boundaries
            self.tables[variant, SERVER_ERRORS][bucket] += 1
        elif request.code >= 400:  # noqa: PLR2004
            self.tables[variant, CLIENT_ERRORS][bucket] += 1
        for nanoseconds, measure in self._slow:
            if request.nanoseconds > nanoseconds:
                self.tables[variant, measure][bucket] += 1

    def add(self, variant: str, measure: Measure, *, user: str, amount: float = 1) -> None:
        """Adds to a user's bucket; what is no longer declared is left out."""
        table = self.tables.get((variant, measure))
        if table is not None:
            table[self.counted.assignment.bucket(user)] += amount


class Tallies:
    """The tallies of all experiments that the catalogue names."""

    def __init__(self) -> None:
        self.catalogue = catalogue_of(())
        self.are_informed = False  # whether the catalogue is the cluster's, not just the empty one of the beginning
        self._by_uid: dict[str, Tally] = {}

    def __iter__(self) -> Iterator[Tally]:
        return iter(self._by_uid.values())

    def know(self, catalogue: Catalogue) -> None:
        """Takes a new catalogue: forgets who is gone, starts who is new at 0."""
        known, self._by_uid = self._by_uid, {}
        for counted in catalogue.by_label.values():
            tally = known.get(counted.uid) or Tally(counted)
            tally.fit(counted)
            self._by_uid[counted.uid] = tally
        self.catalogue = catalogue
        self.are_informed = True

    def of(self, counted: Counted) -> Tally:
        """The tally of an experiment of the present catalogue."""
        return self._by_uid[counted.uid]

    def add_exposures(self, exposures: Iterable[Exposure]) -> None:
        """Users who were written to the log for the first time."""
        for exposure in exposures:
            uid = exposure.experiment_uid.removesuffix(RAMP)
            measure = EXPOSURES if uid == exposure.experiment_uid else RAMP_EXPOSURES
            if (tally := self._by_uid.get(uid)) is not None:
                tally.add(exposure.variant, measure, user=exposure.user)

    def add_outcomes(self, outcomes: Iterable[tuple[str, Outcome]]) -> None:
        """Outcomes with the variant that the log says their user met first."""
        for variant, outcome in outcomes:
            tally = self._by_uid.get(outcome.experiment_uid)
            if tally is not None:
                tally.add(variant, Measure(Family.OUTCOMES, outcome.name), user=outcome.user)
                tally.add(
                    variant,
                    Measure(Family.OUTCOME_VALUE, outcome.name),
                    user=outcome.user,
                    amount=outcome.value,
                )


def measures(counted: Counted) -> tuple[Measure, ...]:
    """Everything that is counted for an experiment."""
    return (
        EXPOSURES,
        *([RAMP_EXPOSURES] if counted.ramped else []),
        REQUESTS,
        MISASSIGNED,
        BYPASSED,
        SERVER_ERRORS,
        CLIENT_ERRORS,
        *(Measure(Family.SLOW_RESPONSES, limit.text) for limit in counted.latency_limits),
        *(Measure(Family.OUTCOMES, name) for name in counted.outcomes),
        *(Measure(Family.OUTCOME_VALUE, name) for name in counted.outcomes),
    )
