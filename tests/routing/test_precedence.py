"""An own route takes no request from a rule of the user's route that came before the experiment's."""

import pytest

from given.deciding import experiment
from model_experiment.decision.route import Obstacle
from model_experiment.routing.user_http_route import find_obstacle
from routing.manifests import V7, user_route

PREFIX, REGEX = "PathPrefix", "RegularExpression"
DEBUG = {"queryParams": [{"name": "debug", "value": "1"}]}
COOKIE = {"type": "ExtensionRef", "extensionRef": {"group": "gateway.envoyproxy.io", "kind": "HTTPRouteFilter"}}
POSITION = {"assignment": {"unit": "User", "header": "x-user-id", "by": "PositionHeader", "positionHeader": "x-p"}}
REGION = {"targeting": {"headers": [{"name": "x-region", "value": "eu"}]}}


def rule(name, *, path="/v2", kind=PREFIX, filters=(), **match):
    """A rule with one match."""
    filtered = {"filters": [*filters]} if filters else {}
    return {
        "name": name,
        "matches": [{"path": {"type": kind, "value": path}, **match}],
        "backendRefs": [V7],
        **filtered,
    }


def asks(**headers):
    """Exact headers of a match; a value that begins with ~ is a regular expression."""
    return {"headers": [_header(name.replace("_", "-"), value) for name, value in headers.items()]}


def _header(name, value):
    kind = {"type": REGEX} if value.startswith("~") else {}
    return {"name": name, "value": value.removeprefix("~"), **kind}


def found(*rules, **changes):
    subject = experiment(routing={"httpRoute": {"name": "ranker", "rule": "main"}}, **changes)
    return find_obstacle(subject, user_route(rules=[*rules]), policies=[])


MAIN = rule("main")
OVERTAKEN = [
    pytest.param([MAIN, rule("other", **DEBUG)], {}, id="a query parameter weighs less than a header"),
    pytest.param([MAIN, rule("other", **asks(x_beta="~.+"))], {}, id="of two equals the older route would win"),
    pytest.param([MAIN, rule("other", **asks(x_beta="1"))], POSITION, id="two headers weigh more than an exact one"),
    pytest.param([MAIN, rule("other", **asks(x_beta="1"))], REGION, id="and so does one with a target"),
    pytest.param([MAIN, rule("other", method="POST")], REGION, id="a method is a header"),
    pytest.param(
        [rule("other", **asks(x_a="1")), rule("main", **asks(x_b="1"))], {}, id="of equals the first wins now"
    ),
    pytest.param([MAIN, rule("other", filters=[COOKIE])], {}, id="a filter may ask for a cookie"),
    pytest.param(
        [rule("main", kind=REGEX, path="/v[12]"), rule("other", kind=REGEX, path="/v2?.*", **DEBUG)],
        {},
        id="expressions of one length may match one path",
    ),
    pytest.param(
        [{"name": "main", "backendRefs": [V7]}, rule("other", path="/", **DEBUG)], {}, id="no match is every path"
    ),
    pytest.param(
        [MAIN, {**rule("other"), "matches": [*rule("other", path="/v3")["matches"], *rule("o", **DEBUG)["matches"]]}],
        {},
        id="by any of its matches",
    ),
]


@pytest.mark.parametrize(("rules", "changes"), OVERTAKEN)
def test_a_rule_that_would_be_overtaken_is_named(rules, changes):
    obstacle = found(*rules, **changes)
    assert obstacle is not None
    assert obstacle.reason == "RuleNotSupported"
    assert "must not overtake rule other" in obstacle.message


def test_the_sentence_says_what_would_happen():
    assert found(MAIN, rule("debug", **DEBUG), **REGION) == Obstacle(
        "RuleNotSupported",
        "the rule of HTTPRoute ranker must not overtake rule debug: both match PathPrefix /v2, and with x-user-id,"
        " x-region, which the experiment asks for in addition, it would be at least as specific",
    )


def test_a_rule_without_a_name_is_told_by_its_place():
    unnamed = {key: value for key, value in rule("", **DEBUG).items() if key != "name"}
    assert "must not overtake rule number 2: " in found(MAIN, unnamed).message


UNTOUCHED = [
    pytest.param([MAIN, rule("other", **asks(x_beta="1"))], {}, id="an exact header weighs more than ours"),
    pytest.param([MAIN, rule("other", method="POST")], {}, id="and so does a method"),
    pytest.param([MAIN, rule("other", path="/v2/debug")], POSITION, id="a longer path"),
    pytest.param([MAIN, rule("other", path="/")], {}, id="a shorter path"),
    pytest.param([MAIN, rule("other", kind="Exact", **DEBUG)], {}, id="another kind of path"),
    pytest.param([MAIN, rule("other", path="/v3", **DEBUG)], {}, id="another path of that length"),
    pytest.param([MAIN, rule("other", **asks(a="1", b="2", c="3"))], POSITION, id="one that stays more specific"),
    pytest.param([rule("main", **DEBUG), rule("other")], {}, id="one that came after it already"),
    pytest.param([rule("main", method="GET"), rule("other", method="POST", **DEBUG)], {}, id="another method"),
    pytest.param(
        [rule("other", **asks(X_Beta="0")), rule("main", **asks(x_beta="1"))], {}, id="another value of one header"
    ),
    pytest.param(
        [
            rule("other", queryParams=[{"name": "q", "value": "0"}]),
            rule("main", queryParams=[{"name": "q", "value": "1"}]),
        ],
        {},
        id="another value of one query parameter",
    ),
]


@pytest.mark.parametrize(("rules", "changes"), UNTOUCHED)
def test_a_rule_that_keeps_its_requests_is_in_nobodys_way(rules, changes):
    assert found(*rules, **changes) is None
