"""A scene as a person sees it: a panel for a terminal, lines for everything else. Pure."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from demo.numbers import Numbers
from demo.scene import Fact, Scene, facts

_SHOWN_EVENTS = 4
_STYLES = (
    (("Breached", "Worse", "Rollback", "Invalid", "Failed", "Warning"), "bold red"),
    (("Better", "Promote", "KeepChampion", "Passed", "Holding"), "green"),
    (("Undecided", "Waiting", "NotEstimable", "Hold ", "Inconclusive"), "yellow"),
)


def line(fact: Fact, *, seconds: float | None = None) -> str:
    """One fact on one line; ``seconds`` is when it became known."""
    when = f"{seconds:7.1f} s  " if seconds is not None else "  "
    return f"{when}{fact.topic:<20} {fact.text}"


def traffic(numbers: Numbers) -> Fact:
    """What the users see now, in one sentence."""
    moved = numbers.moved_before(None)
    return Fact(
        "traffic",
        None,
        f"{numbers.per_second:.0f} requests/s, {numbers.requests} so far of {numbers.users} users;"
        f" {numbers.gateway_errors} gateway errors, {moved} users met two variants",
    )


def panel(scene: Scene, *, title: str, seconds: float) -> RenderableType:
    """Everything at one moment, in a frame; it needs some 20 rows and 100 columns to look well."""
    shown = (*facts(scene), traffic(scene.numbers))
    order = sorted(shown, key=lambda fact: fact.topic == "decision")
    body = Group(_table(order), Text(), _table(_last_events(scene)))
    return Panel(body, title=title, subtitle=f"{seconds:.0f} s, not for production", title_align="left")


def _last_events(scene: Scene) -> Iterable[Fact]:
    return (Fact("event", None, f"{one.type} {one.reason}: {one.message}") for one in scene.events[-_SHOWN_EVENTS:])


def _table(shown: Iterable[Fact]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for fact in shown:
        table.add_row(fact.topic, Text(fact.text, style=_style(fact.text)))
    return table


def _style(text: str) -> str:
    return next((style for words, style in _STYLES if text.startswith(words)), "")
