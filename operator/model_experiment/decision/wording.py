"""Numbers as people read them; every text in status and events goes through here."""

from collections.abc import Sequence
from datetime import UTC, datetime

from model_experiment.statistics.effects.effect import Interval

_SMALLEST_P = 1e-16


def signed_percent(value: float) -> str:
    """A relative change: +6.1%."""
    return f"{value * 100:+.1f}%"


def percent(value: float) -> str:
    """A share: 1.02%."""
    return f"{value * 100:.2f}%"


def per_user(value: float) -> str:
    """A value per user: 0.2013."""
    return f"{value:.4f}"


def interval(limits: Interval) -> str:
    """The limits of a relative change: [-2.0%, +14.9%]."""
    return f"[{signed_percent(limits.low)}, {signed_percent(limits.high)}]"


def p_value(value: float) -> str:
    """A p-value, never shown as 0."""
    return f"{value:.3g}" if value >= _SMALLEST_P else "< 1e-16"


def evidence(value: float) -> str:
    """An e-value: 1 means none."""
    return f"{value:.3g}"


def names(given: Sequence[str]) -> str:
    """Names in a sentence: v8, v9 and v10."""
    *before, last = given
    return f"{', '.join(before)} and {last}" if before else last


def duration(seconds: float) -> str:
    """A time span in the unit in which a person would say it."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


def moment(time: float) -> datetime:
    """Unix seconds as a time."""
    return datetime.fromtimestamp(time, tz=UTC)
