"""Single values of the spec, and what the API server and this package ask of them.

:class:`Probability`, :class:`Percentage` and :class:`Duration` are the texts that the user wrote, so a spec
reads back as it was written and a label such as ``above="250ms"`` says what the user said; the number is a
property, and equality is equality of the text. A marker beside a type (:class:`Text`, :class:`Decimals`,
:class:`Whole`, :class:`Named`) gives its range: one check for pydantic, one schema for the API server, one
sentence.

The trap: a probability written without quotation marks reaches the API server as a float. No structural
type takes both a float and a string (``x-kubernetes-int-or-string`` refuses 0.05), so a probability has no
type, and CEL cannot see it. Its sentence therefore stands inside its pattern, behind a ``$``, where nothing
can match.
"""

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from model_experiment.api.rules import cel_text, fault, shown, validation


class NumberText(str):
    """A text that stands for a number."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """A plain string; the range comes from the marker beside the type."""
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())


class Probability(NumberText):
    """A decimal text between 0 and 1, such as ``"0.05"``."""

    __slots__ = ()

    @property
    def value(self) -> float:
        """The number."""
        return float(self)


class Percentage(NumberText):
    """A text such as ``"25%"`` or ``"0.5%"``."""

    __slots__ = ()

    @property
    def ratio(self) -> float:
        """The share: 0.25 for ``"25%"``."""
        return float(Decimal(self.removesuffix("%")) / 100)


class Tolerance(NumberText):
    """How far two numbers may lie apart: a text such as ``"0.1"``, or ``"2%"`` of the larger of them."""

    __slots__ = ()

    @property
    def is_relative(self) -> bool:
        """Whether it is a share of the numbers and not a distance."""
        return self.endswith("%")

    @property
    def value(self) -> float:
        """The distance, or the share: 0.02 for ``"2%"``."""
        number = Decimal(self.removesuffix("%"))
        return float(number / 100 if self.is_relative else number)


class Duration(NumberText):
    """A text such as ``"7d"``, ``"1h30m"`` or ``"250ms"``."""

    __slots__ = ()

    @property
    def timedelta(self) -> timedelta:
        """The length of time, exact."""
        counts = re.findall("([0-9]+)([a-z]+)", self)
        return timedelta(**{UNITS[unit]: int(count) for count, unit in counts})

    @property
    def seconds(self) -> float:
        """The length of time in seconds."""
        return self.timedelta.total_seconds()


UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds"}

DURATION = "([0-9]{1,4}w)?([0-9]{1,4}d)?([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?([0-9]{1,5}ms)?"
"""Ordered units, each at most once; so many digits that Go's longest duration (292 years) is never passed."""

POSITIVE = "[1-9]"


def milliseconds_in_cel(text: str) -> str:
    """CEL for the length of a duration; 0 for a text that is none, so that no rule ends in an error.

    CEL's ``duration()`` knows neither weeks nor days, so the text is cut behind each ``w`` and ``d``.
    """
    parts = f"{text}.replace('w', 'w ').replace('d', 'd ').split(' ')"
    known = "part.matches('^([0-9]{1,4}[wd]|([0-9]{1,5}(h|m|s|ms)){1,4})$')"
    length = (
        "part.endsWith('w') ? 604800000 * int(part.replace('w', ''))"
        " : part.endsWith('d') ? 86400000 * int(part.replace('d', ''))"
        " : duration(part).getMilliseconds()"
    )
    return f"{parts}.filter(part, {known}).map(part, {length}).sum()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Marks a string or a class made from one: which texts it takes, and what to say of others.

    The whole text must match ``pattern``, and ``somewhere`` must be found in it; RE2 and ``re`` read both
    alike.
    """

    must: str
    pattern: str
    longest: int
    somewhere: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Takes a matching string and makes the marked class from it."""
        return _schema(partial(self._parse, source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A bounded string; the pattern is a rule in CEL, because a bare ``pattern`` earns no sentence."""
        patterns = [f"^({self.pattern})$", *([self.somewhere] if self.somewhere else [])]
        holds = " && ".join(f"self.matches({cel_text(pattern)})" for pattern in patterns)
        rule = validation(holds=holds, must=self.must, found='"{self}"')
        return {"type": "string", "maxLength": self.longest, "x-kubernetes-validations": [rule]}

    def _parse(self, source: Callable[[str], Any], raw: Any) -> Any:
        if isinstance(raw, str) and len(raw) > self.longest:
            raise fault(("", f"must have at most {self.longest} characters, found {len(raw)}"))
        if isinstance(raw, str) and re.fullmatch(self.pattern, raw) and re.search(self.somewhere, raw):
            return source(raw)
        raise fault(("", f"{self.must}, found {shown(raw)}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RegularExpression:
    """Marks a regular expression that Envoy's RE2, Go and ``re`` read alike.

    Without ``(?``, back references and classes by name all three know the same language, so that no gateway is handed
    what it refuses: Istio's would then keep the old routes of its whole port.
    """

    longest: int
    must: ClassVar[str] = 'must be a regular expression of RE2, without "(?" and with a backslash only before signs'
    plain: ClassVar[str] = r"([ -\[\]-~]|\\[dDwWsSbB]|\\[^0-9A-Za-z])+"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Takes a string that can be compiled."""
        return _schema(self._parse)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A bounded string; whether it can be compiled the API server says in words of its own."""
        holds = f"self.matches({cel_text(f'^({self.plain})$')}) && !self.contains('(?')"
        rules = [
            validation(holds=holds, must=self.must, found='"{self}"'),
            {"rule": "''.matches(self) || !''.matches(self)", "message": self.must},
        ]
        return {"type": "string", "maxLength": self.longest, "x-kubernetes-validations": rules}

    def _parse(self, raw: Any) -> str:
        if isinstance(raw, str) and len(raw) > self.longest:
            raise fault(("", f"must have at most {self.longest} characters, found {len(raw)}"))
        if isinstance(raw, str) and re.fullmatch(self.plain, raw) and "(?" not in raw and _compiles(raw):
            return raw
        raise fault(("", f"{self.must}, found {shown(raw)}"))


def _compiles(pattern: str) -> bool:
    with warnings.catch_warnings(action="ignore", category=FutureWarning):  # what a later Python may read otherwise
        try:
            re.compile(pattern)
        except re.error:
            return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Decimals:
    """Marks a :class:`Probability` with its range.

    ``pattern`` says which decimal texts lie in the range, ``bounds`` says the same of numbers in words of
    JSON Schema.
    """

    must: str
    pattern: str
    bounds: Mapping[str, float] = field(hash=False)
    longest: int = 20

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Takes a text or a number."""
        return _schema(self._parse)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """No type, so that a text and a float pass; lists, objects and booleans are shut out one by one.

        "Above 0" is said once more: the API server cuts a bound to a whole number before it compares a whole number
        with it, and would take 0 as "at least 0.5".
        """
        return {
            "x-kubernetes-preserve-unknown-fields": True,
            "pattern": f"^({self.pattern})$|$ {self.must}",
            "maxLength": self.longest,
            **self.bounds,
            "minItems": 1,
            "maxItems": 0,
            "minProperties": 1,
            "maxProperties": 0,
            "not": {"enum": [True, False]},
            "allOf": [{"minimum": 0, "exclusiveMinimum": True}],
        }

    def _parse(self, raw: Any) -> Probability:
        text = _decimal_text(raw)
        if text is None or re.fullmatch(self.pattern, text) is None:
            raise fault(("", f"{self.must}, found {shown(raw)}"))
        if isinstance(raw, str) and len(text) > self.longest:
            raise fault(("", f"must have at most {self.longest} characters, found {len(text)}"))
        return Probability(text)


@dataclass(frozen=True, slots=True)
class Whole:
    """Marks an integer with its smallest and largest value."""

    smallest: int
    largest: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Takes 5, and neither 5.0, "5" nor true: a rule in CEL that counts cannot read 5.0."""
        return _schema(self._parse, serialize=int)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A bounded integer."""
        return {"type": "integer", "minimum": self.smallest, "maximum": self.largest}

    def _parse(self, raw: Any) -> int:
        number = isinstance(raw, int) and not isinstance(raw, bool)
        if not (number and self.smallest <= raw <= self.largest):
            must = f"must be a whole number from {self.smallest} to {self.largest}"
            raise fault(("", f"{must}, found {shown(raw)}"))
        return int(raw)


@dataclass(frozen=True, slots=True)
class Ordered:
    """Marks a list of objects whose order says something, with its largest length."""

    most: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Counts first, because pydantic would count the items without fault alone."""
        return core_schema.no_info_before_validator_function(self._count, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A bounded list that is written as a whole."""
        return handler(schema) | {"minItems": 0, "maxItems": self.most, "x-kubernetes-list-type": "atomic"}

    def _count(self, raw: Any) -> Any:
        return _counted(raw, fewest=0, most=self.most)


@dataclass(frozen=True, slots=True)
class Named:
    """Marks a list of objects, told apart by their names, with its smallest and largest length."""

    fewest: int
    most: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Counts first, because pydantic would count the items without fault alone."""
        items = core_schema.no_info_before_validator_function(self._count, handler(source))
        return core_schema.no_info_after_validator_function(self._names_differ, items)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A bounded list-map."""
        keyed = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
        return handler(schema) | {"minItems": self.fewest, "maxItems": self.most} | keyed

    def _count(self, raw: Any) -> Any:
        return _counted(raw, fewest=self.fewest, most=self.most)

    @staticmethod
    def _names_differ(items: tuple[Any, ...]) -> tuple[Any, ...]:
        names = [item.name for item in items]
        twice = [(f"[{place}]", name) for place, name in enumerate(names) if name in names[:place]]
        if twice:
            raise fault(*((at, f'must have a name of its own, found "{name}" twice') for at, name in twice))
        return items


def _counted(raw: Any, *, fewest: int, most: int) -> Any:
    if isinstance(raw, list | tuple) and not fewest <= len(raw) <= most:
        wanted = f"{fewest} to {most} items" if fewest < most else f"{most} item"
        raise fault(("", f"must have {wanted}, found {len(raw)}"))
    return raw


def _schema(parse: Callable[[Any], Any], serialize: Callable[[Any], Any] = str) -> CoreSchema:
    written = core_schema.plain_serializer_function_ser_schema(serialize)
    return core_schema.no_info_plain_validator_function(parse, serialization=written)


def _decimal_text(raw: Any) -> str | None:
    """The plain decimal text of a text or a number, None for anything else."""
    match raw:
        case bool():
            return None
        case str():
            return raw
        case int() | float():
            return format(Decimal(repr(raw)), "f")
        case _:
            return None
