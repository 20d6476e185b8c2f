"""From the answers of both models to counts and evidence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from model_experiment.comparator.answers import Answer, Failure, Reading, read
from model_experiment.comparator.catalogue import Shadowed
from model_experiment.comparator.comparing import Compared, compare, numbers
from model_experiment.comparator.copies import Copy
from model_experiment.comparator.counting import Tallies, Tally
from model_experiment.comparator.evidence import Difference, kept_body, kept_fields
from model_experiment.comparator.recording import Recorder
from model_experiment.decision.counts import PairResult


@dataclass(frozen=True, slots=True)
class Answers:
    """What one copy was answered, by variant; ``again`` is the champion's second answer, where it was asked twice."""

    by_variant: Mapping[str, Answer | Failure]
    again: Answer | Failure | None = None


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two answers as read: the champion's, and one of ``variant`` that is held against it."""

    variant: str
    champion: Reading | Failure
    answer: Reading | Failure


class Results:
    """Where answers go."""

    def __init__(self, tallies: Tallies, recorder: Recorder, *, most_bytes: int, clock: Callable[[], float]) -> None:
        self._tallies = tallies
        self._recorder = recorder
        self._most_bytes = most_bytes
        self._clock = clock

    def add(self, experiment: Shadowed, copy: Copy, answers: Answers) -> None:
        """Compares and counts the answers to a copy; nothing where the experiment is gone, or another, meanwhile."""
        tally = self._tallies.get(experiment)
        if tally is None or tally.experiment != experiment:
            return
        tally.count_answers(copy.bucket, answers.by_variant, again=answers.again)
        readings = {variant: self._read(answer) for variant, answer in answers.by_variant.items()}
        for variant, reading in readings.items():
            tally.count_scores(variant, numbers(reading, experiment.rules))
        champion = experiment.champion.name
        against = {variant: reading for variant, reading in readings.items() if variant != champion}
        if answers.again is not None:
            against[champion] = self._read(answers.again)
        for variant, reading in against.items():
            self._add_pair(tally, copy, _Pair(variant, readings[champion], reading))

    def _read(self, answer: Answer | Failure) -> Reading | Failure:
        return answer if isinstance(answer, Failure) else read(answer, most_bytes=self._most_bytes)

    def _add_pair(self, tally: Tally, copy: Copy, pair: _Pair) -> None:
        compared = compare(pair.champion, pair.answer, tally.experiment.rules)
        tally.count_pair(copy.bucket, pair.variant, compared)
        keep = tally.experiment.shadow.evidence.keep
        if compared.result is PairResult.DIFFERENT and keep and self._recorder.has_room():
            self._recorder.add(self._difference(tally.experiment, copy, pair, compared), keep=keep)

    def _difference(self, experiment: Shadowed, copy: Copy, pair: _Pair, compared: Compared) -> Difference:
        evidence = experiment.shadow.evidence
        return Difference(
            experiment_uid=experiment.uid,
            experiment=experiment.label,
            variant=pair.variant,
            seen=self._clock(),
            request_id=copy.request_id,
            request=f"{copy.method} {copy.target.partition('?')[0]}",
            fields=kept_fields(compared.fields),
            champion=kept_body(pair.champion, evidence),
            answer=kept_body(pair.answer, evidence),
        )
