"""The counts as Prometheus reads them.

Every label set that is known beforehand is there at 0 as soon as the experiment is, so that a first event is an
increase and not a birth. ``started`` tells this process from the one before, ``heartbeat`` how old an answer is.
"""

from collections.abc import Callable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

from model_experiment.assignment import BUCKETS
from model_experiment.comparator.answers import Reason
from model_experiment.comparator.comparing import OutputResult
from model_experiment.comparator.copies import LeftOut
from model_experiment.comparator.counting import AnswerResult, Histogram, Tallies, Tally
from model_experiment.decision.counts import Family
from model_experiment.metrics.families import COMPARATOR, COUNTER_LABELS, DETAIL_LABELS, Label
from model_experiment.metrics.shadow_families import (
    ANSWERS,
    FIELDS,
    LATENCY,
    LEFT_OUT,
    NOT_COMPARABLE,
    OUTPUTS,
    SCORES,
)

_MEANINGS = {
    Family.PAIRS: "Pairs of answers to one request: the variant's and the champion's.",
    Family.SLOWER_PAIRS: "Pairs in which the variant took longer than the champion by more than the margin.",
    Family.REQUESTS: "Requests that the variant was asked.",
    Family.RESPONSES: "Answers of 500 and above or none at all, or from 400 to 499.",
    Family.SLOW_RESPONSES: "Requests that took longer than a declared limit.",
}
_EXPERIMENT = (Label.UID, Label.EXPERIMENT)
_VARIANT = (*_EXPERIMENT, Label.VARIANT)
_BUCKET_LABELS = tuple(str(bucket) for bucket in range(BUCKETS))


class ExperimentMetrics:
    """The comparator's contract with the controller, made from the tallies at every scrape."""

    def __init__(self, tallies: Tallies, *, clock: Callable[[], float], started: float) -> None:
        self._tallies = tallies
        self._clock = clock
        self._started = started

    def collect(self) -> Iterator[Metric]:
        """All families, also those without an experiment."""
        yield GaugeMetricFamily(
            COMPARATOR.started, "When this process started, in seconds since 1970.", value=self._started
        )
        yield GaugeMetricFamily(COMPARATOR.heartbeat, "When this was read, in seconds since 1970.", value=self._clock())
        yield from self._judged()
        for make in (_answers, _reasons, _outputs, _fields, _left_out, _latencies, _scores):
            yield make(self._tallies)

    def _judged(self) -> Iterator[Metric]:
        families = {family: _family(family) for family in COMPARATOR.metrics}
        for tally in self._tallies:
            for (variant, (family, detail)), table in tally.tables.items():
                details = [detail] if detail else []
                for bucket, count in zip(_BUCKET_LABELS, table, strict=True):
                    families[family].add_metric([*_names(tally), variant, bucket, *details], count)
        yield from families.values()


def registry_of(tallies: Tallies, *, clock: Callable[[], float], started: float) -> CollectorRegistry:
    """A registry with the experiments' metrics in it; the comparator's own health joins them."""
    registry = CollectorRegistry()
    registry.register(ExperimentMetrics(tallies, clock=clock, started=started))
    return registry


def _names(tally: Tally) -> tuple[str, str]:
    return tally.experiment.uid, tally.experiment.label


def _family(family: Family) -> CounterMetricFamily:
    detail = [DETAIL_LABELS[family]] if family in DETAIL_LABELS else []
    return CounterMetricFamily(COMPARATOR.metrics[family], _MEANINGS[family], labels=[*COUNTER_LABELS, *detail])


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
    family = CounterMetricFamily(FIELDS, "Pairs in which a field differs.", labels=[*_VARIANT, "field"])
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
