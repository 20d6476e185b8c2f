"""Objects to try: a minimal good one, changes of it by path, and the good ones in ``tests/data/good_experiments``."""

import copy
import re
from pathlib import Path
from typing import Any

import yaml

GOOD = Path(__file__).parent.parent / "data" / "good_experiments"

MINIMAL = yaml.safe_load((GOOD / "minimal.yaml").read_text())

REMOVED = object()
"""As the new value in a change: the field is left out."""


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of the minimal object with the value at each path, such as ``spec.objectives[0].baseline``, replaced."""
    thing = copy.deepcopy(MINIMAL)
    for path, value in changes.items():
        *way, last = [int(step) if step.isdigit() else step for step in re.findall(r"\w+", path)]
        owner = thing
        for step in way:
            owner = owner[step] if isinstance(step, int) else owner.setdefault(step, {})
        if value is REMOVED:
            del owner[last]
        elif isinstance(last, int) and last == len(owner):
            owner.append(value)
        else:
            owner[last] = value
    return thing


def good_files() -> list[Path]:
    """The table of good objects."""
    return sorted(GOOD.glob("*.yaml"))
