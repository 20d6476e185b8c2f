"""What the comparator shows Prometheus: its contract with the controller, and what explains its numbers."""

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

from model_experiment.comparator.answers import Reason
from model_experiment.comparator.comparing import OutputResult
from model_experiment.comparator.copies import LeftOut
from model_experiment.comparator.counting import AnswerResult, Histogram, Tallies, Tally
from model_experiment.decision.counts import Family
from model_experiment.metrics.families import COMPARATOR, Label
from model_experiment.metrics.shadow_families import (
    ANSWERS,
    FIELD,
    FIELDS,
    LATENCY,
    LEFT_OUT,
    NOT_COMPARABLE,
    OUTPUTS,
    SCORES,
)
from model_experiment.process.exposition import counters

_MEANINGS = {
    Family.PAIRS: "Pairs of answers to one request: the variant's and the champion's.",
    Family.SLOWER_PAIRS: "Pairs in which the variant took longer than the champion by more than the margin.",
    Family.REQUESTS: "Requests that the variant was asked.",
    Family.RESPONSES: "Answers of 500 and above or none at all, or from 400 to 499.",
    Family.SLOW_RESPONSES: "Requests that took longer than a declared limit.",
}
_EXPERIMENT = (Label.UID, Label.EXPERIMENT)
_VARIANT = (*_EXPERIMENT, Label.VARIANT)


def metrics_of(tallies: Tallies, *, started: float, now: float) -> Iterator[Metric]:
    """All families, also those without an experiment; times are seconds since 1970."""
    experiments = ((*_names(each), each.tables) for each in tallies)
    yield from counters(COMPARATOR, _MEANINGS, experiments, started=started, now=now)
    for make in (_answers, _reasons, _outputs, _fields, _left_out, _latencies, _scores):
        yield make(tallies)


def _names(tally: Tally) -> tuple[str, str]:
    return tally.experiment.uid, tally.experiment.label


def _answers(tallies: Tallies) -> Metric:
    family = CounterMetricFamily(ANSWERS, "What asking the variant came to.", labels=[*_VARIANT, "result"])
    for tally in tallies:
        for variant in tally.experiment.variants:
            for result in AnswerResult:
                family.add_metric([*_names(tally), variant, result], tally.results[variant, result])
    return family


def _reasons(tallies: Tallies) -> Metric:
    family = CounterMetricFamily(NOT_COMPARABLE, "Pairs that are not comparable.", labels=[*_VARIANT, "reason"])
    for tally in tallies:
        for variant in tally.experiment.variants:
            for reason in Reason:
                family.add_metric([*_names(tally), variant, reason], tally.reasons[variant, reason])
    return family


def _outputs(tallies: Tallies) -> Metric:
    family = CounterMetricFamily(OUTPUTS, "Outputs of pairs.", labels=[*_VARIANT, "output", "result"])
    for tally in tallies:
        for variant in tally.experiment.variants:
            for output, _ in tally.experiment.rules.outputs:
                for result in OutputResult:
                    family.add_metric(
                        [*_names(tally), variant, output.name, result], tally.outputs[variant, output.name, result]
                    )
    return family


def _fields(tallies: Tallies) -> Metric:
    family = CounterMetricFamily(FIELDS, "Pairs in which a field differs.", labels=[*_VARIANT, FIELD])
    for tally in tallies:
        for (variant, field), count in tally.fields.items():
            family.add_metric([*_names(tally), variant, field], count)
    return family


def _left_out(tallies: Tallies) -> Metric:
    family = CounterMetricFamily(
        LEFT_OUT, "Mirrored requests that were not asked again.", labels=[*_EXPERIMENT, "reason"]
    )
    for tally in tallies:
        for reason in LeftOut:
            family.add_metric([*_names(tally), reason], tally.left_out[reason])
    return family


def _latencies(tallies: Tallies) -> Metric:
    family = HistogramMetricFamily(LATENCY, "From the first byte sent to the last one read.", labels=_VARIANT)
    for tally in tallies:
        for variant, histogram in tally.latencies.items():
            family.add_metric([*_names(tally), variant], *_cumulative(histogram))
    return family


def _scores(tallies: Tallies) -> Metric:
    family = HistogramMetricFamily(SCORES, "The numbers of an output.", labels=[*_VARIANT, "output"])
    for tally in tallies:
        for (variant, output), histogram in tally.scores.items():
            family.add_metric([*_names(tally), variant, output], *_cumulative(histogram))
    return family


def _cumulative(histogram: Histogram) -> tuple[list[tuple[str, float]], float]:
    bounds = [*map(floatToGoString, histogram.bounds), "+Inf"]
    return [*zip(bounds, accumulate(histogram.counts), strict=True)], histogram.sum
