"""What a shadow experiment compares, as its author writes it: the part ``shadow`` of a spec.

For: which requests are asked again, what in two answers must agree and how nearly, and what is kept of answers that
do not. Not for: comparing (see the comparator).

A place in an answer is a JSON pointer (RFC 6901): ``/predictions/0/label``, "" for the whole answer. Where places are
left out or made unreadable, ``*`` stands for every item of a list and every field of an object. The trap: an answer
that streams is joined to ``{"text": "..."}`` before anything is compared, so its words stand at ``/text``.
"""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from model_experiment.api.rules import Rule, SpecPart
from model_experiment.api.values import (
    Duration,
    Named,
    Ordered,
    Percentage,
    Text,
    Tolerance,
    Whole,
    milliseconds_in_cel,
)
from model_experiment.api.words import Limit, Margin, Name, PositiveDuration

_KEY = "[^/~*]|~[01]"

Pointer = Annotated[
    str,
    Text(
        must='must be a JSON pointer such as "/predictions/0/label", or "" for the whole answer',
        pattern=f"(/({_KEY})*)*",
        longest=200,
    ),
]
PointerPattern = Annotated[
    str,
    Text(
        must='must be a JSON pointer such as "/items/*/time", where * is every item or field',
        pattern=f"(/([*]|({_KEY})*))+",
        longest=200,
    ),
]
PathPrefix = Annotated[
    str,
    Text(
        must='must be a path without "." and ".." such as "/v2/models"',
        pattern="/|(/([-_~!$&'()*+,;=:@%a-zA-Z0-9]|[.]{1,2}[-_~!$&'()*+,;=:@%a-zA-Z0-9])+[.]?)+/?",
        longest=200,
    ),
]
Within = Annotated[
    Tolerance,
    Text(
        must='must be a distance such as "0.1", or a share such as "2%"',
        pattern="[0-9]{1,12}([.][0-9]{1,12})?%?",
        longest=30,
    ),
]
Agreement = Annotated[
    Percentage,
    Text(
        must='must be a percentage above 0% and at most 100%, such as "90%"',
        pattern="([0-9]{1,2}([.][0-9]{1,6})?|100([.]0{1,6})?)%",
        somewhere="[1-9]",
        longest=12,
    ),
]
MirrorPercent = Annotated[int, Whole(1, 100)]
RepeatPercent = Annotated[int, Whole(0, 100)]
Pairs = Annotated[int, Whole(1, 10_000_000)]
Classes = Annotated[int, Whole(1, 1000)]
Kept = Annotated[int, Whole(0, 1000)]

LONGEST_TIMEOUT = Duration("5m")


class Method(StrEnum):
    """A method of HTTP that may change something where it is asked."""

    DELETE = "DELETE"
    PATCH = "PATCH"
    POST = "POST"
    PUT = "PUT"


class Similarity(StrEnum):
    """How near two texts are to each other, counted in words."""

    EDIT = "Edit"
    OVERLAP = "Overlap"


class Bodies(StrEnum):
    """Whether answers themselves are kept as evidence."""

    OMIT = "Omit"
    KEEP = "Keep"


class Replay(SpecPart):
    """Requests that may be asked again although their method may change something."""

    method: Method = Field(description="Method of the requests.")
    path: PathPrefix = Field(
        description="Path that the requests' paths begin with, element by element: /v2/models takes /v2/models/a, "
        "not /v2/models-a."
    )


class ExactComparison(SpecPart):
    """The same value: the same fields, the same items in the same order, the same numbers and texts."""


class NumberComparison(SpecPart):
    """Numbers that lie near each other, at the path and everywhere below it; all else must be the same."""

    within: Within = Field(
        default=Tolerance("0.1"),
        description='How far numbers may lie apart: a distance such as "0.1", or a share of the larger such as "2%".',
    )


class LabelComparison(SpecPart):
    """The same class: the value itself, or the class with the highest score."""


class TopKComparison(SpecPart):
    """The same best classes, in any order."""

    k: Classes = Field(description="How many of the best classes must be the same.")


class SetComparison(SpecPart):
    """The same items of a list, in any order."""


class TextComparison(SpecPart):
    """Texts that are near each other, counted in words."""

    similarity: Similarity = Field(
        default=Similarity.EDIT,
        description="Edit is the share of words that need no change; Overlap the share of words in both, in any order.",
    )
    minimum: Agreement = Field(default=Percentage("90%"), description="Smallest similarity that agrees, such as 90%.")


Comparison = ExactComparison | NumberComparison | LabelComparison | TopKComparison | SetComparison | TextComparison

KINDS = ("exact", "number", "label", "topK", "set", "text")
_ONE_OF = "Exactly one of exact, number, label, topK, set, text."
_GIVEN_IN_CEL = f"[{', '.join(f'has(self.{kind})' for kind in KINDS)}]"


class Output(SpecPart):
    """A part of the answers that is compared in one way."""

    name: Name = Field(description="Name of the output in status and metrics.")
    path: Pointer = Field(
        default="", description='JSON pointer to it, such as /predictions/0; "" for the whole answer.'
    )
    exact: ExactComparison | None = Field(default=None, description=f"Must be the same value. {_ONE_OF}")
    number: NumberComparison | None = Field(default=None, description=f"Numbers must lie near. {_ONE_OF}")
    label: LabelComparison | None = Field(default=None, description=f"Must be, or score highest, one class. {_ONE_OF}")
    top_k: TopKComparison | None = Field(default=None, description=f"Must have the same best classes. {_ONE_OF}")
    set_: SetComparison | None = Field(
        default=None, alias="set", description=f"Must have the same items in any order. {_ONE_OF}"
    )
    text: TextComparison | None = Field(default=None, description=f"Texts must be near each other. {_ONE_OF}")

    @property
    def comparison(self) -> Comparison:
        """The one way in which this output is compared."""
        return _given(self)[0]

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            at="",
            must=f"must have exactly one of {', '.join(KINDS)}",
            holds=lambda output: len(_given(output)) == 1,
            found=lambda output: "several" if _given(output) else "none",
            holds_in_cel=f"{_GIVEN_IN_CEL}.filter(given, given).size() == 1",
            found_in_cel=f"{{({_GIVEN_IN_CEL}.exists(given, given) ? 'several' : 'none')}}",
        ),
    )


def _given(output: Output) -> list[Comparison]:
    ways = (output.exact, output.number, output.label, output.top_k, output.set_, output.text)
    return [way for way in ways if way is not None]


WHOLE_ANSWER = Output(name="answer", number=NumberComparison())
"""What is compared where no output is declared: everything, and numbers may lie 0.1 apart."""


class Evidence(SpecPart):
    """What is kept of pairs of answers that differ."""

    bodies: Bodies = Field(
        default=Bodies.OMIT,
        description="Keep stores both answers; Omit only which fields differ.",
    )
    redact: Annotated[tuple[PointerPattern, ...], Ordered(20)] = Field(
        default=(), description="JSON pointers to what is made unreadable before answers are stored; * is every item."
    )
    keep: Kept = Field(default=100, description="How many of the newest differing pairs are stored.")


def _not_too_long(field: str, alias: str) -> Rule:
    return Rule(
        at=f".{alias}",
        must=f"must be at most {LONGEST_TIMEOUT}",
        holds=lambda shadow: getattr(shadow, field).seconds <= LONGEST_TIMEOUT.seconds,
        found=lambda shadow: f'"{getattr(shadow, field)}"',
        holds_in_cel=f"{milliseconds_in_cel(f'self.{alias}')} <= {LONGEST_TIMEOUT.seconds * 1000:.0f}",
        found_in_cel=f'"{{self.{alias}}}"',
    )


class Shadow(SpecPart):
    """How the challenger's answers are compared with the champion's, while users meet the champion alone."""

    percent: MirrorPercent = Field(default=100, description="Share of the requests that are mirrored, in percent.")
    repeat_champion: RepeatPercent = Field(
        default=10,
        description="Share of the compared requests that the champion is asked twice, in percent. "
        "It shows how often the champion differs from itself.",
    )
    replay: Annotated[tuple[Replay, ...], Ordered(20)] = Field(
        default=(),
        description="Requests that may be asked again, beside all with GET, because they change nothing.",
    )
    timeout: PositiveDuration = Field(
        default=Duration("2s"), description="Longest wait for an answer of the challenger, such as 2s; at most 5m."
    )
    champion_timeout: PositiveDuration = Field(
        default=Duration("5s"), description="Longest wait for an answer of the champion, such as 5s; at most 5m."
    )
    outputs: Annotated[tuple[Output, ...], Named(0, 10)] = Field(
        default=(),
        description="What must agree. Without any it is the whole answer, where numbers may lie 0.1 apart.",
    )
    ignore: Annotated[tuple[PointerPattern, ...], Ordered(20)] = Field(
        default=(), description="JSON pointers to what is not compared, such as /items/*/time; * is every item."
    )
    maximum_divergence: Limit = Field(
        default=Percentage("5%"), description="Largest tolerated share of compared pairs that differ, such as 5%."
    )
    maximum_not_comparable: Limit = Field(
        default=Percentage("10%"),
        description="Largest tolerated share of pairs that cannot be compared, such as 10%.",
    )
    minimum_pairs: Pairs = Field(default=1000, description="How many pairs must be compared before it can pass.")
    latency_margin: Margin | None = Field(
        default=None,
        description="How much longer than the champion the challenger may take for one request, such as 50%; "
        "pairs beyond it are counted.",
    )
    evidence: Evidence = Field(default=Evidence(), description="What is kept of pairs of answers that differ.")

    rules: ClassVar[tuple[Rule, ...]] = (
        _not_too_long("timeout", "timeout"),
        _not_too_long("champion_timeout", "championTimeout"),
        Rule(
            at=".championTimeout",
            must="must not be shorter than timeout, or the champion would be cut off where a challenger is not",
            holds=lambda shadow: shadow.timeout.seconds <= shadow.champion_timeout.seconds,
            found=lambda shadow: f'"{shadow.champion_timeout}" and "{shadow.timeout}"',
            holds_in_cel=(
                f"[[self.timeout, self.championTimeout].map(text, {milliseconds_in_cel('text')})]"
                ".all(length, length[1] == 0 || length[0] <= length[1])"
            ),
            found_in_cel='"{self.championTimeout}" and "{self.timeout}"',
        ),
    )
