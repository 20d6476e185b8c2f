"""What is asked again: which mirrored requests may be, and with which headers.

The law is that nothing changes anywhere because of a comparison. GET is asked again always, other methods only where
the spec says that they change nothing. The trap is a loop: what a model asks of others while it answers a copy may be
mirrored as well, so a request that carries ``x-shadow`` is never asked again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from model_experiment.api.shadow import Replay

EXPERIMENT_HEADER = "x-experiment"
SHADOW_HEADER = "x-shadow"
REQUEST_ID_HEADER = "x-request-id"

Headers = tuple[tuple[str, str], ...]

_READABLE = "gzip"
_CONDITIONS = frozenset({"if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range"})
_OF_ONE_CONNECTION = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_NOT_FORWARDED = _CONDITIONS | _OF_ONE_CONNECTION


class LeftOut(StrEnum):
    """Why a mirrored request was never asked again."""

    SHADOW = "Shadow"  # it comes from a comparison itself
    METHOD = "Method"  # it may change something
    PACE = "Pace"  # more than are asked for a second
    BUSY = "Busy"  # as many pairs as may be are under way
    MEMORY = "Memory"  # as many bytes as may be are held
    TOO_LARGE = "TooLarge"
    BROKEN = "Broken"  # its body did not arrive


DROPPED = frozenset({LeftOut.BUSY, LeftOut.MEMORY, LeftOut.TOO_LARGE})
"""Those that should have been compared: they count as not comparable."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A mirrored request, ready to be sent to a model; ``target`` is its path with its query."""

    method: str
    target: str
    headers: Headers
    body: bytes
    request_id: str
    bucket: int


def is_replayed(method: str, target: str, replay: Iterable[Replay]) -> bool:
    """Whether a request may be asked again."""
    path = target.partition("?")[0]
    if not (path.startswith("/") and target.isascii()):
        return False
    return method == "GET" or (
        _is_plain(path) and any(rule.method == method and _begins(path, rule.path) for rule in replay)
    )


def forwarded(headers: Iterable[tuple[str, str]]) -> Headers:
    """The headers that a model gets: those of the user less those of one connection, and ``x-shadow``.

    Conditions stay behind: 304 and a part of an answer are nothing to compare. A model must not answer in an encoding
    that cannot be read here, so what the user accepts is replaced. A value with bytes that are no text cannot be sent.
    """
    given = [(name.lower(), value) for name, value in headers]
    named = {part.strip().lower() for name, value in given if name == "connection" for part in value.split(",")}
    kept = (
        (name, value) for name, value in given if name not in _NOT_FORWARDED and name not in named and _is_text(value)
    )
    readable = ((name, _READABLE if name == "accept-encoding" else value) for name, value in kept)
    return (*readable, (SHADOW_HEADER, "1"))


def _is_plain(path: str) -> bool:
    """Whether a path means the same to every server: nothing in it leads up or stays, however it is written.

    Servers may unquote twice, drop control characters, and take off parameters (``;``) and spaces.
    """
    read = unquote(path).replace("\\", "/")
    if "%" in read or "\ufffd" in read or not read.isprintable():  # U+FFFD: bytes that are no text
        return False
    elements = [element.partition(";")[0].strip() for element in read.split("/")[1:]]
    return not any(element in (".", "..") for element in elements) and "" not in elements[:-1]


def _is_text(value: str) -> bool:
    """Whether there is no byte in it that could not be decoded; such a one stands for itself as half a surrogate."""
    return value.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in value)


def _begins(path: str, prefix: str) -> bool:
    whole = prefix.removesuffix("/")
    return path == whole or path.startswith(f"{whole}/")
