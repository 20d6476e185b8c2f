"""The words that people write and read: the spec, the status, and the CRD made from them.

Pure: no clock, no I/O. ``parse_spec`` and ``parse_status`` read what the API server gives, ``to_json``
writes back.
"""

from model_experiment.api.analysis import Analysis
from model_experiment.api.conditions import (
    Condition,
    ConditionStatus,
    ConditionType,
    find_condition,
    set_condition,
)
from model_experiment.api.objectives import Guardrail, Objective
from model_experiment.api.parsing import parse_name, parse_spec
from model_experiment.api.spec import GROUP, KIND, PLURAL, VERSION, ModelExperimentSpec
from model_experiment.api.status import (
    AssignmentStatus,
    Check,
    CheckStatus,
    DecisionStatus,
    DifferingField,
    GuardrailFinding,
    GuardrailStatus,
    HistoryEntry,
    ModelExperimentStatus,
    ObjectiveFinding,
    ObjectiveStatus,
    Phase,
    RampStatus,
    Role,
    ShadowFinding,
    ShadowStatus,
    ShareStatus,
    UserCounts,
    VariantStatus,
    Verdict,
    parse_status,
)
from model_experiment.api.values import Duration, Percentage, Probability
from model_experiment.api.variants import BackendRef, Challenger, Champion
from model_experiment.api.words import Better, Design, OnSuccess, ResponseClass, Strategy, Unit

__all__ = [
    "GROUP",
    "KIND",
    "PLURAL",
    "VERSION",
    "Analysis",
    "AssignmentStatus",
    "BackendRef",
    "Better",
    "Challenger",
    "Champion",
    "Check",
    "CheckStatus",
    "Condition",
    "ConditionStatus",
    "ConditionType",
    "DecisionStatus",
    "Design",
    "DifferingField",
    "Duration",
    "Guardrail",
    "GuardrailFinding",
    "GuardrailStatus",
    "HistoryEntry",
    "ModelExperimentSpec",
    "ModelExperimentStatus",
    "Objective",
    "ObjectiveFinding",
    "ObjectiveStatus",
    "OnSuccess",
    "Percentage",
    "Phase",
    "Probability",
    "RampStatus",
    "ResponseClass",
    "Role",
    "ShadowFinding",
    "ShadowStatus",
    "ShareStatus",
    "Strategy",
    "Unit",
    "UserCounts",
    "VariantStatus",
    "Verdict",
    "find_condition",
    "parse_name",
    "parse_spec",
    "parse_status",
    "set_condition",
]
