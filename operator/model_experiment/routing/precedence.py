"""Which rule of a route serves a request that several of them match: the order of Envoy Gateway. Pure.

For: an own route asks for more headers than the user's rule, and must not overtake a rule that came before that one.
Not for: the rules of other routes, which nobody can list. The traps: to Envoy Gateway a method is a header with an
exact value, and a cookie, which another object asks for, weighs more than a query parameter. Among equals of one route
the first rule wins, but among equals of two routes the older route, so an equal of the own route is not safe.
"""

from collections.abc import Iterator, Sequence

from model_experiment.objects import Manifest

EVERY_PATH: Manifest = {"path": {"type": "PathPrefix", "value": "/"}}


def matches_of(rule: Manifest) -> list[Manifest]:
    """What a rule matches; without a word about it everything."""
    return rule.get("matches") or [EVERY_PATH]


def overtaken(rules: Sequence[Manifest], place: int, wanted: Sequence[Manifest]) -> tuple[int, Manifest] | None:
    """A rule that serves requests which the rule in a place would take from it, and one of its matches.

    ``wanted`` is what that rule would match then: its matches in their order, each with more headers.
    """
    rule = rules[place]
    mine = [(now, _rank(rule, now), _rank(rule, then)) for now, then in zip(matches_of(rule), wanted, strict=True)]
    for other, match in _matches_of_others(rules, place):
        rank = _rank(rules[other], match)
        for now, before, after in mine:
            came_first = (rank, -other) > (before, -place)
            if came_first and rank <= after and _may_meet(match, now):
                return other, match
    return None


def _matches_of_others(rules: Sequence[Manifest], place: int) -> Iterator[tuple[int, Manifest]]:
    for other, rule in enumerate(rules):
        if other != place:
            yield from ((other, match) for match in matches_of(rule))


def _rank(rule: Manifest, match: Manifest) -> tuple[int, ...]:
    """How specific a match is among those of the same path; Envoy Gateway's ``sort.go``."""
    exact = {
        key: [entry.get("type", "Exact") == "Exact" for entry in match.get(key, [])]
        for key in ("headers", "queryParams")
    }
    headers, queries = [*exact["headers"], *([True] if "method" in match else [])], exact["queryParams"]
    return len(headers), sum(headers), _may_ask_for_cookies(rule), len(queries), sum(queries)


def _may_ask_for_cookies(rule: Manifest) -> bool:
    return any(each.get("extensionRef", {}).get("kind") == "HTTPRouteFilter" for each in rule.get("filters", []))


def _may_meet(one: Manifest, other: Manifest) -> bool:
    """Whether paths rank alike and some request can match both: no exact value of the one differs from the other's."""
    paths, values = [_path(one), _path(other)], [_exact_values(one), _exact_values(other)]
    expressions = all(kind == "RegularExpression" for kind, _ in paths) and len({len(text) for _, text in paths}) == 1
    shared = values[0].keys() & values[1].keys()
    return (paths[0] == paths[1] or expressions) and all(values[0][key] == values[1][key] for key in shared)


def _path(match: Manifest) -> tuple[str, str]:
    path = match.get("path", {})
    return path.get("type", "PathPrefix"), path.get("value", "/")


def _exact_values(match: Manifest) -> dict[tuple[str, str], str]:
    values = {("method", ""): match["method"]} if "method" in match else {}
    for key in ("headers", "queryParams"):
        for entry in match.get(key, []):
            if entry.get("type", "Exact") == "Exact":
                values[key, entry["name"].lower() if key == "headers" else entry["name"]] = entry["value"]
    return values
