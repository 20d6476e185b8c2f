"""The numbers of this process, by experiment; all start at 0 in every process and are gone with the experiment.

What is judged stands in 100 buckets of users, since users repeat and pairs of one user are alike. What explains it has
no buckets: why pairs were not comparable, which fields differ, how long models took, how their scores are spread.

The trap is a label that a model can make up: the names of differing fields come from answers, so only the first
``MOST_FIELDS`` of an experiment get series of their own.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from model_experiment.api.words import ResponseClass
from model_experiment.assignment import BUCKETS
from model_experiment.comparator.agreement import MOST_FIELDS, shortened
from model_experiment.comparator.answers import Answer, Failure, Reason
from model_experiment.comparator.catalogue import Catalogue, Shadowed, catalogue_of
from model_experiment.comparator.comparing import Compared, OutputResult, scored
from model_experiment.comparator.copies import DROPPED, LeftOut
from model_experiment.decision.counts import REQUESTS, SLOWER_PAIRS, Family, Measure, PairResult

OTHER = "(other)"

LATENCY_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)  # seconds
_TENS = (1e1, 1e2, 1e3, 1e4, 1e5, 1e6)
SCORE_BOUNDS = (*(-ten for ten in reversed(_TENS)), -1, -0.5, -0.1, 0, *(tenth / 10 for tenth in range(1, 11)), *_TENS)

Table = list[float]


class AnswerResult(StrEnum):
    """What asking a model came to."""

    ANSWERED = "Answered"
    CLIENT_ERROR = "ClientError"
    SERVER_ERROR = "ServerError"
    TIMEOUT = "Timeout"
    CONNECTION = "Connection"
    TOO_LARGE = "TooLarge"
    DROPPED = "Dropped"


class Histogram:
    """Counts between bounds, each the largest value that counts below it, and the sum of all values."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        """Counts a finite value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class Tally:
    """The counts of one experiment."""

    def __init__(self, experiment: Shadowed) -> None:
        self.tables: dict[tuple[str, Measure], Table] = {}
        self.latencies: dict[str, Histogram] = {}
        self.scores: dict[tuple[str, str], Histogram] = {}
        self.results: Counter[tuple[str, AnswerResult]] = Counter()
        self.reasons: Counter[tuple[str, Reason]] = Counter()
        self.outputs: Counter[tuple[str, str, OutputResult]] = Counter()
        self.fields: Counter[tuple[str, str]] = Counter()
        self.left_out: Counter[LeftOut] = Counter()
        self.fit(experiment)

    def fit(self, experiment: Shadowed) -> None:
        """Follows a change of the experiment: what is still declared keeps its numbers, new is 0."""
        self.experiment = experiment
        self._fields = {field for _, field in self.fields}
        tables, latencies, scores = self.tables, self.latencies, self.scores
        self.tables = {key: tables.get(key) or [0] * BUCKETS for key in _keys(experiment)}
        self.latencies = {name: latencies.get(name) or Histogram(LATENCY_BOUNDS) for name in experiment.variants}
        self.scores = {
            key: scores.get(key) or Histogram(SCORE_BOUNDS)
            for key in ((name, output) for name in experiment.variants for output in scored(experiment.rules))
        }

    def count_answers(
        self, bucket: int, answers: Mapping[str, Answer | Failure], *, again: Answer | Failure | None = None
    ) -> None:
        """What each variant was asked once, and how long it took; the champion is held against its answer ``again``."""
        for variant, answer in answers.items():
            self._count_answer(bucket, variant, answer)
        name, margin = self.experiment.champion.name, self.experiment.shadow.latency_margin
        champion = answers[name]
        if margin is None or not isinstance(champion, Answer):
            return
        for variant, answer in {**answers, name: again or champion}.items():
            if answer.seconds > champion.seconds * (1 + margin.ratio):
                self._add(bucket, variant, Family.SLOWER_PAIRS)

    def count_pair(self, bucket: int, variant: str, compared: Compared) -> None:
        """A pair: a challenger's answer against the champion's, or the champion's against its own."""
        self._add(bucket, variant, Family.PAIRS, compared.result)
        if compared.reason is not None:
            self.reasons[variant, compared.reason] += 1
        for output, result in compared.outputs:
            self.outputs[variant, output, result] += 1
        for field in {self._counted_field(field) for field in compared.fields}:
            self.fields[variant, field] += 1

    def count_scores(self, variant: str, scores: Iterable[tuple[str, float]]) -> None:
        """The numbers of an answer, by output."""
        for output, score in scores:
            if (histogram := self.scores.get((variant, output))) is not None:
                histogram.add(score)

    def leave_out(self, bucket: int, why: LeftOut) -> None:
        """A request that was not asked again; one that should have been counts as not comparable."""
        self.left_out[why] += 1
        if why in DROPPED:
            dropped = Compared(PairResult.NOT_COMPARABLE, reason=Reason.DROPPED)
            for challenger in self.experiment.challengers:
                self.count_pair(bucket, challenger.name, dropped)

    def _count_answer(self, bucket: int, variant: str, answer: Answer | Failure) -> None:
        result = answer_result(answer, within_seconds=self.experiment.shadow.timeout.seconds)
        self.results[variant, result] += 1
        if result is AnswerResult.DROPPED:  # nobody knows what the model would have said
            return
        self.latencies[variant].add(answer.seconds)
        self._add(bucket, variant, Family.REQUESTS)
        if (response_class := _CLASSES.get(result)) is not None:
            self._add(bucket, variant, Family.RESPONSES, response_class)
        for limit in self.experiment.latency_limits:
            if answer.seconds > limit.seconds:
                self._add(bucket, variant, Family.SLOW_RESPONSES, limit)

    def _add(self, bucket: int, variant: str, family: Family, detail: str = "") -> None:
        table = self.tables.get((variant, Measure(family, detail)))
        if table is not None:  # what an answer from before a change of the experiment names may be gone
            table[bucket] += 1

    def _counted_field(self, field: str) -> str:
        short = shortened(field)
        if short not in self._fields and len(self._fields) >= MOST_FIELDS:
            return OTHER
        self._fields.add(short)
        return short


class Tallies:
    """The tallies of all experiments that the catalogue names."""

    def __init__(self) -> None:
        self.catalogue = catalogue_of(())
        self.are_informed = False  # whether the catalogue is the cluster's, not just the empty one of the beginning
        self._by_uid: dict[str, Tally] = {}

    def __iter__(self) -> Iterator[Tally]:
        return iter(self._by_uid.values())

    def know(self, catalogue: Catalogue) -> None:
        """Takes a new catalogue: forgets who is gone, starts who is new at 0."""
        known, self._by_uid = self._by_uid, {}
        for experiment in catalogue.values():
            tally = known.get(experiment.uid) or Tally(experiment)
            tally.fit(experiment)
            self._by_uid[experiment.uid] = tally
        self.catalogue = catalogue
        self.are_informed = True

    def get(self, experiment: Shadowed) -> Tally | None:
        """The tally of an experiment; None where it is gone meanwhile."""
        return self._by_uid.get(experiment.uid)


def answer_result(answer: Answer | Failure, *, within_seconds: float) -> AnswerResult:
    """What asking a model came to; too late is the same for all, although the champion is waited for longer."""
    is_dropped = isinstance(answer, Failure) and answer.reason is Reason.DROPPED
    if answer.seconds > within_seconds and not is_dropped:
        return AnswerResult.TIMEOUT
    if isinstance(answer, Failure):
        return AnswerResult(answer.reason)
    if answer.status >= 500:  # noqa: PLR2004 - HTTP's own boundaries
        return AnswerResult.SERVER_ERROR
    return AnswerResult.CLIENT_ERROR if answer.status >= 400 else AnswerResult.ANSWERED  # noqa: PLR2004


_CLASSES = {
    AnswerResult.CLIENT_ERROR: ResponseClass.CLIENT_ERROR,
    AnswerResult.SERVER_ERROR: ResponseClass.SERVER_ERROR,
    AnswerResult.TIMEOUT: ResponseClass.SERVER_ERROR,  # a user would have been answered 504 and 503
    AnswerResult.CONNECTION: ResponseClass.SERVER_ERROR,
}


def _keys(experiment: Shadowed) -> Iterator[tuple[str, Measure]]:
    """Everything that is counted by bucket, with its variant."""
    for variant in experiment.variants:
        yield from ((variant, Measure(Family.PAIRS, result)) for result in PairResult)
        yield variant, REQUESTS
        yield from ((variant, Measure(Family.RESPONSES, each)) for each in ResponseClass)
        yield from ((variant, Measure(Family.SLOW_RESPONSES, limit)) for limit in experiment.latency_limits)
    if experiment.shadow.latency_margin is not None:
        yield from ((variant, SLOWER_PAIRS) for variant in experiment.variants)
