"""The names of those metrics of the comparator that explain its numbers: why and where answers differ.

What is decided by stands in 100 buckets and in ``families``; these have none, and nothing is decided by them.
"""

ANSWERS = "model_experiment_shadow_answers_total"  # by variant and result
NOT_COMPARABLE = "model_experiment_shadow_not_comparable_total"  # by variant and reason
OUTPUTS = "model_experiment_shadow_outputs_total"  # by variant, output and result
FIELDS = "model_experiment_shadow_differing_fields_total"  # by variant and field
LEFT_OUT = "model_experiment_shadow_left_out_total"  # by reason: never asked
LATENCY = "model_experiment_shadow_latency_seconds"  # by variant
SCORES = "model_experiment_shadow_scores"  # by variant and output
