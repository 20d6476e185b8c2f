"""The status of a ModelExperiment: what the operator knows, decided and did, in the words people read.

Plain JSON in (:func:`parse_status`) and out (:meth:`ModelExperimentStatus.to_json`). A number that is not a
whole number is a text made for reading, such as ``"+6.1%"``; nothing is computed from it again, except by
people.

The trap: an empty list is written, an absent value is not. Whoever writes by merge patch must replace the
whole status, or a value that is gone stays.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import Field

from model_experiment.api.conditions import WAITING, Condition, ConditionType
from model_experiment.api.records import (
    AS_A_WHOLE,
    BY_CHALLENGER,
    BY_NAME,
    BY_NAME_AND_CHALLENGER,
    BY_TYPE,
    ManifestText,
    Prose,
    Record,
    Time,
    Word,
)
from model_experiment.api.words import By, Unit

LONGEST_HISTORY = 30


class Phase(StrEnum):
    """Where the experiment stands; for people, machines read conditions."""

    PENDING = "Pending"
    STARTING = "Starting"
    RAMPING = "Ramping"
    RUNNING = "Running"
    PROMOTING = "Promoting"
    PROMOTED = "Promoted"
    TAKING_BACK = "TakingBack"
    CONCLUDED = "Concluded"


class Verdict(StrEnum):
    """What the evidence says should happen."""

    CONTINUE = "Continue"
    HOLD = "Hold"
    PROMOTE = "Promote"
    KEEP_CHAMPION = "KeepChampion"
    INCONCLUSIVE = "Inconclusive"
    ROLLBACK = "Rollback"
    INVALID = "Invalid"
    PASS = "Pass"  # noqa: S105 - a verdict
    FAIL = "Fail"


class Role(StrEnum):
    """The part that a variant plays."""

    CHAMPION = "Champion"
    CHALLENGER = "Challenger"


class ObjectiveFinding(StrEnum):
    """What is known about the challenger on an objective."""

    BETTER = "Better"
    WORSE = "Worse"
    UNDECIDED = "Undecided"
    NOT_ESTIMABLE = "NotEstimable"


class GuardrailFinding(StrEnum):
    """What is known about harm."""

    HOLDING = "Holding"
    BREACHED = "Breached"
    NOT_ESTIMABLE = "NotEstimable"


class ShadowFinding(StrEnum):
    """What is known about the challenger's answers."""

    ALIKE = "Alike"
    DIFFERENT = "Different"
    NOT_COMPARABLE = "NotComparable"
    UNDECIDED = "Undecided"


class CheckStatus(StrEnum):
    """The outcome of a check on the experiment itself."""

    PASSED = "Passed"
    WAITING = "Waiting"
    FAILED = "Failed"


class ShareStatus(Record):
    """The integer weight of one variant."""

    variant: Word = Field(description="Name of the variant.")
    weight: int = Field(description="Its weight, out of the modulus.")


class AssignmentStatus(Record):
    """Which user meets which variant."""

    unit: Unit = Field(description="What is assigned.")
    header: Word = Field(description="Request header that names it.")
    by: By = Field(default=By.HASH, description="By what a user is given to a variant.")
    position_header: Word | None = Field(
        default=None, description="Request header with the user's position, where by is PositionHeader."
    )
    modulus: int = Field(
        description="How many positions there are. By Hash it is the experiment's prime: a user stands at "
        "xxHash64(header value) modulo this number."
    )
    shares: tuple[ShareStatus, ...] = Field(
        max_length=8,
        description="Intervals of positions in this order; a variant may have several, the held out stand last. The "
        "weights sum to the modulus.",
        json_schema_extra=AS_A_WHOLE,
    )


class RampStatus(Record):
    """How far the ramp to the full split is."""

    steps: int = Field(description="How many steps there are.")
    done: int = Field(description="How many of them are over; after all of them comes the full split.")
    since: Time | None = Field(default=None, description="Since when the present step stands.")


class VariantStatus(Record):
    """A variant and the traffic it met."""

    name: Word = Field(description="Name of the variant.")
    role: Role = Field(description="Champion or Challenger.")
    weight: int = Field(description="Its weight in the route now.")
    share: Word = Field(description="Its share of the users now, such as 50.00%.")
    users: int = Field(description="Users who met it so far.")
    requests: int = Field(description="Requests it answered so far.")


class UserCounts(Record):
    """How many users a comparison rests on."""

    champion: int = Field(description="Users of the champion.")
    challenger: int = Field(description="Users of the challenger.")


class ObjectiveStatus(Record):
    """The challenger compared with the champion on one objective."""

    name: Word = Field(description="Name of the objective.")
    challenger: Word = Field(description="Name of the challenger.")
    finding: ObjectiveFinding = Field(description="What is known about the challenger.")
    champion_value: Word | None = Field(default=None, description="The champion's value.")
    challenger_value: Word | None = Field(default=None, description="The challenger's value.")
    effect: Word | None = Field(default=None, description="Relative difference, such as +6.1%.")
    interval: Word | None = Field(default=None, description="Interval of the effect, by the declared design.")
    anytime_interval: Word | None = Field(
        default=None,
        description="Interval of the effect that holds at any time, however often it is looked at.",
    )
    p_value: Word | None = Field(default=None, description="p-value of no difference, by the declared design.")
    users: UserCounts | None = Field(default=None, description="How many users the comparison rests on.")
    look: Word | None = Field(default=None, description="The last look and the planned number, such as 3/14.")
    method: Prose | None = Field(default=None, description="How the numbers were computed.")
    query: Prose | None = Field(default=None, description="The query that gave the counts.")
    message: Prose | None = Field(default=None, description="The finding in a sentence.")


class GuardrailStatus(Record):
    """The challenger watched for one kind of harm."""

    name: Word = Field(description="Name of the guardrail.")
    challenger: Word = Field(description="Name of the challenger.")
    finding: GuardrailFinding = Field(description="What is known about harm.")
    champion_value: Word | None = Field(default=None, description="The champion's value.")
    challenger_value: Word | None = Field(default=None, description="The challenger's value.")
    interval: Word | None = Field(default=None, description="Interval of the difference.")
    evidence: Word | None = Field(default=None, description="Evidence of harm so far, an e-value.")
    threshold: Word | None = Field(default=None, description="The evidence at which the guardrail is breached.")
    method: Prose | None = Field(default=None, description="How the numbers were computed.")
    query: Prose | None = Field(default=None, description="The query that gave the counts.")
    message: Prose | None = Field(default=None, description="The finding in a sentence.")


class DifferingField(Record):
    """A place in the answers that differs."""

    field: Word = Field(description="The output and the JSON pointer below it, such as price/items/*.")
    pairs: int = Field(description="In how many pairs it differs, as the comparators that live now have counted.")


class ShadowStatus(Record):
    """The challenger's answers compared with the champion's."""

    challenger: Word = Field(description="Name of the challenger.")
    finding: ShadowFinding = Field(description="What is known about its answers.")
    pairs: int = Field(description="Pairs of answers so far.")
    compared: int = Field(description="Those of them that could be compared.")
    different: int = Field(description="Those of the compared that differ.")
    not_comparable: int = Field(description="Pairs that could not be compared.")
    slower: int | None = Field(default=None, description="Pairs in which it took longer than latencyMargin allows.")
    slower_floor: Word | None = Field(
        default=None, description="Share of the pairs in which the champion takes as much longer than itself."
    )
    divergence: Word | None = Field(default=None, description="Share of the compared pairs that differ.")
    upper_bound: Word | None = Field(
        default=None, description="What the divergence lies below with confidence 1 - alpha, by one look."
    )
    noise_floor: Word | None = Field(
        default=None, description="Share of the pairs in which the champion differs from itself."
    )
    noise_floor_pairs: int = Field(default=0, description="How often the champion was compared with itself.")
    evidence_below: Word | None = Field(
        default=None, description="Evidence that the divergence is below its limit, an e-value."
    )
    evidence_above: Word | None = Field(
        default=None, description="Evidence that it is above its limit and above the noise floor, an e-value."
    )
    threshold: Word | None = Field(default=None, description="The evidence that is a proof.")
    fields: tuple[DifferingField, ...] = Field(
        default_factory=tuple,
        max_length=5,
        description="Where its answers differ most.",
        json_schema_extra=AS_A_WHOLE,
    )
    method: Prose | None = Field(default=None, description="How the numbers were computed.")
    query: Prose | None = Field(default=None, description="The query that gave the counts.")
    message: Prose | None = Field(default=None, description="The finding in a sentence.")


class Check(Record):
    """Whether the experiment itself may be trusted, in one respect."""

    name: Word = Field(description="Name of the check.")
    status: CheckStatus = Field(description="Its outcome.")
    message: Prose = Field(description="The outcome in a sentence.")


class DecisionStatus(Record):
    """The last decision, its reasons and the next steps."""

    verdict: Verdict = Field(description="What the evidence says should happen.")
    reason: Word = Field(description="Why, in one CamelCase word.")
    message: Prose = Field(description="Why, in a sentence.")
    challenger: Word | None = Field(
        default=None, description="The challenger that wins or does harm; absent where it is about none alone."
    )
    time: Time = Field(description="When this was first decided.")
    risk: Prose | None = Field(default=None, description="What may still be wrong with it.")
    evidence: tuple[Prose, ...] = Field(
        default_factory=tuple,
        max_length=30,
        description="The numbers behind it.",
        json_schema_extra=AS_A_WHOLE,
    )
    actions: tuple[Prose, ...] = Field(
        default_factory=tuple, max_length=10, description="What to do next.", json_schema_extra=AS_A_WHOLE
    )
    next_manifest: ManifestText | None = Field(
        default=None,
        description="The experiment to go on with, as YAML; what a person must decide stands in angle brackets.",
    )


class HistoryEntry(Record):
    """One transition."""

    time: Time = Field(description="When it happened.")
    phase: Phase = Field(description="The phase entered.")
    reason: Word = Field(description="Why, in one CamelCase word.")
    message: Prose = Field(description="Why, in a sentence.")


class ModelExperimentStatus(Record):
    """What the operator knows, decided and did."""

    observed_generation: int = Field(
        default=-1, description="The generation of the spec that this status is about; -1 before the first."
    )
    phase: Phase = Field(
        default=Phase.PENDING,
        description="Where the experiment stands; for people, machines read conditions.",
    )
    start_time: Time | None = Field(
        default=None,
        description="When the challenger first met users, or copies of their requests. "
        "From here on the spec must not change.",
    )
    full_split_time: Time | None = Field(
        default=None, description="When the full split was opened. From here on the objectives count."
    )
    end_time: Time | None = Field(default=None, description="When the experiment ended.")
    conditions: tuple[Condition, ...] = Field(
        default_factory=lambda: (WAITING,),
        max_length=len(ConditionType),
        description="What machines wait for: Ready, Reconciling, Stalled, Degraded, Succeeded.",
        json_schema_extra=BY_TYPE,
    )
    ramp: RampStatus | None = Field(default=None, description="How far the ramp is; absent without one.")
    assignment: AssignmentStatus | None = Field(default=None, description="Which user meets which variant.")
    variants: tuple[VariantStatus, ...] = Field(
        default_factory=tuple,
        max_length=5,
        description="The variants and the traffic they met.",
        json_schema_extra=BY_NAME,
    )
    objectives: tuple[ObjectiveStatus, ...] = Field(
        default_factory=tuple,
        max_length=40,
        description="Each challenger compared with the champion, for each objective.",
        json_schema_extra=BY_NAME_AND_CHALLENGER,
    )
    guardrails: tuple[GuardrailStatus, ...] = Field(
        default_factory=tuple,
        max_length=40,
        description="Each challenger watched for harm, for each guardrail.",
        json_schema_extra=BY_NAME_AND_CHALLENGER,
    )
    shadow: tuple[ShadowStatus, ...] = Field(
        default_factory=tuple,
        max_length=4,
        description="Each challenger's answers compared with the champion's, where strategy is Shadow.",
        json_schema_extra=BY_CHALLENGER,
    )
    checks: tuple[Check, ...] = Field(
        default_factory=tuple,
        max_length=30,
        description="Whether the experiment itself may be trusted.",
        json_schema_extra=BY_NAME,
    )
    decision: DecisionStatus | None = Field(
        default=None, description="The last decision, its reasons and the next steps."
    )
    history: tuple[HistoryEntry, ...] = Field(
        default_factory=tuple,
        max_length=LONGEST_HISTORY,
        description="The transitions, newest last.",
        json_schema_extra=AS_A_WHOLE,
    )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON for the API server, absent values left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def parse_status(raw: Mapping[str, Any] | None) -> ModelExperimentStatus:
    """The status of an object; that of a new one where it is absent or empty.

    Raises:
        pydantic.ValidationError: for what the API server's schema refuses too.
    """
    return ModelExperimentStatus.model_validate(dict(raw or {}), by_alias=True, by_name=False)
