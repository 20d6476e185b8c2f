"""What appears on the terminal: a live panel where there is one, else one line a change.

The trap: the panel is drawn by whoever calls ``update``, in the main thread; a thread of its own would be no help,
because the world is asked in between.
"""

import os
import sys
import time
from collections.abc import Iterable
from typing import Protocol

from rich.console import Console
from rich.live import Live

from demo import scene, view
from demo.scene import Fact, Scene


class Show(Protocol):
    """Where progress and scenes go."""

    def say(self, text: str) -> None:
        """Something that happened, in a line."""
        ...

    def update(self, now: Scene) -> None:
        """The experiment as it stands."""
        ...

    def close(self) -> None:
        """No more scenes will come."""
        ...


class PlainShow:
    """Lines, each said once."""

    def __init__(self) -> None:
        self._before = Scene()
        self._began: float | None = None

    def say(self, text: str) -> None:
        """Prints it."""
        print(text, flush=True)

    def update(self, now: Scene) -> None:
        """Prints what is new, with the seconds since the first scene."""
        self._began = self._began or time.monotonic()
        seconds = time.monotonic() - self._began
        for fact in scene.news(self._before, now):
            print(view.line(fact, seconds=seconds), flush=True)
        self._before = now

    def close(self) -> None:
        """Has nothing to end."""


class LiveShow:
    """A panel that is drawn anew at each scene, and stays at the end as it was last."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._began: float | None = None
        self._live = Live(console=Console(), auto_refresh=False)

    def say(self, text: str) -> None:
        """Prints it, above the panel if there is one."""
        self._live.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def update(self, now: Scene) -> None:
        """Draws it."""
        if self._began is None:
            self._began = time.monotonic()
            self._live.start()
        seconds = time.monotonic() - self._began
        self._live.update(view.panel(now, title=self._title, seconds=seconds), refresh=True)

    def close(self) -> None:
        """Leaves the last panel on the terminal."""
        self._live.stop()


def choose_show(title: str) -> Show:
    """The live panel on a terminal that may have colours, else lines."""
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        return LiveShow(title)
    return PlainShow()


def say_facts(show: Show, title: str, told: Iterable[Fact]) -> None:
    """A title and facts below it."""
    show.say(f"\n{title}")
    for fact in told:
        show.say(view.paragraph(fact))
