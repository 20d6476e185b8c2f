"""Shadow experiments that must be refused, in the form of ``bad_objects``: changes of an object by path."""

from typing import Any

from api import bad_objects
from api.bad_objects import PURCHASE, step
from api.objects import REMOVED

SHADOW = "spec.shadow"
OUTPUT = "spec.shadow.outputs[0]"
POINTER = 'must be a JSON pointer such as "/predictions/0/label", or "" for the whole answer'
PATTERN = 'must be a JSON pointer such as "/items/*/time", where * is every item or field'
PREFIX = 'must be a path without "." and ".." such as "/v2/models"'
WITHIN = 'must be a distance such as "0.1", or a share such as "2%"'
ONE_OF = "must have exactly one of exact, number, label, topK, set, text"


def bad(sentence: str, changes: dict[str, Any], says: str, **others: str) -> Any:
    """As in ``bad_objects``, of an object that is a shadow experiment where the changes do not say otherwise."""
    return bad_objects.bad(
        sentence, changes | {"spec.strategy": "Shadow", "spec.objectives": REMOVED} | changes, says, **others
    )


def output(**fields):
    return {f"{SHADOW}.outputs": [{"name": "price"} | fields]}


def replay(**fields):
    return {f"{SHADOW}.replay": [{"method": "POST", "path": "/v2"} | fields]}


BAD_SHADOWS = (
    bad("answers compared where users are split",
        {SHADOW: {}, "spec.strategy": "ABTest", "spec.objectives": [PURCHASE]},
        "must be absent where strategy is not Shadow, found it beside ABTest"),
    bad("an objective that no user can reach", {"spec.objectives": [PURCHASE]},
        'must be absent where strategy is Shadow: it asks whether answers are alike, not which are better,'
        ' found "purchase"'),
    bad("a ramp where nobody meets the challenger", {"spec.ramp": [step(10)]},
        "must be absent where strategy is Shadow: users meet the champion alone, found steps"),
    bad("users held out of what nobody enters", {"spec.targeting.holdoutPercent": 5},
        "must be 0 where strategy is Shadow: users meet the champion alone, found more"),
    bad("a mirror in a route that is not ours", {"spec.routing.ownership": "Shared"},
        "must be Operator where strategy is Shadow: nothing but weights is written into your route, found Shared"),
    bad("a model that the comparator cannot ask",
        {"spec.champion.backendRef": {"group": "serving.kserve.io", "kind": "InferenceService", "name": "ranker-v7"}},
        "must not be Shadow unless each backend is a Service, which the comparator can ask, found another kind",
        path="spec.strategy"),
    bad("nothing mirrored", {f"{SHADOW}.percent": 0}, "must be a whole number from 1 to 100, found 0",
        server_says="should be greater than or equal to 1"),
    bad("more than all repeated", {f"{SHADOW}.repeatChampion": 101}, "must be a whole number from 0 to 100, found 101",
        server_says="should be less than or equal to 100"),
    bad("a timeout of nothing", {f"{SHADOW}.timeout": "0s"}, "must be a positive duration such as 30s"),
    bad("a timeout that holds memory for long", {f"{SHADOW}.timeout": "5m1ms"}, 'must be at most 5m, found "5m1ms"'),
    bad("a champion who is cut off sooner", {f"{SHADOW}.timeout": "5s1ms"},
        "must not be shorter than timeout, or the champion would be cut off where a challenger is not,"
        ' found "5s" and "5s1ms"', path=f"{SHADOW}.championTimeout"),
    bad("a champion's timeout that holds memory for long", {f"{SHADOW}.championTimeout": "1h"},
        'must be at most 5m, found "1h"'),
    bad("a divergence that nothing can pass", {f"{SHADOW}.maximumDivergence": "100%"},
        'must be a percentage above 0% and below 100%, such as "5%", found "100%"'),
    bad("no pairs", {f"{SHADOW}.minimumPairs": 0}, "must be a whole number from 1 to 10000000, found 0",
        server_says="should be greater than or equal to 1"),
    bad("an output without a comparison", output(), f"{ONE_OF}, found none", path=OUTPUT),
    bad("an output that is compared in two ways", output(exact={}, label={}), f"{ONE_OF}, found several", path=OUTPUT),
    bad("two outputs of one name", {f"{SHADOW}.outputs": [{"name": "a", "exact": {}}, {"name": "a", "set": {}}]},
        'must have a name of its own, found "a" twice', path=f"{SHADOW}.outputs[1]",
        server_says='Duplicate value: {"name":"a"}'),
    bad("a path with dots", output(exact={}, path="predictions.0"), f'{POINTER}, found "predictions.0"',
        path=f"{OUTPUT}.path"),
    bad("a path to many places", output(exact={}, path="/items/*"), f'{POINTER}, found "/items/*"',
        path=f"{OUTPUT}.path"),
    bad("a path with a lone tilde", output(exact={}, path="/a~b"), f'{POINTER}, found "/a~b"', path=f"{OUTPUT}.path"),
    bad("a tolerance in words", output(number={"within": "near"}), f'{WITHIN}, found "near"',
        path=f"{OUTPUT}.number.within"),
    bad("a tolerance with a sign", output(number={"within": "-1"}), f'{WITHIN}, found "-1"',
        path=f"{OUTPUT}.number.within"),
    bad("a tolerance as a number", output(number={"within": 0.1}), f"{WITHIN}, found 0.1",
        path=f"{OUTPUT}.number.within", server_says='must be of type string: "number"'),
    bad("no classes", output(topK={"k": 0}), "must be a whole number from 1 to 1000, found 0", path=f"{OUTPUT}.topK.k",
        server_says="should be greater than or equal to 1"),
    bad("a number of classes that is not given", output(topK={}), "must be given, found none", path=f"{OUTPUT}.topK.k",
        server_says="Required value"),
    bad("a similarity that nobody knows", output(text={"similarity": "Meaning"}),
        'must be Edit or Overlap, found "Meaning"', path=f"{OUTPUT}.text.similarity",
        server_says='Unsupported value: "Meaning"'),
    bad("a similarity that all texts have", output(text={"minimum": "0%"}),
        'must be a percentage above 0% and at most 100%, such as "90%", found "0%"', path=f"{OUTPUT}.text.minimum"),
    bad("the whole answer ignored", {f"{SHADOW}.ignore": [""]}, f'{PATTERN}, found ""', path=f"{SHADOW}.ignore[0]"),
    bad("a star inside of a name", {f"{SHADOW}.ignore": ["/a*"]}, f'{PATTERN}, found "/a*"',
        path=f"{SHADOW}.ignore[0]"),
    bad("a method that is always replayed", replay(method="GET"),
        'must be DELETE, PATCH, POST or PUT, found "GET"', path=f"{SHADOW}.replay[0].method",
        server_says='Unsupported value: "GET"'),
    bad("a replay without a path", {f"{SHADOW}.replay": [{"method": "POST"}]}, "must be given, found none",
        path=f"{SHADOW}.replay[0].path", server_says="Required value"),
    bad("a path that goes up", replay(path="/v2/../admin"), f'{PREFIX}, found "/v2/../admin"',
        path=f"{SHADOW}.replay[0].path"),
    bad("a path that stays where it is", replay(path="/v2/."), f'{PREFIX}, found "/v2/."',
        path=f"{SHADOW}.replay[0].path"),
    bad("a path with an empty element", replay(path="/v2//models"), f'{PREFIX}, found "/v2//models"',
        path=f"{SHADOW}.replay[0].path"),
    bad("a path with a query", replay(path="/v2?a=b"), f'{PREFIX}, found "/v2?a=b"', path=f"{SHADOW}.replay[0].path"),
    bad("a boolean for bodies", {f"{SHADOW}.evidence.bodies": True}, "must be Omit or Keep, found true",
        server_says='must be of type string: "boolean"'),
    bad("more evidence than can be read", {f"{SHADOW}.evidence.keep": 1001},
        "must be a whole number from 0 to 1000, found 1001", server_says="should be less than or equal to 1000"),
    bad("a pointer to redact without its slash", {f"{SHADOW}.evidence.redact": ["user"]}, f'{PATTERN}, found "user"',
        path=f"{SHADOW}.evidence.redact[0]"),
)  # fmt: skip
