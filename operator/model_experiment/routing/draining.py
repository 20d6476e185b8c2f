"""How long connections live that know nothing of a new policy.

For: opening a route only when every connection obeys its policies. Envoy gives a policy such as basic authentication
or external authorisation a filter of its own. A connection from before keeps the filters that it was made with until
it is drained, but follows new routes at once, and a route that asks for a filter which a connection does not have is
served without it.
"""

from collections.abc import Callable

from model_experiment.objects import Manifest


class Drain:
    """Since when each copy has been accepted as it is; after a restart of the operator the time runs anew."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._accepted: dict[str, tuple[tuple[str, int], float]] = {}  # by the copy's UID

    def is_over(self, copy: Manifest, own: Manifest) -> bool:
        """Whether an accepted copy has stood long enough for this route; the first call with a version starts its time.

        A route that was made anew brings its filters anew, so its UID belongs to the version.
        """
        metadata, now = copy["metadata"], self._clock()
        version = (own["metadata"]["uid"], metadata["generation"])
        known, since = self._accepted.get(metadata["uid"], (None, now))
        if known != version:
            since = now
            self._accepted[metadata["uid"]] = (version, now)
        return now - since >= self._seconds

    def forget(self, copy: Manifest) -> None:
        """A copy that was deleted."""
        self._accepted.pop(copy["metadata"]["uid"], None)
