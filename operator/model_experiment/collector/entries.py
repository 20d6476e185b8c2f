"""One entry of Envoy's access log: whose request it was, which variant answered, how, and how long it took.

The route's name says which experiment. The variant is what the route's own filter set on the *response*
(``x-variant``); nothing that a client sends is believed. Where there was no response, because the client gave
up first, the index of the upstream cluster says the same: a challenger that hangs must not hide behind
impatient clients.

The duration is ``common_properties.duration``: from the first byte of the request to the last byte out, or to
the moment the client left. ``time_to_last_downstream_tx_byte`` is the same for complete answers but missing
for aborted ones, which are the slowest.

The trap: an empty upstream cluster means two things. Where the variant has no healthy endpoint (flag
``no_healthy_upstream``) the failure is the variant's own and counts. Where the cluster itself is not there,
or a filter answered before the router, no variant met the user, although ``x-variant`` may be set.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache

from envoy.data.accesslog.v3.accesslog_pb2 import DownstreamEnd, HTTPAccessLogEntry, NotSet

from model_experiment.api.words import By
from model_experiment.assignment import HOLDOUT
from model_experiment.collector.catalogue import Counted, RouteKey

VARIANT_HEADER = "x-variant"
LONGEST_ANSWER_SECONDS = (
    30  # what began earlier may have begun under another split, and says nothing of the present one
)
LONGEST_USER = 256  # characters; a database that stores every user once must not store megabytes for one

_FINISHED = (NotSet, DownstreamEnd)  # the other types report on a request that is still under way
_ROUTE_PARTS = 5  # httproute, namespace, route, rule, number
_KEY_PARTS = 2
_ISTIO = "virtualservice"
_ISTIO_CLUSTER = "outbound|"


class Unattributed(StrEnum):
    """Why an entry of an experiment's route counts for no variant."""

    MALFORMED = "Malformed"
    NO_UPSTREAM_CLUSTER = "NoUpstreamCluster"
    NO_USER = "NoUser"
    UNUSABLE_USER = "UnusableUser"
    UNKNOWN_VARIANT = "UnknownVariant"


@dataclass(frozen=True)
class Request:
    """A request that a variant answered, or failed to."""

    counted: Counted
    variant: str
    user: str
    code: int
    """The response code; 0 where the client left before there was one."""
    nanoseconds: int
    started: float
    """Seconds since 1970 by Envoy's clock; 0 where the entry has none."""
    sent: str = ""
    """The position header, where the experiment has one and the access log carries it."""

    @cached_property
    def is_as_assigned(self) -> bool:
        """Whether Envoy chose the variant that the assignment in the status predicts; nothing is wrong if none is.

        Worked out once, because whoever counts a request asks again.
        """
        return self.counted.expected(self.user, self.sent) in (None, self.variant)

    @property
    def is_misassigned(self) -> bool:
        """Whether it says that the present split is not what Envoy has: a long answer may have begun under another."""
        return not self.is_as_assigned and self.nanoseconds < LONGEST_ANSWER_SECONDS * 1_000_000_000


def read_entry(entry: HTTPAccessLogEntry, routes: Mapping[RouteKey, Counted]) -> Request | Unattributed | None:
    """What an entry means; None where it is no business of any experiment, or its user is held out."""
    common, counted = entry.common_properties, _of_route(entry, routes)
    if counted is None:
        return None
    if not common.upstream_cluster and not common.response_flags.no_healthy_upstream:
        return Unattributed.NO_UPSTREAM_CLUSTER
    user = entry.request.request_headers.get(counted.header, "")
    if not user:
        return Unattributed.NO_USER
    if not is_usable(user):
        return Unattributed.UNUSABLE_USER
    sent = entry.request.request_headers.get(counted.position_header, "")
    variant = _variant(entry, counted, user=user, sent=sent)
    if variant == HOLDOUT:
        return None
    if variant is None:
        return Unattributed.UNKNOWN_VARIANT
    return Request(
        counted=counted,
        variant=variant,
        user=user,
        code=entry.response.response_code.value,
        nanoseconds=common.duration.seconds * 1_000_000_000 + common.duration.nanos,
        started=common.start_time.seconds + common.start_time.nanos / 1e9,
        sent=sent,
    )


@dataclass(frozen=True, slots=True)
class Bypass:
    """A request of a user who should have met an experiment, served by the user's own route."""

    counted: Counted
    user: str


def read_bypass(entry: HTTPAccessLogEntry, user_routes: Mapping[RouteKey, Counted]) -> Bypass | None:
    """Whether an entry of a user's route belonged to an experiment; while that is not open, all of them do.

    A long answer says nothing: it may have begun before the experiment's route stood.
    """
    counted = _of_route(entry, user_routes)
    if counted is None or entry.common_properties.duration.seconds >= LONGEST_ANSWER_SECONDS:
        return None
    user = entry.request.request_headers.get(counted.header, "")
    return Bypass(counted, user) if is_usable(user) else None


def is_usable(user: str) -> bool:
    """Whether a user can be stored: 1 to 256 characters, none of them NUL, which PostgreSQL cannot hold."""
    return 0 < len(user) <= LONGEST_USER and "\0" not in user


def _of_route(entry: HTTPAccessLogEntry, routes: Mapping[RouteKey, Counted]) -> Counted | None:
    """The experiment of an entry's route; None also for a request that is still under way."""
    common = entry.common_properties
    counted = next((routes[key] for key in _route_keys(common.route_name) if key in routes), None)
    is_over = common.access_log_type in _FINISHED and not common.intermediate_log_entry
    return counted if is_over else None


@lru_cache(maxsize=4096)  # a gateway has few routes and many requests
def _route_keys(route_name: str) -> Sequence[RouteKey]:
    """Namespace and route in the name that a gateway gives to a route; no key of ours for other names.

    Envoy Gateway: ``httproute/<namespace>/<route>/rule/<number>/...``, a route of ours or a rule of one that is shared.
    Istio: ``[<the user's rule>-]virtualservice/<namespace>/<route>``, read from its end, because the user's rule may
    have any name; made from an HTTPRoute ``<namespace>.<route>.<rule>``.
    """
    parts = route_name.split("/", _ROUTE_PARTS)
    if len(parts) >= _ROUTE_PARTS and parts[0] == "httproute":
        return (parts[1], parts[2]), (parts[1], "/".join(parts[2:5]))
    kind, *key = route_name.rsplit("/", 2)
    if len(key) == _KEY_PARTS and (kind == _ISTIO or kind.endswith(f"-{_ISTIO}")):
        return ((key[0], key[1]),)
    namespace, _, rest = route_name.partition(".")
    route, _, rule = rest.rpartition(".")
    return ((namespace, route),) if rule.isdigit() else ()


def _variant(entry: HTTPAccessLogEntry, counted: Counted, *, user: str, sent: str) -> str | None:
    header = entry.response.response_headers.get(VARIANT_HEADER, "")
    if header:
        return header if header in counted.variants else None
    cluster = entry.common_properties.upstream_cluster
    if cluster.startswith(_ISTIO_CLUSTER):
        variant = _variant_of_service(cluster, counted)
        is_held_out = variant is not None and variant == counted.champion and counted.expected(user, sent) == HOLDOUT
        return HOLDOUT if is_held_out else variant  # both meet the champion's Service
    return _variant_of_place(cluster, counted)


def _variant_of_service(cluster: str, counted: Counted) -> str | None:
    """The variant of a Service, as Istio names its cluster: ``outbound|<port>||<service>.<namespace>.svc...``."""
    return dict(counted.services).get(cluster.rpartition("|")[2].partition(".")[0])


def _variant_of_place(cluster: str, counted: Counted) -> str | None:
    """The variant at a place of the own route: ``httproute/<namespace>/<route>/rule/<i>[/backend/<j>]``.

    A split rule is the only one and has a backend for each share; otherwise each share has a rule of its own.
    """
    if not cluster.startswith("httproute/{}/{}/".format(*counted.route)):
        return None
    rule, _, backend = cluster.partition("/rule/")[2].partition("/backend/")
    place = backend if counted.by is By.HASH else rule
    shares = enumerate(counted.assignment.shares)
    return next((share.variant for number, share in shares if place == str(number)), None)
