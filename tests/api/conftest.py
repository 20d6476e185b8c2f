from datetime import UTC, datetime

import pytest

from model_experiment.api.conditions import ConditionStatus, ConditionType, set_condition
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
)
from model_experiment.api.words import Unit

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def full_status() -> ModelExperimentStatus:
    """A status with every field set."""
    return ModelExperimentStatus(
        observed_generation=1,
        phase=Phase.CONCLUDED,
        start_time=NOON,
        full_split_time=NOON,
        end_time=NOON,
        conditions=set_condition(
            ModelExperimentStatus().conditions,
            ConditionType.SUCCEEDED,
            ConditionStatus.TRUE,
            reason="ChampionKept",
            message="The champion stays.",
            observed_generation=1,
            now=NOON,
        ),
        ramp=RampStatus(steps=3, done=1, since=NOON),
        assignment=AssignmentStatus(
            unit=Unit.USER,
            header="x-user-id",
            modulus=100_003,
            shares=(ShareStatus(variant="v8", weight=50_002), ShareStatus(variant="v7", weight=50_001)),
        ),
        variants=(
            VariantStatus(name="v8", role=Role.CHALLENGER, weight=0, share="0.00%", users=1, requests=2),
            VariantStatus(name="v7", role=Role.CHAMPION, weight=100_003, share="100.00%", users=3, requests=4),
        ),
        objectives=(
            ObjectiveStatus(
                name="purchase",
                challenger="v8",
                finding=ObjectiveFinding.WORSE,
                champion_value="0.2013",
                challenger_value="0.1940",
                effect="-3.6%",
                interval="[-5.0%, -2.2%]",
                anytime_interval="[-6.0%, -1.2%]",
                p_value="0.0004",
                users=UserCounts(champion=10_000, challenger=10_001),
                look="3/14",
                method="ratio of means over 100 buckets",
                query="sum by (variant) (model_experiment_exposures_total)",
                message="v8 is worse.",
            ),
        ),
        guardrails=(
            GuardrailStatus(
                name="errors",
                challenger="v8",
                finding=GuardrailFinding.HOLDING,
                champion_value="1.02%",
                challenger_value="1.10%",
                interval="[0.9%, 1.3%]",
                evidence="1.4",
                threshold="200",
                method="change-point mixture",
                query="sum by (variant) (model_experiment_responses_total)",
                message="No sign of harm.",
            ),
        ),
        shadow=(
            ShadowStatus(
                challenger="v8",
                finding=ShadowFinding.ALIKE,
                pairs=1012,
                compared=1000,
                different=5,
                not_comparable=12,
                slower=3,
                divergence="0.50%",
                upper_bound="1.05%",
                noise_floor="0.00%",
                noise_floor_pairs=100,
                evidence_below="1e+03",
                evidence_above="1e-09",
                threshold="20",
                fields=(DifferingField(field="answer/price", pairs=5),),
                method="beta-binomial e-process",
                query="sum by (variant) (model_experiment_shadow_pairs_total)",
                message="v8 answers as v7 does.",
            ),
        ),
        checks=(Check(name="sample-ratio", status=CheckStatus.PASSED, message="50.0% of the users met v8."),),
        decision=DecisionStatus(
            verdict=Verdict.KEEP_CHAMPION,
            reason="ChallengerWorse",
            message="v8 is worse than v7.",
            challenger="v8",
            time=NOON,
            risk="none",
            evidence=("purchase: -3.6%",),
            actions=("Delete the experiment.",),
            next_manifest="kind: ModelExperiment\n",
        ),
        history=(HistoryEntry(time=NOON, phase=Phase.CONCLUDED, reason="ChallengerWorse", message="Ended."),),
    )
