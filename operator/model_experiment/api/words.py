"""The closed choices and the marked texts and numbers that the fields of a spec are made of.

An enum is a choice in CamelCase; a marked type has its range and its sentence beside it
(:mod:`~model_experiment.api.values`).
"""

from enum import StrEnum
from typing import Annotated

from model_experiment.api.values import (
    DURATION,
    POSITIVE,
    Decimals,
    Duration,
    Percentage,
    Probability,
    RegularExpression,
    Text,
    Whole,
)

LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"

Name = Annotated[
    str,
    Text(must='must be a DNS label: lower-case letters, digits and "-" inside', pattern=LABEL, longest=63),
]
EXPERIMENT_NAME = Text(
    must='must be a DNS label of at most 52 characters: lower-case letters, digits and "-" inside',
    pattern="[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?",
    longest=253,
)
ExperimentName = Annotated[str, EXPERIMENT_NAME]
ObjectName = Annotated[
    str,
    Text(
        must='must be an object name: lower-case letters, digits, and "-" or "." inside',
        pattern=f"{LABEL}([.]{LABEL})*",
        longest=253,
    ),
]
ApiGroup = Annotated[
    str,
    Text(
        must='must be an API group such as "gateway.envoyproxy.io", or "" for Services',
        pattern=f"|{LABEL}([.]{LABEL})*",
        longest=253,
    ),
]
KindName = Annotated[
    str,
    Text(must='must be a kind such as "Service"', pattern="[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?", longest=63),
]
HeaderName = Annotated[
    str,
    Text(
        must='must be an HTTP header name in lower case: letters, digits and "-"',
        pattern="[a-z0-9-]+",
        longest=64,
    ),
]
HeaderValue = Annotated[
    str,
    Text(
        must="must be visible ASCII characters, with spaces only inside",
        pattern="[!-~]([ -~]*[!-~])?",
        longest=256,
    ),
]
HeaderPattern = Annotated[str, RegularExpression(longest=256)]
OutcomeName = Annotated[
    str,
    Text(
        must='must be letters and digits, with "-", "_" or "." inside',
        pattern="[a-zA-Z0-9]([-._a-zA-Z0-9]*[a-zA-Z0-9])?",
        longest=63,
    ),
]

PositiveDuration = Annotated[
    Duration,
    Text(
        must="must be a positive duration such as 30s, 1h30m or 7d (units w d h m s ms, in this order)",
        pattern=DURATION,
        somewhere=POSITIVE,
        longest=40,
    ),
]
Effect = Annotated[
    Percentage,
    Text(
        must='must be a percentage above 0% and at most 1000%, such as "20%"',
        pattern="([0-9]{1,3}([.][0-9]{1,6})?|1000([.]0{1,6})?)%",
        somewhere=POSITIVE,
        longest=12,
    ),
]
Margin = Annotated[
    Percentage,
    Text(
        must='must be a percentage from 0% to 1000%, such as "25%"',
        pattern="([0-9]{1,3}([.][0-9]{1,6})?|1000([.]0{1,6})?)%",
        longest=12,
    ),
]
Limit = Annotated[
    Percentage,
    Text(
        must='must be a percentage above 0% and below 100%, such as "5%"',
        pattern="[0-9]{1,2}([.][0-9]{1,6})?%",
        somewhere=POSITIVE,
        longest=12,
    ),
]
Share = Annotated[
    Probability,
    Decimals(
        must='must be a decimal number above 0 and below 1, such as "0.20"',
        pattern="0?[.][0-9]*[1-9][0-9]*",
        bounds={"exclusiveMinimum": 0, "exclusiveMaximum": 1},
    ),
]
ErrorRate = Annotated[
    Probability,
    Decimals(
        must='must be a decimal number above 0 and at most 0.5, such as "0.05"',
        pattern="0?[.]([1-4][0-9]*|0[0-9]*[1-9][0-9]*|50*)",
        bounds={"exclusiveMinimum": 0, "maximum": 0.5},
    ),
]
Power = Annotated[
    Probability,
    Decimals(
        must='must be a decimal number of at least 0.5 and below 1, such as "0.8"',
        pattern="0?[.][5-9][0-9]*",
        bounds={"minimum": 0.5, "exclusiveMaximum": 1},
    ),
]
Port = Annotated[int, Whole(1, 65535)]
SplitPercent = Annotated[int, Whole(1, 99)]
HoldoutPercent = Annotated[int, Whole(0, 99)]
Exposures = Annotated[int, Whole(0, 10_000_000)]
Looks = Annotated[int, Whole(1, 28)]


class Strategy(StrEnum):
    """How the challenger meets the traffic."""

    AB_TEST = "ABTest"
    SHADOW = "Shadow"


class Unit(StrEnum):
    """Who is assigned to a variant."""

    USER = "User"


class By(StrEnum):
    """By what a user is given to a variant."""

    HASH = "Hash"
    POSITION_HEADER = "PositionHeader"
    HEXADECIMAL_SUFFIX = "HexadecimalSuffix"
    DECIMAL_SUFFIX = "DecimalSuffix"


class Ownership(StrEnum):
    """Whose route carries the split."""

    OPERATOR = "Operator"
    SHARED = "Shared"


class Better(StrEnum):
    """The direction of improvement."""

    HIGHER = "Higher"
    LOWER = "Lower"


class GuardrailBetter(StrEnum):
    """The direction of improvement of a guardrail: what it counts is harm."""

    LOWER = "Lower"


class ResponseClass(StrEnum):
    """Responses by status code."""

    CLIENT_ERROR = "ClientError"
    SERVER_ERROR = "ServerError"


class Design(StrEnum):
    """The plan of the analysis."""

    GROUP_SEQUENTIAL = "GroupSequential"
    FIXED_HORIZON = "FixedHorizon"


class OnSuccess(StrEnum):
    """What a proven improvement leads to."""

    PROMOTE = "Promote"
    REPORT = "Report"
