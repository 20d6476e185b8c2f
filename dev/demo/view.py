"""A scene as a person sees it: a panel for a terminal, lines for everything else. Pure."""

import textwrap
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from demo.scene import Fact, Scene, event_fact, facts, traffic

_SHOWN_EVENTS = 4
_WIDTH = 110
_TOPIC = 20
_STYLES = (
    (("Breached", "Worse", "Rollback", "Invalid", "Failed", "Warning"), "bold red"),
    (("Better", "Promote", "KeepChampion", "Passed", "Holding"), "green"),
    (("Undecided", "Waiting", "NotEstimable", "Hold ", "Inconclusive"), "yellow"),
)


def line(fact: Fact, *, seconds: float) -> str:
    """One fact on one line; ``seconds`` is when it became known."""
    return f"{seconds:7.1f} s  {fact.topic:<{_TOPIC}} {fact.text}"


def paragraph(fact: Fact) -> str:
    """One fact to be read at leisure, in as many lines as it takes."""
    return textwrap.fill(fact.text, _WIDTH, initial_indent=f"  {fact.topic:<16}", subsequent_indent=" " * 18)


def panel(scene: Scene, *, title: str, seconds: float) -> RenderableType:
    """Everything at one moment, in a frame; it needs some 20 rows and 100 columns to look well."""
    shown = (*facts(scene), traffic(scene))
    order = sorted(shown, key=lambda fact: fact.topic == "decision")
    body = Group(_table(order), Text(), _table(event_fact(event) for event in scene.events[-_SHOWN_EVENTS:]))
    return Panel(body, title=title, subtitle=f"{seconds:.0f} s, not for production", title_align="left")


def _table(shown: Iterable[Fact]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True, min_width=_TOPIC)
    table.add_column(overflow="fold")
    for fact in shown:
        table.add_row(fact.topic, Text(fact.text, style=_style(fact.text)))
    return table


def _style(text: str) -> str:
    return next((style for words, style in _STYLES if text.startswith(words)), "")
