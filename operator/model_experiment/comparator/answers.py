"""What a model answered, and reading it: from bytes to a value that can be compared, or to the reason why not.

For: JSON, event streams, plain text, gzip. Pure: how the bytes came here is not asked. The trap: an answer of a few
bytes can unpack to gigabytes, so unpacking stops at a limit; and JSON may be nested deeper than Python can follow, so
reading stops at ``MOST_LEVELS``.
"""

import gzip
import json
import zlib
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from typing import Any

from model_experiment.comparator.pointers import NOTHING
from model_experiment.comparator.streams import EVENT_STREAM, joined

MOST_LEVELS = 100


class Reason(StrEnum):
    """Why a pair is not comparable; where there are several, the first of these is named."""

    DROPPED = "Dropped"  # this process was too busy, or had too much in memory
    TIMEOUT = "Timeout"
    CONNECTION = "Connection"  # refused, reset, or cut in the middle
    TOO_LARGE = "TooLarge"
    ERROR_STATUS = "ErrorStatus"
    NOT_JSON = "NotJson"  # it says that it is
    UNREADABLE = "Unreadable"  # an unknown encoding, bytes that are no text, nesting without end
    EMPTY = "Empty"
    MISSING = "Missing"  # no declared output is in either answer


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    seconds: float
    content_type: str = ""
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Nothing came back, after so long, or not all of it."""

    reason: Reason
    seconds: float


@dataclass(frozen=True, slots=True)
class Unreadable:
    """There is no value in the body."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer that can be compared: its status, and the value of its body."""

    status: int
    value: Any


def read(answer: Answer, *, most_bytes: int) -> Reading:
    """Reads an answer; what cannot be read stands as Unreadable in place of the value. Never raises."""
    return Reading(answer.status, _value(answer, most_bytes=most_bytes))


def _value(answer: Answer, *, most_bytes: int) -> Any:
    body = _unpacked(answer.body, answer.encoding, most_bytes=most_bytes)
    if isinstance(body, Unreadable):
        return body
    media, _, parameters = answer.content_type.lower().partition(";")
    text = _text(body, parameters)
    if text is None:
        return Unreadable(Reason.UNREADABLE)
    if not text.strip():
        return NOTHING
    return _parsed(text, media.strip())


def _parsed(text: str, media: str) -> Any:
    """The value of a text: what is no JSON and does not say that it is, is the text itself."""
    if media == EVENT_STREAM:
        return _streamed(text)
    try:
        value = json.loads(text)
    except RecursionError:
        return Unreadable(Reason.UNREADABLE)
    except ValueError:
        is_json = media == "application/json" or media.endswith("+json")
        return Unreadable(Reason.NOT_JSON) if is_json else text
    return Unreadable(Reason.UNREADABLE) if _is_too_deep(value, text) else value


def _streamed(text: str) -> Any:
    """The text of an event stream, which has a status of success even where it breaks in the middle."""
    whole = joined(text)
    if whole is None:
        return Unreadable(Reason.ERROR_STATUS)
    return {"text": whole} if whole.strip() else NOTHING


def _is_too_deep(value: Any, text: str) -> bool:
    if text.count("[") + text.count("{") <= MOST_LEVELS:  # as good as always
        return False
    level = [value]
    for _ in range(MOST_LEVELS):
        inside = (part.values() if isinstance(part, dict) else part for part in level)
        level = [part for parts in inside for part in parts if isinstance(part, dict | list)]
        if not level:
            return False
    return True


def _unpacked(body: bytes, encoding: str, *, most_bytes: int) -> bytes | Unreadable:
    try:
        match encoding.lower().strip():
            case "" | "identity":
                return body
            case "gzip" | "x-gzip":
                unpacked = gzip.GzipFile(fileobj=BytesIO(body)).read(most_bytes + 1)
            case "deflate":
                unpacked = _inflated(body, most_bytes=most_bytes + 1)
            case _:
                return Unreadable(Reason.UNREADABLE)
    except (OSError, EOFError, zlib.error):
        return Unreadable(Reason.UNREADABLE)
    return unpacked if len(unpacked) <= most_bytes else Unreadable(Reason.TOO_LARGE)


def _inflated(body: bytes, *, most_bytes: int) -> bytes:
    stream = zlib.decompressobj()
    unpacked = stream.decompress(body, most_bytes)
    if body and not stream.eof and len(unpacked) < most_bytes:
        raise EOFError("a body must not end before its stream does")
    return unpacked


def _text(body: bytes, parameters: str) -> str | None:
    charset = parameters.partition("charset=")[2].partition(";")[0].strip(' "') or "utf-8"
    try:
        return body.decode(charset if charset in ("latin-1", "iso-8859-1", "us-ascii") else "utf-8-sig")
    except UnicodeDecodeError:
        return None
