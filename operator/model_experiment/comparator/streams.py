"""Server-sent events joined to the text that they bring piece by piece, as language models answer.

For: the shapes of the common model servers (``_TEXTS``). A tool that is called belongs to the text: its name in a line
of its own, then its arguments. What no event says in one of these shapes is the events' own data, line by line. The
trap: the pieces of two equal answers are cut at different places, so only the joined text compares.
"""

import json
from collections.abc import Iterator
from typing import Any

from model_experiment.comparator.pointers import NOTHING, Steps, find

EVENT_STREAM = "text/event-stream"

_END = "[DONE]"
_TEXTS: tuple[Steps, ...] = (
    ("choices", "0", "delta", "content"),  # OpenAI, vLLM: chat
    ("choices", "0", "text"),  # OpenAI, vLLM: completions
    ("token", "text"),  # Text Generation Inference
    ("text_output",),  # Triton, KServe
    ("delta", "text"),  # Anthropic
    ("delta", "partial_json"),  # Anthropic: the arguments of a tool
    ("function", "arguments"),  # the same in one of _CALLS
)
_NAMES: tuple[Steps, ...] = (("content_block", "name"), ("function", "name"))
_CALLS: Steps = ("choices", "0", "delta", "tool_calls")


def joined(text: str) -> str | None:
    """The text that an event stream brings; None where one of its events is an error."""
    data = [each for each in _data(text) if each != _END]
    events = [_event(each) for each in data]
    if any(map(_is_error, events)):
        return None
    pieces = [piece for event in events for piece in _pieces(event)]
    return "".join(pieces) if pieces else "\n".join(data)


def _data(text: str) -> Iterator[str]:
    """The data of each event; its lines are joined by line breaks, as the standard says."""
    for event in text.replace("\r\n", "\n").replace("\r", "\n").split("\n\n"):
        lines = [line.removeprefix("data:") for line in event.split("\n") if line.startswith("data:")]
        if lines:
            yield "\n".join(line.removeprefix(" ") for line in lines)


def _event(data: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return NOTHING


def _is_error(event: Any) -> bool:
    error = find(event, ("error",))
    return isinstance(error, str | dict) and bool(error)


def _pieces(event: Any) -> Iterator[str]:
    calls = find(event, _CALLS)
    for part in [event, *(calls if isinstance(calls, list) else ())]:
        yield from (f"\n{name}\n" for place in _NAMES if isinstance(name := find(part, place), str))
        yield from (text for place in _TEXTS if isinstance(text := find(part, place), str))
