"""The names of the comparator's metrics and labels, shared by whoever writes them and whoever asks for them.

The families of ``ShadowFamily`` are made like the collector's: ``uid``, ``experiment``, ``variant`` and ``bucket``,
some one label more; all at 0 from the moment the comparator knows an experiment, and at 0 in every new process. The
others say where and why answers differ; they have no bucket, and nothing is decided by them.

The trap is the variant of a pair. That of the challenger are its answers against the champion's; that of the champion
are its answers against its own, asked twice: the noise floor.
"""

from enum import StrEnum

HEARTBEAT = "model_experiment_comparator_heartbeat_timestamp_seconds"  # the time of the scrape
STARTED = "model_experiment_comparator_started_timestamp_seconds"  # when this process started


class ShadowFamily(StrEnum):
    """What is counted by bucket of users."""

    PAIRS = "shadow_pairs"  # by result: Equal, Different, NotComparable
    SLOWER_PAIRS = "shadow_slower_pairs"  # the challenger took longer than the declared margin allows
    REQUESTS = "shadow_requests"  # asked of the variant, the champion's second answers left out
    RESPONSES = "shadow_responses"  # by class: ServerError, also for no answer at all, and ClientError
    SLOW_RESPONSES = "shadow_slow_responses"  # by declared latency: "250ms"


SHADOW_METRICS = {family: f"model_experiment_{family}_total" for family in ShadowFamily}

SHADOW_DETAIL_LABELS = {
    ShadowFamily.PAIRS: "result",
    ShadowFamily.RESPONSES: "class",
    ShadowFamily.SLOW_RESPONSES: "above",
}

ANSWERS = "model_experiment_shadow_answers_total"  # by variant and result
NOT_COMPARABLE = "model_experiment_shadow_not_comparable_total"  # by variant and reason
OUTPUTS = "model_experiment_shadow_outputs_total"  # by variant, output and result
FIELDS = "model_experiment_shadow_differing_fields_total"  # by variant and field
LEFT_OUT = "model_experiment_shadow_left_out_total"  # by reason: never asked
LATENCY = "model_experiment_shadow_latency_seconds"  # by variant
SCORES = "model_experiment_shadow_scores"  # by variant and output
