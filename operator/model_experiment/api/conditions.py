"""Conditions: what machines wait for (``kubectl wait``, Helm, Flux, Argo CD).

Which condition is true when is decided elsewhere; here is only how one is set. ``Ready`` means "configured
and behaving as specified", not "finished"; ``Succeeded`` means that the experiment came to a valid result,
whoever won.

The trap: ``lastTransitionTime`` moves only when the *status* flips. Reasons and messages may change at
every tick.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum

from pydantic import Field

from model_experiment.api.records import Prose, Record, Time, Word


class ConditionType(StrEnum):
    """The conditions of a ModelExperiment."""

    READY = "Ready"
    """Configured, and behaving as specified."""
    RECONCILING = "Reconciling"
    """Not there yet, and being worked on."""
    STALLED = "Stalled"
    """Not there, and waiting for a person."""
    DEGRADED = "Degraded"
    """Running with less than it needs, such as a silent metric source."""
    SUCCEEDED = "Succeeded"
    """Ended with a result that may be trusted."""


class ConditionStatus(StrEnum):
    """The three answers of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Record):
    """One fact about the experiment, with its reason."""

    type: ConditionType = Field(description="What the condition is about.")
    status: ConditionStatus = Field(description="Whether it holds.")
    reason: Word = Field(description="Why, in one CamelCase word.")
    message: Prose = Field(description="Why, in a sentence.")
    last_transition_time: Time = Field(description="When the status last changed.")
    observed_generation: int | None = Field(
        default=None, description="The generation of the spec that this was found for."
    )


NEVER = datetime(1970, 1, 1, tzinfo=UTC)
WAITING = Condition(
    type=ConditionType.READY,
    status=ConditionStatus.UNKNOWN,
    reason="Pending",
    message="Waiting for the operator",
    last_transition_time=NEVER,
)
"""The condition of an object that no operator has seen yet."""


def find_condition(conditions: Iterable[Condition], type_: ConditionType) -> Condition | None:
    """The condition of a type; None where it was never set."""
    return next((condition for condition in conditions if condition.type is type_), None)


def set_condition(
    conditions: tuple[Condition, ...],
    type_: ConditionType,
    status: ConditionStatus,
    *,
    reason: str,
    message: str,
    observed_generation: int,
    now: datetime,
) -> tuple[Condition, ...]:
    """The conditions with one of them set: in its place, or at the end where it is new."""
    old = find_condition(conditions, type_)
    new = Condition(
        type=type_,
        status=status,
        reason=reason,
        message=message,
        observed_generation=observed_generation,
        last_transition_time=old.last_transition_time if old and old.status is status else now,
    )
    if old is None:
        return (*conditions, new)
    return tuple(new if condition is old else condition for condition in conditions)
