"""Two answers to one request: equal, different (and where), or not comparable (and why).

The order of questions: did both answer? is one of them an error? have they the same status? can both be read? and only
then the declared outputs, one by one. One output that differs makes the pair differ; outputs that stand in neither
answer count as missing, and where all are missing there was nothing to compare.

Result and fields are the same whichever answer comes first. Nothing here raises for anything that a model sends.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, assert_never

from model_experiment.api.shadow import (
    WHOLE_ANSWER,
    Comparison,
    ExactComparison,
    LabelComparison,
    NumberComparison,
    Output,
    SetComparison,
    Shadow,
    Similarity,
    TextComparison,
    TopKComparison,
)
from model_experiment.comparator import rankings, texts
from model_experiment.comparator.agreement import EXACTLY, differing_fields, have_same_items
from model_experiment.comparator.answers import Failure, Reading, Reason, Unreadable
from model_experiment.comparator.pointers import NOTHING, Steps, begins_with, find, replaced, steps_of
from model_experiment.comparator.printing import storable
from model_experiment.decision.counts import PairResult

STATUS = ":status"
"""The field that differs where two statuses do, as when one model refuses what the other takes."""

_FIRST_REFUSAL = 400
_FIRST_FAULT = 500
_TOO_SLOW_OR_BUSY = frozenset({408, 429})
_FARTHEST = 1e300
_REASONS = {reason: order for order, reason in enumerate(Reason)}


class OutputResult(StrEnum):
    """What an output of a pair is."""

    EQUAL = "Equal"
    DIFFERENT = "Different"
    MISSING = "Missing"


@dataclass(frozen=True, slots=True)
class Compared:
    """The result for a pair: ``fields`` where it is different, ``reason`` where it is not comparable."""

    result: PairResult
    reason: Reason | None = None
    fields: tuple[str, ...] = ()
    outputs: tuple[tuple[str, OutputResult], ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """What is compared, made ready once an experiment."""

    outputs: tuple[tuple[Output, Steps], ...]
    ignored: tuple[Steps, ...] = ()
    redacted: tuple[Steps, ...] = ()


def rules_of(shadow: Shadow) -> Rules:
    """The rules that a spec declares; the whole answer where it names no output."""
    outputs = shadow.outputs or (WHOLE_ANSWER,)
    return Rules(
        outputs=tuple((output, steps_of(output.path)) for output in outputs),
        ignored=tuple(steps_of(pattern) for pattern in shadow.ignore),
        redacted=tuple(steps_of(pattern) for pattern in shadow.evidence.redact),
    )


def compare(first: Reading | Failure, second: Reading | Failure, rules: Rules) -> Compared:
    """Compares two answers to one request."""
    if isinstance(first, Failure) or isinstance(second, Failure) or _is_fault(first) or _is_fault(second):
        return _not_comparable([*_reasons(first), *_reasons(second)])
    if first.status != second.status:
        return Compared(PairResult.DIFFERENT, fields=(STATUS,))
    if first.status >= _FIRST_REFUSAL:
        return _not_comparable([Reason.ERROR_STATUS])
    if reasons := [*_faults(first.value), *_faults(second.value)]:
        return _not_comparable(reasons)
    if first.value is NOTHING and second.value is NOTHING:
        return _not_comparable([Reason.EMPTY])
    return _compare_values(first.value, second.value, rules)


def numbers(answer: Reading | Failure, rules: Rules) -> Iterator[tuple[str, float]]:
    """Each output that is compared as a number, with its number: the scores of a model."""
    if isinstance(answer, Failure) or answer.status >= _FIRST_REFUSAL:
        return
    for output, steps in rules.outputs:
        value = find(answer.value, steps) if output.number else NOTHING
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if -_FARTHEST < value < _FARTHEST:  # neither NaN nor beyond what a float can add up
            yield output.name, value


def scored(rules: Rules) -> tuple[str, ...]:
    """The names of outputs that are compared as numbers."""
    return tuple(output.name for output, _ in rules.outputs if output.number)


def _is_fault(answer: Reading) -> bool:
    return answer.status >= _FIRST_FAULT or answer.status in _TOO_SLOW_OR_BUSY


def _reasons(answer: Reading | Failure) -> Iterator[Reason]:
    match answer:
        case Failure():
            yield answer.reason
        case Reading() if _is_fault(answer):
            yield Reason.ERROR_STATUS


def _faults(value: Any) -> Iterator[Reason]:
    if isinstance(value, Unreadable):
        yield value.reason


def _not_comparable(reasons: Iterable[Reason]) -> Compared:
    return Compared(PairResult.NOT_COMPARABLE, reason=min(reasons, key=_REASONS.__getitem__))


def _compare_values(first: Any, second: Any, rules: Rules) -> Compared:
    first, second = (replaced(value, rules.ignored, by=NOTHING) for value in (first, second))
    results: list[tuple[str, OutputResult]] = []
    fields: set[str] = set()
    for output, steps in rules.outputs:
        found = _compare_output(find(first, steps), find(second, steps), output.comparison)
        results.append((output.name, _result(found)))
        fields |= {output.name + storable(_readable(field, steps, rules.redacted)) for field in found or ()}
    if all(each is OutputResult.MISSING for _, each in results):
        return Compared(PairResult.NOT_COMPARABLE, reason=Reason.MISSING, outputs=tuple(results))
    result = PairResult.DIFFERENT if fields else PairResult.EQUAL
    return Compared(result, fields=tuple(sorted(fields)), outputs=tuple(results))


def _readable(field: str, output: Steps, redacted: tuple[Steps, ...]) -> str:
    """A field's pointer, up to the first place that must not be read: what stands below has names of its own."""
    steps = (*output, *steps_of(field))
    ends = [len(pattern) - len(output) for pattern in redacted if begins_with(steps, pattern)]
    return "/".join(field.split("/")[: 1 + max(0, min(ends, default=len(steps)))])


def _result(found: set[str] | None) -> OutputResult:
    if found is None:
        return OutputResult.MISSING
    return OutputResult.DIFFERENT if found else OutputResult.EQUAL


def _compare_output(first: Any, second: Any, comparison: Comparison) -> set[str] | None:
    """Where an output differs; None where neither answer has it."""
    if first is NOTHING or second is NOTHING:
        return None if first is second else {""}
    match comparison:
        case ExactComparison():
            return differing_fields(first, second, within=EXACTLY)
        case NumberComparison(within=within):
            return differing_fields(first, second, within=within)
        case LabelComparison():
            return _whole(_rank_alike(first, second, 1))
        case TopKComparison(k=k):
            return _whole(_rank_alike(first, second, k))
        case SetComparison():
            return _whole(_hold_alike(first, second))
        case TextComparison():
            return _whole(_read_alike(first, second, comparison))
        case _:
            assert_never(comparison)


def _whole(agree: bool) -> set[str]:  # noqa: FBT001 - it is the only thing said
    return set() if agree else {""}


def _same(first: Any, second: Any) -> bool:
    return not differing_fields(first, second, within=EXACTLY)


def _hold_alike(first: Any, second: Any) -> bool:
    are_lists = isinstance(first, list) and isinstance(second, list)
    return have_same_items(first, second) if are_lists else _same(first, second)


def _rank_alike(first: Any, second: Any, k: int) -> bool:
    one, other = rankings.best(first, k), rankings.best(second, k)
    if one is None or other is None:
        return _same(first, second)
    return one == other


def _read_alike(first: Any, second: Any, comparison: TextComparison) -> bool:
    if not (isinstance(first, str) and isinstance(second, str)):
        return _same(first, second)
    similarity = texts.edit if comparison.similarity is Similarity.EDIT else texts.overlap
    return first == second or similarity(first, second) >= comparison.minimum.ratio
