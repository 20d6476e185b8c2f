"""Somebody who undoes our weights again and again: how often, how long to wait, and when to give in.

For: a shared route that a GitOps loop holds to its manifest. Two writers who never give in would move users between
variants for as long as both live. A take-back does not ask here: it is written whenever it is needed.
"""

from collections.abc import Callable

from model_experiment.decision.route import Obstacle

_WINDOW_SECONDS = 300.0
_MOST = 3
_FIRST_WAIT_SECONDS = 1.0
_ADVICE = (
    "in Argo CD, ignore the whole list of rules (ignoreDifferences with jqPathExpressions [.spec.{field}] and the sync"
    " option RespectIgnoreDifferences=true); in Flux, let spec.ignore of the Kustomization name the path /spec/{field}"
)


class Reverts:
    """Each experiment's reverts of the last five minutes; a new process knows of none."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._noticed: dict[str, dict[object, float]] = {}  # by the experiment's UID: when each version was noticed

    def notice(self, uid: str, version: object) -> None:
        """A version of the route in which our weights were undone; the same again is no news."""
        self._noticed.setdefault(uid, {}).setdefault(version, self._clock())

    def waits(self, uid: str) -> bool:
        """Whether it is too early to write our weights again: a second after the first revert, two after the next."""
        recent = self._recent(uid)
        if not recent:
            return False
        return len(recent) >= _MOST or self._clock() - recent[-1] < _FIRST_WAIT_SECONDS * 2 ** (len(recent) - 1)

    def obstacle(self, uid: str, *, user_route: str, field: str) -> Obstacle | None:
        """What to configure, once it happened too often; it is tried again when the oldest revert is forgotten."""
        recent = self._recent(uid)
        if len(recent) < _MOST:
            return None
        return Obstacle(
            "RouteContested",
            f"{user_route} must keep the weights that the experiment writes, found them undone {len(recent)} times in"
            f" {_WINDOW_SECONDS / 60:g} minutes; {_ADVICE.format(field=field)}",
        )

    def forget(self, uid: str) -> None:
        """An experiment that has left the route."""
        self._noticed.pop(uid, None)

    def _recent(self, uid: str) -> list[float]:
        now = self._clock()
        return sorted(time for time in self._noticed.get(uid, {}).values() if now - time < _WINDOW_SECONDS)
