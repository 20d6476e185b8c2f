"""One route for both: the user's own, which lists champion and challengers, and whose weights alone we write.

For: ``ownership: Shared``. Nothing of the user's route is written but the weights of one rule and one annotation, the
mark, and a release takes both back. What the rule must say besides is the user's to write, and asked for by name.

The traps: somebody may undo our weights at any time. They are written again, ever later, until it is plain that two
write against each other. A take-back waits for none of this, and depends on nothing but the names of the backends. And
somebody may take the mark away and leave the weights: as long as a challenger has traffic, what is remembered of the
mark is as good as the mark.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from model_experiment.api.status import Phase
from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import Absent, Obstacle, Open, Parked, Route, RouteReading, Seen
from model_experiment.errors import ClusterError, ConflictError
from model_experiment.objects import MODEL_EXPERIMENT, Kind, Manifest, Objects, Operation
from model_experiment.routing.port import View
from model_experiment.routing.reverts import Reverts
from model_experiment.routing.shared_weights import (
    Entry,
    Mark,
    SharedRule,
    Written,
    challengers_have_traffic,
    is_planned,
    mark_from,
    mark_name,
    mark_on,
    next_written,
    opened,
    operations,
    released,
    stands,
    weights_of,
)

_ENDING = frozenset({Phase.PROMOTING, Phase.PROMOTED, Phase.TAKING_BACK, Phase.CONCLUDED})


class Dialect(Protocol):
    """How one kind of route says what is shared; ``rules_field`` is the list of its spec that has the weights."""

    kind: Kind
    rules_field: str

    def user_route(self, experiment: Experiment) -> Manifest | None:
        """The route that the experiment names."""
        ...

    def rules(self, experiment: Experiment, user_route: Manifest) -> list[SharedRule]:
        """All rules of a route, in their order."""
        ...

    def rule(self, experiment: Experiment, user_route: Manifest) -> SharedRule:
        """The shared rule; an empty one where there is none."""
        ...

    def find_obstacle(self, experiment: Experiment, user_route: Manifest | None, *, is_marked: bool) -> Obstacle | None:
        """What the route, or what belongs to it, must say and does not."""
        ...

    def says(self, experiment: Experiment, user_route: Manifest) -> tuple[bool, Obstacle | None]:
        """Whether the mesh has processed the route as it stands, and what is wrong if anything."""
        ...

    def look(self, experiment: Experiment) -> None:
        """Asks the mesh soon what it has taken, without anybody waiting."""
        ...


class SharedRouter:
    """Routes of users, read from a view and written with guards; ``urgent`` are connections for take-backs."""

    def __init__(
        self, dialect: Dialect, objects: Objects, view: View, *, urgent: Objects, clock: Callable[[], float]
    ) -> None:
        self._dialect = dialect
        self._objects = objects
        self._urgent = urgent
        self._view = view
        self._reverts = Reverts(clock)
        self._held: dict[str, Mark] = {}  # by the experiment's UID: marks that we wrote or found, and did not take away

    def read(self, experiment: Experiment) -> RouteReading:
        """What stands now and what is in the way."""
        user_route = self._dialect.user_route(experiment)
        mark = self._mark(experiment, user_route)
        return RouteReading(
            own=self._seen(experiment, user_route, mark) if user_route and mark else None,
            obstacle=self._obstacle(experiment, user_route, is_marked=mark is not None),
            adopted=self._adopted(experiment, user_route),
        )

    async def apply(self, experiment: Experiment, step: Route, *, taken_back: str = "") -> bool:
        """Makes one step true; see the port."""
        user_route = self._dialect.user_route(experiment)
        if user_route is None:
            return False
        try:
            match step:
                case Absent():
                    return await self._release(experiment, user_route)
                case Parked() | Open():
                    return await self._stand(experiment, user_route, step, taken_back=taken_back)
        except ConflictError:
            await self._read_again(experiment)
            raise
        finally:
            self._dialect.look(experiment)

    async def _release(self, experiment: Experiment, user_route: Manifest) -> bool:
        """Our weights go back to what was found; somebody else's stay, and so does everything else."""
        mark, rule = self._mark(experiment, user_route), self._dialect.rule(experiment, user_route)
        self._held.pop(experiment.uid, None)  # what somebody writes from now on is theirs
        if mark is None:
            return False
        weights = released(rule.entries, mark, experiment.spec.champion.name)
        patch = operations(user_route, rule, weights, annotation=(mark_name(experiment), None))
        await self._patch(user_route, patch, self._objects)
        self._reverts.forget(experiment.uid)
        return True

    async def _stand(
        self, experiment: Experiment, user_route: Manifest, step: Parked | Open, *, taken_back: str
    ) -> bool:
        mark, rule = self._mark(experiment, user_route), self._dialect.rule(experiment, user_route)
        entries, champion = rule.entries, experiment.spec.champion.name
        takes_back = isinstance(step, Parked) and challengers_have_traffic(entries, champion)
        urgent = mark is not None and (takes_back or bool(taken_back))
        if not urgent and self._must_wait(experiment, user_route, entries, mark):
            return False
        settled, _ = self._dialect.says(experiment, user_route)
        wanted = next_written(entries, step, mark=mark, champion=champion, settled=settled)
        original = mark.original if mark else tuple(entry.weight for entry in entries)
        new = Mark(experiment.uid, original, wanted.split, taken_back)
        if new == mark_on(user_route, experiment) and wanted.weights == weights_of(entries):
            self._held[experiment.uid] = new
            return False
        patch = operations(
            user_route, rule, wanted.weights, annotation=(mark_name(experiment), new.text()), urgent=urgent
        )
        changed = await self._patch(user_route, patch, self._urgent if urgent else self._objects)
        if changed is not None:
            self._held[experiment.uid] = new
            self._check(experiment, changed, rule, wanted)
        return True

    def _must_wait(
        self, experiment: Experiment, user_route: Manifest, entries: tuple[Entry, ...], mark: Mark | None
    ) -> bool:
        """Whether nothing may be written now: something is in the way, or somebody undid our weights a moment ago."""
        written, champion = mark_on(user_route, experiment), experiment.spec.champion.name
        is_held = mark is not None or experiment.uid in self._held
        is_undone = not stands(entries, written.split, champion) if written else is_held
        if is_undone:
            metadata = user_route["metadata"]
            self._reverts.notice(experiment.uid, (metadata["uid"], metadata["generation"]))
        obstacle = self._obstacle(experiment, user_route, is_marked=mark is not None)
        return obstacle is not None or (is_undone and self._reverts.waits(experiment.uid))

    def _check(self, experiment: Experiment, changed: Manifest, rule: SharedRule, wanted: Written) -> None:
        standing = {each.place: weights_of(each.entries) for each in self._dialect.rules(experiment, changed)}
        found = standing.get(rule.place, ())
        if found != wanted.weights:
            raise ClusterError(
                f"{experiment.spec.routing.user_route} must have the weights {list(wanted.weights)} as written, found"
                f" {list(found)} in the answer of the API server"
            )

    async def _patch(self, user_route: Manifest, patch: list[Operation], objects: Objects) -> Manifest | None:
        held, kind = user_route["metadata"], self._dialect.kind
        changed = await objects.patch(kind, held["namespace"], held["name"], operations=patch)
        if changed is None:
            self._view.forget(kind, user_route)
        else:
            self._view.remember(kind, changed)
        return changed

    async def _read_again(self, experiment: Experiment) -> None:
        """What the API server has now: a watch may be late, or dead."""
        known = self._dialect.user_route(experiment)
        if known is None:
            return
        metadata, kind = known["metadata"], self._dialect.kind
        found = await self._objects.get(kind, metadata["namespace"], metadata["name"])
        if found is not None:
            self._view.remember(kind, found)
        else:
            self._view.forget(kind, known)

    def _mark(self, experiment: Experiment, user_route: Manifest | None) -> Mark | None:
        """The mark, or what is remembered of it where it is lost and a challenger still has traffic by our doing."""
        written = mark_on(user_route, experiment)
        if written is not None or user_route is None:
            return written
        entries = self._dialect.rule(experiment, user_route).entries
        found = self._view.get(MODEL_EXPERIMENT, experiment.namespace, experiment.name) or {}
        status = found.get("status", {})
        is_left = self._adopted(experiment, user_route) and (experiment.deleting or status.get("phase") in _ENDING)
        if is_left or not challengers_have_traffic(entries, experiment.spec.champion.name):
            return None
        return self._held.get(experiment.uid) or mark_from(status, experiment, entries)

    def _seen(self, experiment: Experiment, user_route: Manifest, mark: Mark) -> Seen:
        """The route as the decision needs it: weights that are not ours are a parked route on its way."""
        entries = self._dialect.rule(experiment, user_route).entries
        settled, problem = self._dialect.says(experiment, user_route)
        seen = Seen(Parked(mark.split), settled=settled, problem=problem, taken_back=mark.taken_back)
        if is_planned(entries, mark.split) and weights_of(entries) == opened(mark.split):
            return replace(seen, route=Open(mark.split))
        if self._adopted(experiment, user_route):
            return replace(seen, settled=True)  # the user's own weights, which a release leaves
        return replace(seen, settled=settled and not challengers_have_traffic(entries, experiment.spec.champion.name))

    def _obstacle(self, experiment: Experiment, user_route: Manifest | None, *, is_marked: bool) -> Obstacle | None:
        return self._dialect.find_obstacle(experiment, user_route, is_marked=is_marked) or self._reverts.obstacle(
            experiment.uid,
            user_route=experiment.spec.routing.user_route,
            field=self._dialect.rules_field,
        )

    def _adopted(self, experiment: Experiment, user_route: Manifest | None) -> str:
        """The challenger that the user's own weights serve alone: ours never do."""
        entries = self._dialect.rule(experiment, user_route).entries if user_route else ()
        serving = {entry.variant for entry in entries if entry.weight or len(entries) == 1}
        return next((each.name for each in experiment.spec.challengers if serving == {each.name}), "")
