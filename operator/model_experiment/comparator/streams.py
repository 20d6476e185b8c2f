"""Server-sent events joined to the text that they bring piece by piece, as language models answer.

For: the shapes of the common model servers (``_PLACES``). What no event says in one of these is the events' own data,
line by line. The trap: the pieces of two equal answers are cut at different places, so only the joined text compares.
"""

import json
from collections.abc import Iterator
from typing import Any

from model_experiment.comparator.pointers import Steps, find

EVENT_STREAM = "text/event-stream"

_END = "[DONE]"
_PLACES: tuple[Steps, ...] = (
    ("choices", "0", "delta", "content"),  # OpenAI, vLLM: chat
    ("choices", "0", "text"),  # OpenAI, vLLM: completions
    ("token", "text"),  # Text Generation Inference
    ("text_output",),  # Triton, KServe
    ("delta", "text"),  # Anthropic
)


def joined(text: str) -> str:
    """The text that an event stream brings."""
    data = [event for event in _data(text) if event != _END]
    pieces = [piece for event in data if (piece := _piece(event)) is not None]
    return "".join(pieces) if pieces else "\n".join(data)


def _data(text: str) -> Iterator[str]:
    """The data of each event; its lines are joined by line breaks, as the standard says."""
    for event in text.replace("\r\n", "\n").replace("\r", "\n").split("\n\n"):
        lines = [line.removeprefix("data:") for line in event.split("\n") if line.startswith("data:")]
        if lines:
            yield "\n".join(line.removeprefix(" ") for line in lines)


def _piece(data: str) -> str | None:
    try:
        event: Any = json.loads(data)
    except (ValueError, RecursionError):
        return None
    found = (find(event, place) for place in _PLACES)
    return next((piece for piece in found if isinstance(piece, str)), None)
