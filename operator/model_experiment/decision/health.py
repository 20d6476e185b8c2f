"""The conditions: what ``kubectl wait``, Helm, Flux and Argo CD read.

``Ready`` means "behaving as specified", not "finished": a healthy experiment of two weeks is ready all the time. A
challenger that lost is a result and no fault. The trap: a tool that waits gives up at ``Stalled``, so only what a
person must mend is stalled; what may heal by itself is ``Reconciling``.
"""

from dataclasses import dataclass, replace

from model_experiment.api.conditions import Condition, ConditionStatus, ConditionType, set_condition
from model_experiment.api.status import Phase, Verdict
from model_experiment.decision import wording
from model_experiment.decision.machine import Decision
from model_experiment.decision.observation import Blind
from model_experiment.decision.route import GATEWAY_SILENT, Absent, Obstacle

_HEALS_BY_ITSELF = frozenset(
    {
        GATEWAY_SILENT,
        "RouteNotFound",
        "RouteNotAccepted",
        "BackendNotResolved",
        "Conflicted",
        "PolicyPending",
        "PolicyMissing",
    }
    | {"FilterMissing", "MeshUnknown"}
)
_GRACE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Health:
    """The five conditions before they are written; ``succeeded`` is None while nobody can know."""

    ready: bool
    reason: str
    message: str
    reconciling: bool = False
    stalled: bool = False
    degraded: bool = False
    succeeded: bool | None = None


_ENDINGS: dict[Verdict, Health] = {
    Verdict.PROMOTE: Health(ready=True, reason="Promoted", message="", succeeded=True),
    Verdict.KEEP_CHAMPION: Health(ready=True, reason="ChampionKept", message="", succeeded=True),
    Verdict.INCONCLUSIVE: Health(ready=True, reason="Inconclusive", message="", succeeded=True),
    Verdict.ROLLBACK: Health(ready=True, reason="RolledBack", message="", succeeded=False),
    Verdict.PASS: Health(ready=True, reason="Passed", message="", succeeded=True),
    Verdict.FAIL: Health(ready=True, reason="Failed", message="", succeeded=False),
    Verdict.INVALID: Health(ready=False, reason="", message="", stalled=True, degraded=True, succeeded=False),
}


def health_of(decision: Decision, *, now: float) -> Health:
    """How the experiment is, in the phase it is in."""
    judgement, hold = decision.judgement, decision.on_hold
    goes = decision.stands and isinstance(decision.goal, Absent)
    match decision.state.phase:
        case Phase.CONCLUDED | Phase.PROMOTED if judgement.verdict in _ENDINGS and not goes:
            ending = replace(_ENDINGS[judgement.verdict], message=judgement.message)
            only_reported = judgement.verdict is Verdict.PROMOTE and not _was_promoted(decision)
            by_judgement = only_reported or judgement.verdict is Verdict.INVALID
            return replace(ending, reason=judgement.reason) if by_judgement else ending
        case _ if isinstance(hold, Obstacle):
            stalled = hold.reason not in _HEALS_BY_ITSELF
            return Health(
                ready=False,
                reason=hold.reason,
                message=hold.message,
                reconciling=not stalled,
                stalled=stalled,
            )
        case Phase.TAKING_BACK:
            return Health(ready=False, reason="TakingBack", message=judgement.message, reconciling=True)
        case _ if goes:
            message = "the experiment's route is parked, and goes once the gateway has taken that"
            return Health(ready=False, reason="Releasing", message=message, reconciling=True)
        case _ if isinstance(hold, Blind):
            since = decision.state.blind_since
            degraded = since is not None and now - since > _GRACE_SECONDS
            return Health(ready=False, reason=hold.reason, message=hold.message, reconciling=True, degraded=degraded)
        case Phase.RAMPING | Phase.RUNNING:
            return Health(ready=True, reason=judgement.reason, message=judgement.message)
        case Phase.PROMOTING:
            return Health(ready=True, reason="Promoting", message=judgement.message, reconciling=True)
        case _:
            return Health(ready=False, reason="Provisioning", message="the route is made ready", reconciling=True)


def _was_promoted(decision: Decision) -> bool:
    return any(entry.phase is Phase.PROMOTED for entry in decision.state.history)


def with_health(
    health: Health, *, generation: int, previous: tuple[Condition, ...], now: float
) -> tuple[Condition, ...]:
    """All five conditions; a time moves only where a status flips."""
    wanted = {
        ConditionType.READY: health.ready,
        ConditionType.RECONCILING: health.reconciling,
        ConditionType.STALLED: health.stalled,
        ConditionType.DEGRADED: health.degraded,
        ConditionType.SUCCEEDED: health.succeeded,
    }
    conditions = previous
    for type_, value in wanted.items():
        conditions = set_condition(
            conditions,
            type_,
            status_word(value),
            reason=health.reason,
            message=health.message,
            observed_generation=generation,
            now=wording.moment(now),
        )
    return conditions


def status_word(value: bool | None) -> ConditionStatus:  # noqa: FBT001 - a condition is a boolean with a third answer
    """True, False or Unknown."""
    if value is None:
        return ConditionStatus.UNKNOWN
    return ConditionStatus.TRUE if value else ConditionStatus.FALSE
