"""What Istio's proxies have of our delegate: pushed as written, taken or refused. A port, and its pure reading.

VirtualServices have no status. Whoever knows what istiod pushed to each gateway can say whether a write has arrived;
without that knowledge a write counts as settled once istiod's longest wait is over.

The traps: right after a write everything that was *sent* is still *acknowledged*, because it is the previous push. So
the content is looked at, not the time or the number of a push: what istiod made for a proxy must show our weights, and
a moment later that proxy must have taken everything. Refused routes keep the old split of the whole port.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from model_experiment.decision.observation import Experiment
from model_experiment.decision.route import ROUTE_REFUSED, Obstacle, together
from model_experiment.objects import Manifest
from model_experiment.routing.mirroring import is_hashed
from model_experiment.routing.own_virtual_service import is_open, rule_name

_WEIGHTS = 1 << 32  # a weight below 0 that somebody wrote arrives as this much more
_ANY_OWN_ROUTE = re.compile(r"(^|-)virtualservice/[^/]+/[^/]+-mexp$")


@dataclass(frozen=True, slots=True)
class Proxy:
    """One gateway's proxy: the Envoy routes of experiments that istiod last made for it, and what it said to them.

    ``confirmed`` means that an earlier look found the same routes, so that what is acknowledged or refused is theirs.
    """

    name: str
    labels: Mapping[str, str]
    routes: tuple[Manifest, ...]
    confirmed: bool
    acknowledged: bool
    refusal: str = ""


class MeshState(Protocol):
    """What istiod knows of its proxies."""

    def proxies(self) -> tuple[Proxy, ...] | None:
        """As they were at the last look; None where istiod did not answer."""
        ...

    def look(self, selector: Mapping[str, str]) -> None:
        """Looks again soon, without anybody waiting, at the proxies with these labels."""
        ...


def is_own_route(route: Manifest) -> bool:
    """Whether an Envoy route belongs to an experiment, by its name."""
    return bool(_ANY_OWN_ROUTE.search(route.get("name", "")))


def selected(proxies: Sequence[Proxy], selector: Mapping[str, str]) -> list[Proxy]:
    """The proxies that a Gateway means."""
    return [proxy for proxy in proxies if selector.items() <= proxy.labels.items()]


def mesh_says(
    experiment: Experiment, own: Manifest, proxies: Sequence[Proxy], *, is_late: bool
) -> tuple[bool, Obstacle | None]:
    """Whether every proxy has processed the delegate as it stands, and what is wrong if anything.

    ``is_late`` means that istiod's longest wait is over since the write. Then a route that is missing is the same as a
    parked one, and an open route that is missing or different is a fault. While nobody tells of a proxy, an open route
    stays as it is, because istiod may only be starting again, and a parked one is not opened.
    """
    if not proxies:
        is_blind = is_late and not is_open(own, experiment)
        return is_blind, MESH_UNKNOWN if is_blind else None
    sayings = [_proxy_says(experiment, own, proxy, is_late=is_late) for proxy in proxies]
    return all(settled for settled, _ in sayings), together(problem for _, problem in sayings)


MESH_UNKNOWN = Obstacle("MeshUnknown", "istiod must tell what its gateway took, found no proxy of it")


def _proxy_says(experiment: Experiment, own: Manifest, proxy: Proxy, *, is_late: bool) -> tuple[bool, Obstacle | None]:
    routes = _routes_of(experiment, proxy)
    fault = _fault(experiment, own, routes) if routes else "it has no such route"
    if is_late and not routes and not is_open(own, experiment):
        return True, None
    if fault:
        message = f"{proxy.name} must serve the experiment's route as written, found: {fault}"
        return is_late, Obstacle("RouteNotEffective", message) if is_late else None
    if not proxy.confirmed:
        return False, None
    if proxy.refusal:
        message = f"{proxy.name} must take its routes, found that it keeps the old ones: {proxy.refusal}"
        return True, Obstacle(ROUTE_REFUSED, message)
    return proxy.acknowledged, None


def _routes_of(experiment: Experiment, proxy: Proxy) -> list[Manifest]:
    ours = rule_name(experiment.namespace, experiment.route_name)
    return [route for route in proxy.routes if route["name"] == ours or route["name"].endswith(f"-{ours}")]


def _fault(experiment: Experiment, own: Manifest, routes: Sequence[Manifest]) -> str:
    """How Envoy's routes differ from the delegate; empty where they do what it says: each is one of its rules."""
    rules = own["spec"].get("http") or [{}]
    differences = [[_difference(experiment, rule, route) for rule in rules] for route in routes]
    wrong = [of_route[0] for of_route in differences if all(of_route)]
    if wrong:
        return wrong[0]
    missing = [rule for place, rule in enumerate(rules) if all(of_route[place] for of_route in differences)]
    return f"it lacks {len(missing)} of {len(rules)} rules" if missing else ""


def _difference(experiment: Experiment, rule: Manifest, route: Manifest) -> str:
    """How an Envoy route differs from a rule of the delegate."""
    entries = rule.get("route", [])
    clusters = route["route"].get("weightedClusters", {})
    if is_hashed(experiment):
        wanted = [_weighed(entry["destination"]["host"], entry) for entry in entries if entry.get("weight")]
        found = [_weighed(each["name"], each) for each in clusters.get("clusters", [])]
    else:
        wanted = [(entry["destination"]["host"], 0) for entry in entries]
        found = [_weighed(route["route"].get("cluster", ""), {})]
    if [weight for _, weight in found] != [weight for _, weight in wanted] or not all(
        f"{host}.".startswith(f"{short}.") for (host, _), (short, _) in zip(found, wanted, strict=True)
    ):
        return f"it splits {found}"
    asked = {
        entry["name"]: entry["stringMatch"] for entry in route["match"].get("headers", []) if "stringMatch" in entry
    }
    matches = [match.get("headers", {}) for match in rule.get("match", [])]
    if not any(all(_asks(asked.get(name, {}), value) for name, value in headers.items()) for headers in matches):
        return f"it asks for {asked}"
    header = experiment.spec.assignment.header
    hashed = [each.get("header", {}).get("headerName") for each in route["route"].get("hashPolicy", [])]
    if is_hashed(experiment) and (not clusters.get("useHashPolicy") or hashed != [header]):
        return f"it splits at random, not by {header}; the EnvoyFilter must be where the gateway's pods are"
    return _unmirrored(rule, route) if experiment.spec.is_shadow else ""


def _unmirrored(rule: Manifest, route: Manifest) -> str:
    """The comparator, whose mirror is the last of a rule's, where Envoy has no such mirror."""
    wanted = [each["destination"]["host"] for each in rule.get("mirrors", [])][-1:]
    found = [each["cluster"].rpartition("|")[2] for each in route["route"].get("requestMirrorPolicies", [])]
    return "" if {*wanted} <= {*found} else f"it mirrors to {found}"


def _weighed(name: str, entry: Manifest) -> tuple[str, int]:
    """Host and weight of a destination, or of the cluster that Istio makes of it."""
    return name.rpartition("|")[2], entry.get("weight", 0) % _WEIGHTS


def _asks(found: Manifest, wanted: Manifest) -> bool:
    """Whether Envoy asks for the value of a header that a match of the delegate asks for."""
    if "regex" in wanted:
        return bool(found.get("safeRegex", {}).get("regex") == wanted["regex"])
    return bool(found.get("exact") == wanted.get("exact"))
