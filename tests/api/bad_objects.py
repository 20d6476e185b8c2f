"""Objects that must be refused: each is the minimal good object with a change, and a sentence for a name.

``says`` is what :mod:`model_experiment.api` answers at ``path``. The API server must refuse at the same path; it says
the same where a rule in CEL speaks, and ``server_says`` where the fault is in its own schema words.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from api.objects import REMOVED

ERRORS = {"name": "errors", "margin": "25%", "source": {"responses": {"class": "ServerError"}}}
SLOW = {"name": "slow", "limit": "5%", "source": {"latency": {"above": "250ms"}}}
PURCHASE = {
    "name": "purchase", "minimumEffect": "20%", "baseline": "0.20", "source": {"outcome": {"name": "purchase"}},
}  # fmt: skip
REFUND = {"name": "refund", "source": {"outcome": {"name": "refund"}}}


def challenger(number: int, *, percent: int = 20) -> dict[str, Any]:
    return {"name": f"c{number}", "backendRef": {"name": f"ranker-c{number}", "port": 8080}, "percent": percent}


def step(percent: int) -> dict[str, Any]:
    return {"percent": percent, "hold": "10m"}


@dataclass(frozen=True)
class Bad:
    """One bad object; ``path`` is that of the only change where it is not given."""

    changes: dict[str, Any]
    says: str
    server_says: str = ""
    path: str = ""
    server_path: str = ""

    @property
    def where(self) -> str:
        return self.path or next(iter(self.changes))

    @property
    def on_server(self) -> tuple[str, str]:
        return self.server_path or self.where, self.server_says or self.says


def bad(sentence: str, changes: dict[str, Any], says: str, **others: str) -> Any:
    return pytest.param(Bad(changes, says, **others), id=sentence)


FIRST = "spec.objectives[0]"
GUARD = "spec.guardrails[0]"
ANALYSIS = "spec.analysis"
NONE = "must be given, found none"
REQUIRED = "Required value"

SHAPE = (
    bad("no champion", {"spec.champion": REMOVED}, NONE, server_says=REQUIRED),
    bad("no challengers", {"spec.challengers": REMOVED}, NONE, server_says=REQUIRED),
    bad("no routing", {"spec.routing": REMOVED}, NONE, server_says=REQUIRED),
    bad("no route", {"spec.routing.httpRoute": REMOVED},
        "must have exactly one of httpRoute, virtualService, found none", path="spec.routing"),
    bad("two routes", {"spec.routing.virtualService": {"name": "ranker"}},
        "must have exactly one of httpRoute, virtualService, found both", path="spec.routing"),
    bad("a rule of a shared VirtualService",
        {"spec.routing": {"virtualService": {"name": "ranker", "rule": "main"}, "ownership": "Shared"}},
        "must be absent where ownership is Shared: the rule is found by the name that access logs carry,"
        ' found "main"', path="spec.routing.virtualService.rule"),
    bad("a shared route with a holdout",
        {"spec.routing.ownership": "Shared", "spec.targeting": {"holdoutPercent": 5}},
        "must be Operator where assignment.by is not Hash or targeting is given: your rule says who enters,"
        " found Shared"),
    bad("an unknown owner", {"spec.routing.ownership": "Git"}, 'must be Operator or Shared, found "Git"',
        server_says='Unsupported value: "Git"'),
    bad("no objectives", {"spec.objectives": REMOVED}, "must be given where strategy is ABTest, found none"),
    bad("no backend", {"spec.champion.backendRef": REMOVED}, NONE, server_says=REQUIRED),
    bad("no source of an objective", {f"{FIRST}.source": REMOVED}, NONE, server_says=REQUIRED),
    bad("an objective source without a kind", {f"{FIRST}.source": {}}, NONE,
        path=f"{FIRST}.source.outcome", server_says=REQUIRED),
    bad("an outcome without a name", {f"{FIRST}.source.outcome": {}}, NONE,
        path=f"{FIRST}.source.outcome.name", server_says=REQUIRED),
    bad("null for a champion", {"spec.champion": None}, "must be an object, found null", server_says=REQUIRED),
    bad("a list for an object", {"spec.routing": ["ranker"]}, "must be an object, found a list",
        server_says='must be of type object: "array"'),
    bad("an object for a list", {"spec.objectives": {}}, "must be a list, found an object",
        server_says='must be of type array: "object"'),
    bad("an unknown field", {"spec.champions": 1}, "must be a known field, found an unknown one",
        server_says='unknown field "spec.champions"', server_path="strict decoding error"),
    bad("a field in snake case", {"spec.on_success": "Promote"}, "must be a known field",
        server_says='unknown field "spec.on_success"', server_path="strict decoding error"),
    bad("an empty list of challengers", {"spec.challengers": []}, "must have 1 to 4 items, found 0",
        server_says="should have at least 1 items"),
    bad("five challengers", {"spec.challengers": [challenger(n, percent=10) for n in range(5)]},
        "must have 1 to 4 items, found 5", server_says="must have at most 4 items"),
    bad("no objective in the list", {"spec.objectives": []}, "must be given where strategy is ABTest, found none"),
    bad("eleven objectives", {"spec.objectives": [REFUND | {"name": f"o{n}"} for n in range(11)]},
        "must have 0 to 10 items, found 11", server_says="must have at most 10 items"),
    bad("eleven guardrails", {"spec.guardrails": [ERRORS | {"name": f"g{n}"} for n in range(11)]},
        "must have 0 to 10 items, found 11", server_says="must have at most 10 items"),
)  # fmt: skip

CHOICES = (
    bad("a strategy of another edition", {"spec.strategy": "Canary"}, 'must be ABTest or Shadow, found "Canary"',
        server_says='Unsupported value: "Canary": supported values: "ABTest", "Shadow"'),
    bad("a unit that nobody knows", {"spec.assignment.unit": "Session"}, 'must be User, found "Session"',
        server_says='Unsupported value: "Session"'),
    bad("a direction in lower case", {f"{FIRST}.better": "higher"}, 'must be Higher or Lower, found "higher"',
        server_says='Unsupported value: "higher"'),
    bad("an outcome per request", {f"{FIRST}.source.outcome.per": "Request"}, 'must be User, found "Request"',
        server_says='Unsupported value: "Request"'),
    bad("a guardrail that should grow", {"spec.guardrails": [ERRORS | {"better": "Higher"}]},
        'must be Lower, found "Higher"', path=f"{GUARD}.better", server_says='Unsupported value: "Higher"'),
    bad("a class of responses that nobody knows",
        {"spec.guardrails": [ERRORS | {"source": {"responses": {"class": "5xx"}}}]},
        'must be ClientError or ServerError, found "5xx"', path=f"{GUARD}.source.responses.class",
        server_says='Unsupported value: "5xx"'),
    bad("a design that nobody knows", {f"{ANALYSIS}.design": "Bayes"},
        'must be GroupSequential or FixedHorizon, found "Bayes"', server_says='Unsupported value: "Bayes"'),
    bad("a boolean for what success leads to", {"spec.onSuccess": True}, "must be Promote or Report, found true",
        server_says='must be of type string: "boolean"'),
)  # fmt: skip

NAMES = (
    bad("a champion's name in capitals", {"spec.champion.name": "V7"}, 'must be a DNS label: lower-case letters, '
        'digits and "-" inside, found "V7"'),
    bad("a challenger's name that ends in a dash", {"spec.challengers[0].name": "v8-"}, 'found "v8-"'),
    bad("an empty name", {"spec.champion.name": ""}, 'must be a DNS label: lower-case letters, '
        'digits and "-" inside, found ""'),
    bad("a name with a line break at its end", {"spec.champion.name": "v7\n"}, "must be a DNS label"),
    bad("a number for a name", {"spec.champion.name": 7}, "must be a DNS label: lower-case letters, "
        'digits and "-" inside, found 7', server_says='must be of type string: "integer"'),
    bad("a name with a line break inside", {"spec.champion.name": "v\n7"}, "must be a DNS label"),
    bad("a name of 64 characters", {"spec.champion.name": "a" * 64}, "must have at most 63 characters, found 64",
        server_says="may not be more than 63 bytes"),
    bad("an objective's name with a dot", {f"{FIRST}.name": "pur.chase"}, 'found "pur.chase"'),
    bad("a route's name with a slash", {"spec.routing.httpRoute.name": "shop/ranker"},
        'must be an object name: lower-case letters, digits, and "-" or "." inside, found "shop/ranker"'),
    bad("a rule's name in capitals", {"spec.routing.httpRoute.rule": "Main"}, 'found "Main"'),
    bad("a header's name in capitals", {"spec.assignment.header": "X-User-ID"},
        'must be an HTTP header name in lower case: letters, digits and "-", found "X-User-ID"'),
    bad("a header's name of 65 characters", {"spec.assignment.header": "x" * 65},
        "must have at most 64 characters, found 65", server_says="may not be more than 64 bytes"),
    bad("an outcome's name with a space", {f"{FIRST}.source.outcome.name": "first purchase"},
        'must be letters and digits, with "-", "_" or "." inside, found "first purchase"'),
    bad("an API group with its version", {"spec.champion.backendRef.group": "gateway.envoyproxy.io/v1"},
        "must be an API group such as"),
    bad("a kind with a slash", {"spec.champion.backendRef.kind": "v1/Service"}, 'must be a kind such as "Service"'),
    bad("champion and challenger of one name", {"spec.challengers[0].name": "v7"},
        'must have other names than the champion, found "v7" twice', path="spec.challengers"),
    bad("champion and challenger on one backend", {"spec.challengers[0].backendRef.name": "ranker-v7"},
        'must have other backends than the champion, found "ranker-v7" twice', path="spec.challengers"),
    bad("one backend, once with its kind written out",
        {"spec.challengers[0].backendRef": {"kind": "Service", "name": "ranker-v7", "port": 8080}},
        'must have other backends than the champion, found "ranker-v7" twice', path="spec.challengers"),
    bad("two challengers of one name", {"spec.challengers": [challenger(1), challenger(2) | {"name": "c1"}]},
        'must have a name of its own, found "c1" twice', path="spec.challengers[1]",
        server_path="spec.challengers[1]", server_says='Duplicate value: {"name":"c1"}'),
    bad("two challengers on one backend",
        {"spec.challengers": [challenger(1), challenger(2) | {"backendRef": challenger(1)["backendRef"]}]},
        "must have a backend each of their own, found one backend twice", path="spec.challengers"),
    bad("challengers who leave the champion nobody",
        {"spec.challengers": [challenger(1, percent=60), challenger(2, percent=40)]},
        "must leave the champion at least 1 percent of the users, found nothing left", path="spec.challengers"),
    bad("a ramp beyond the split of several",
        {"spec.challengers": [challenger(1, percent=5), challenger(2, percent=5)], "spec.ramp": [step(10)]},
        "must stay below the challengers' percent, found a step that is not smaller", path="spec.ramp"),
    bad("two objectives of one name", {"spec.objectives[1]": REFUND | {"name": "purchase"}},
        'must have a name of its own, found "purchase" twice', server_says='Duplicate value: {"name":"purchase"}'),
    bad("a ramp that falls", {"spec.ramp": [step(10), step(5)]},
        "must grow from step to step, found a step that is not larger than all before it"),
    bad("a ramp that stands still", {"spec.ramp": [step(5), step(5)]},
        "must grow from step to step, found a step that is not larger than all before it"),
    bad("a ramp beyond the split", {"spec.ramp": [step(1), step(60)]},
        "must stay below the challengers' percent, found a step that is not smaller"),
    bad("eleven steps of a ramp", {"spec.ramp": [step(n) for n in range(1, 12)]},
        "must have 0 to 10 items, found 11", server_says="must have at most 10 items"),
    bad("a ramp that waits for less than nobody", {"spec.ramp": [step(5) | {"minimumExposures": -1}]},
        "must be a whole number from 0 to 10000000, found -1", path="spec.ramp[0].minimumExposures",
        server_says="should be greater than or equal to 0"),
    bad("a step of a ramp that does not stand", {"spec.ramp": [{"percent": 5}]}, NONE,
        path="spec.ramp[0].hold", server_says=REQUIRED),
    bad("two guardrails of one name", {"spec.guardrails": [ERRORS, ERRORS]},
        'must have a name of its own, found "errors" twice', path="spec.guardrails[1]",
        server_says='Duplicate value: {"name":"errors"}'),
    bad("a guardrail with an objective's name", {"spec.guardrails": [SLOW | {"name": "purchase"}]},
        "must have other names than the objectives, found"),
)  # fmt: skip

EXPRESSION = 'must be a regular expression of RE2, without "(?" and with a backslash only before signs'
HEADERS = "spec.targeting.headers"
BY_POSITION = {"by": "PositionHeader", "positionHeader": "x-position"}


def target(**match: str) -> list[dict[str, str]]:
    return [{"name": "x-region", **match}]


TARGETING = (
    bad("a target with a value and a pattern", {HEADERS: target(value="eu", pattern="eu|us")},
        "must have exactly one of value, pattern, found both", path=f"{HEADERS}[0]"),
    bad("a target with neither", {HEADERS: target()},
        "must have exactly one of value, pattern, found none", path=f"{HEADERS}[0]"),
    bad("a target on the assignment header", {HEADERS: [{"name": "x-user-id", "value": "anna"}]},
        "must not name a header of spec.assignment, which everybody who enters carries, found one of them"),
    bad("a target on the position header",
        {"spec.assignment": BY_POSITION, HEADERS: [{"name": "x-position", "value": "7"}]},
        "must not name a header of spec.assignment, which everybody who enters carries, found one of them",
        path=HEADERS),
    bad("positions without their header", {"spec.assignment.by": "PositionHeader"},
        "must be given where by is PositionHeader, and nowhere else, found PositionHeader without one",
        path="spec.assignment.positionHeader"),
    bad("a position header beside a hash", {"spec.assignment.positionHeader": "x-position"},
        "must be given where by is PositionHeader, and nowhere else, found Hash with one"),
    bad("the user's header as the position header", {"spec.assignment": BY_POSITION | {"positionHeader": "x-user-id"}},
        'must be another header than the user\'s, found "x-user-id" twice', path="spec.assignment.positionHeader"),
    bad("a way to assign that nobody knows", {"spec.assignment.by": "Cookie"},
        'must be Hash, PositionHeader, HexadecimalSuffix or DecimalSuffix, found "Cookie"',
        server_says='Unsupported value: "Cookie"'),
    bad("a holdout that leaves a challenger without a position",
        {"spec.assignment.by": "DecimalSuffix", "spec.challengers[0].percent": 4, "spec.targeting.holdoutPercent": 80},
        "must leave each variant 1 percent of all users where assignment.by is not Hash, found a variant with less",
        path="spec.targeting.holdoutPercent"),
    bad("a holdout that leaves the champion without a position",
        {"spec.assignment.by": "DecimalSuffix", "spec.challengers[0].percent": 96, "spec.targeting.holdoutPercent": 80},
        "must leave each variant 1 percent of all users where assignment.by is not Hash, found a variant with less",
        path="spec.targeting.holdoutPercent"),
    bad("a header twice", {HEADERS: [*target(value="eu"), *target(value="us")]},
        'must have a name of its own, found "x-region" twice', path=f"{HEADERS}[1]",
        server_says='Duplicate value: {"name":"x-region"}'),
    bad("eleven targets", {HEADERS: [{"name": f"x-{n}", "value": "1"} for n in range(11)]},
        "must have 0 to 10 items, found 11", server_says="must have at most 10 items"),
    bad("a target's name in capitals", {HEADERS: [{"name": "X-Region", "value": "eu"}]},
        'must be an HTTP header name in lower case: letters, digits and "-", found "X-Region"',
        path=f"{HEADERS}[0].name"),
    bad("an empty value of a header", {HEADERS: target(value="")},
        'must be visible ASCII characters, with spaces only inside, found ""', path=f"{HEADERS}[0].value"),
    bad("a value of a header that ends in a space", {HEADERS: target(value="eu ")},
        'must be visible ASCII characters, with spaces only inside, found "eu "', path=f"{HEADERS}[0].value"),
    bad("a pattern that looks ahead", {HEADERS: target(pattern="a(?=b)")}, f'{EXPRESSION}, found "a(?=b)"',
        path=f"{HEADERS}[0].pattern"),
    bad("a pattern that refers back", {HEADERS: target(pattern=r"(a)\1")}, EXPRESSION, path=f"{HEADERS}[0].pattern"),
    bad("a pattern with a class by name", {HEADERS: target(pattern=r"\pL")}, EXPRESSION,
        path=f"{HEADERS}[0].pattern"),
    bad("a pattern with an open parenthesis", {HEADERS: target(pattern="(a")}, f'{EXPRESSION}, found "(a"',
        path=f"{HEADERS}[0].pattern", server_says="error parsing regexp: missing closing ): `(a`"),
    bad("an empty pattern", {HEADERS: target(pattern="")}, f'{EXPRESSION}, found ""', path=f"{HEADERS}[0].pattern"),
    bad("everybody held out", {"spec.targeting.holdoutPercent": 100}, "must be a whole number from 0 to 99, found 100",
        server_says="should be less than or equal to 99"),
)  # fmt: skip

EFFECT = "must be a percentage above 0% and at most 1000%"
LIMIT = "must be a percentage above 0% and below 100%"
DURATION = "must be a positive duration such as 30s, 1h30m or 7d (units w d h m s ms, in this order)"
SHARE = 'must be a decimal number above 0 and below 1, such as "0.20"'
RATE = 'must be a decimal number above 0 and at most 0.5, such as "0.05"'
POWER = 'must be a decimal number of at least 0.5 and below 1, such as "0.8"'
NOT_A_SCALAR = "must have at most 0 items"

NUMBERS = (
    bad("no percent for the challenger", {"spec.challengers[0].percent": 0},
        "must be a whole number from 1 to 99, found 0", server_says="should be greater than or equal to 1"),
    bad("all percent for the challenger", {"spec.challengers[0].percent": 100},
        "must be a whole number from 1 to 99, found 100", server_says="should be less than or equal to 99"),
    bad("half a percent for the challenger", {"spec.challengers[0].percent": 0.5}, "found 0.5",
        server_says='must be of type integer: "number"'),
    bad("the challenger's percent with a decimal point", {"spec.challengers[0].percent": 50.0}, "found 50.0",
        server_says="invalid data, expected int, got float64", server_path="spec"),
    bad("the challenger's percent as a text", {"spec.challengers[0].percent": "50"}, 'found "50"',
        server_says='must be of type integer: "string"'),
    bad("a boolean for the challenger's percent", {"spec.challengers[0].percent": True}, "found true",
        server_says='must be of type integer: "boolean"'),
    bad("a Service without a port", {"spec.champion.backendRef.port": REMOVED},
        "must be given for a Service, found none"),
    bad("a port that cannot be", {"spec.champion.backendRef.port": 65536},
        "must be a whole number from 1 to 65535, found 65536", server_says="should be less than or equal to 65535"),
    bad("no looks", {f"{ANALYSIS}.looks": 0}, "must be a whole number from 1 to 28, found 0",
        server_says="should be greater than or equal to 1"),
    bad("more looks than days", {f"{ANALYSIS}.looks": 29}, "must be a whole number from 1 to 28, found 29",
        server_says="should be less than or equal to 28"),
    bad("an effect of nothing", {f"{FIRST}.minimumEffect": "0.0%"}, f'{EFFECT}, such as "20%", found "0.0%"'),
    bad("an effect that is too large", {f"{FIRST}.minimumEffect": "1000.1%"}, f"{EFFECT}, such as"),
    bad("an effect without a percent sign", {f"{FIRST}.minimumEffect": "20"}, f'{EFFECT}, such as "20%", found "20"'),
    bad("an effect as a number", {f"{FIRST}.minimumEffect": 20}, f'{EFFECT}, such as "20%", found 20',
        server_says='must be of type string: "integer"'),
    bad("an effect with a sign", {f"{FIRST}.minimumEffect": "+20%"}, EFFECT),
    bad("a baseline of 1", {f"{FIRST}.baseline": "1"}, f'{SHARE}, found "1"', server_says=SHARE),
    bad("a baseline of 0", {f"{FIRST}.baseline": "0.0"}, f'{SHARE}, found "0.0"', server_says=SHARE),
    bad("a baseline above 1, unquoted", {f"{FIRST}.baseline": 1.5}, f"{SHARE}, found 1.5",
        server_says="should be less than 1"),
    bad("a baseline of 0, unquoted", {f"{FIRST}.baseline": 0}, f"{SHARE}, found 0",
        server_says="should be greater than 0"),
    bad("a baseline in percent", {f"{FIRST}.baseline": "20%"}, f'{SHARE}, found "20%"', server_says=SHARE),
    bad("a baseline in another notation", {f"{FIRST}.baseline": "2e-1"}, SHARE),
    bad("a boolean for a baseline", {f"{FIRST}.baseline": True}, f"{SHARE}, found true",
        server_says='"spec.objectives[0].baseline" must not validate the schema (not)', server_path="<nil>"),
    bad("a list for a baseline", {f"{FIRST}.baseline": [0.2]}, f"{SHARE}, found a list", server_says=NOT_A_SCALAR),
    bad("an empty list for a baseline", {f"{FIRST}.baseline": []}, f"{SHARE}, found a list",
        server_says="should have at least 1 items"),
    bad("an object for a baseline", {f"{FIRST}.baseline": {"value": 0.2}}, f"{SHARE}, found an object",
        server_says=NOT_A_SCALAR),
    bad("alpha that is the confidence, unquoted", {f"{ANALYSIS}.alpha": 0.95}, f"{RATE}, found 0.95",
        server_says="should be less than or equal to 0.5"),
    bad("alpha that is the confidence", {f"{ANALYSIS}.alpha": "0.95"}, f'{RATE}, found "0.95"', server_says=RATE),
    bad("alpha of nothing", {f"{ANALYSIS}.alpha": "0.00"}, f'{RATE}, found "0.00"', server_says=RATE),
    bad("alpha in percent, unquoted", {f"{ANALYSIS}.alpha": 5}, f"{RATE}, found 5",
        server_says="should be less than or equal to 0"),  # the server cuts the bound when the value is whole
    bad("alpha with many digits", {f"{ANALYSIS}.alpha": "0." + "1" * 20}, "must have at most 20 characters, found 22",
        server_says="may not be more than 20 bytes"),
    bad("a guardrail alpha above a half", {f"{ANALYSIS}.guardrailAlpha": "0.51"}, f'{RATE}, found "0.51"',
        server_says=RATE),
    bad("power below a half", {f"{ANALYSIS}.power": 0.2}, f"{POWER}, found 0.2",
        server_says="should be greater than or equal to 0.5"),
    bad("no power, unquoted", {f"{ANALYSIS}.power": 0}, f"{POWER}, found 0",
        server_says="should be greater than 0"),
    bad("power of 1", {f"{ANALYSIS}.power": "1.0"}, f'{POWER}, found "1.0"', server_says=POWER),
    bad("a margin without a percent sign", {"spec.guardrails": [ERRORS | {"margin": "25"}]},
        'must be a percentage from 0% to 1000%, such as "25%", found "25"', path=f"{GUARD}.margin"),
    bad("a limit of nothing", {"spec.guardrails": [SLOW | {"limit": "0%"}]}, f'{LIMIT}, such as "5%", found "0%"',
        path=f"{GUARD}.limit"),
    bad("a limit that nothing can pass", {"spec.guardrails": [SLOW | {"limit": "100%"}]},
        f'{LIMIT}, such as "5%", found "100%"', path=f"{GUARD}.limit"),
    bad("a duration without a unit", {f"{ANALYSIS}.minimumDuration": "7"}, f'{DURATION}, found "7"'),
    bad("a duration of nothing", {f"{ANALYSIS}.minimumDuration": "0d"}, f'{DURATION}, found "0d"'),
    bad("an empty duration", {f"{ANALYSIS}.minimumDuration": ""}, f'{DURATION}, found ""'),
    bad("a duration with units out of order", {f"{ANALYSIS}.minimumDuration": "12h1d"}, f'{DURATION}, found "12h1d"'),
    bad("a duration with a fraction", {f"{ANALYSIS}.minimumDuration": "1.5h"}, f'{DURATION}, found "1.5h"'),
    bad("a duration in words", {f"{ANALYSIS}.maximumDuration": "two weeks"}, f'{DURATION}, found "two weeks"'),
    bad("a duration as a number", {f"{ANALYSIS}.minimumDuration": 604800}, f"{DURATION}, found 604800",
        server_says='must be of type string: "integer"'),
    bad("a latency of nothing", {"spec.guardrails": [SLOW | {"source": {"latency": {"above": "0ms"}}}]},
        f'{DURATION}, found "0ms"', path=f"{GUARD}.source.latency.above"),
)  # fmt: skip

BETWEEN_FIELDS = (
    bad("a minimum as long as the maximum, written otherwise",
        {f"{ANALYSIS}.minimumDuration": "1w1d", f"{ANALYSIS}.maximumDuration": "7d24h"},
        'must be shorter than maximumDuration, found "1w1d" and "7d24h"'),
    bad("a minimum that is longer than the default maximum", {f"{ANALYSIS}.minimumDuration": "29d"},
        'must be shorter than maximumDuration, found "29d" and "28d"'),
    bad("a maximum that is shorter than the default minimum", {f"{ANALYSIS}.maximumDuration": "90m"},
        'must be shorter than maximumDuration, found "7d" and "90m"', path=f"{ANALYSIS}.minimumDuration"),
    bad("a maximum above 90 days", {f"{ANALYSIS}.maximumDuration": "90d1ms"}, 'must be at most 90d, found "90d1ms"'),
    bad("a maximum above 90 days, in weeks", {f"{ANALYSIS}.maximumDuration": "13w"},
        'must be at most 90d, found "13w"'),
    bad("a first objective without a baseline", {f"{FIRST}.baseline": REMOVED},
        "must be given beside minimumEffect, because the two plan the sample, found none", server_says=REQUIRED),
    bad("a second objective with an effect and no baseline", {"spec.objectives[1]": REFUND | {"minimumEffect": "3%"}},
        "must be given beside minimumEffect", path="spec.objectives[1].baseline", server_says=REQUIRED),
    bad("a first objective without an effect", {f"{FIRST}.minimumEffect": REMOVED},
        'must begin with one that has a minimumEffect, because it plans the sample, found "purchase" without',
        path="spec.objectives"),
    bad("a first objective without a plan", {"spec.objectives": [REFUND]},
        'must begin with one that has a minimumEffect, because it plans the sample, found "refund" without'),
    bad("a guardrail with a margin and a limit", {"spec.guardrails": [ERRORS | {"limit": "5%"}]},
        "must have exactly one of margin, limit, found both", path=GUARD),
    bad("a guardrail without margin and limit", {"spec.guardrails": [{"name": "errors", "source": ERRORS["source"]}]},
        "must have exactly one of margin, limit, found none", path=GUARD),
    bad("a guardrail with two sources", {"spec.guardrails": [ERRORS | {"source": ERRORS["source"] | SLOW["source"]}]},
        "must have exactly one of responses, latency, found both", path=f"{GUARD}.source"),
    bad("a guardrail with no source", {"spec.guardrails": [ERRORS | {"source": {}}]},
        "must have exactly one of responses, latency, found none", path=f"{GUARD}.source"),
)  # fmt: skip

BAD_SPECS = (*SHAPE, *CHOICES, *NAMES, *TARGETING, *NUMBERS, *BETWEEN_FIELDS)

NAME = 'must be a DNS label of at most 52 characters: lower-case letters, digits and "-" inside'

BAD_NAMES = (
    bad("a name of 53 characters", {"metadata.name": "a" * 53}, f'{NAME}, found "{"a" * 53}"'),
    bad("a name with a dot", {"metadata.name": "shop.ranker"}, f'{NAME}, found "shop.ranker"'),
)

BEYOND_THE_SERVER = (
    bad("an effect that would pass all users", {f"{FIRST}.baseline": "0.9"},
        "must change the baseline to a share of users between 0 and 1, found 1.08", path=f"{FIRST}.minimumEffect"),
    bad("a decrease below nobody", {f"{FIRST}.better": "Lower", f"{FIRST}.minimumEffect": "100%"},
        "must change the baseline to a share of users between 0 and 1, found 0", path=f"{FIRST}.minimumEffect"),
)  # fmt: skip
"""The API server takes these, because its rules cannot see a number without a type."""
