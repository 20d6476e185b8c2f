"""The PromQL that is asked, as text.

For: one query that brings everything about one experiment, and the short ones that a person pastes into
Prometheus to check a number of the status. Not for: sending them. The trap: nothing is summed here. A sum
over instances taken before the difference turns a restart of one collector into garbage, so raw series come
back and the ledger adds.
"""

import re
from collections.abc import Iterable

from model_experiment.decision.counts import Family, Measure
from model_experiment.metrics.families import COLLECTOR, DETAIL_LABELS, Exporter, Label

# The gauges carry no uid, so they need a selector of their own; one selector with `uid=~"<uid>|"` would make
# Prometheus walk the series of all other experiments.
_EXPERIMENT = '{{__name__=~"{counters}",uid="{uid}"}} or {{__name__=~"{gauges}"}}'
_UID = re.compile(r"[A-Za-z0-9-]{1,64}")
_ESCAPES = {ord("\\"): "\\\\", ord('"'): '\\"', **{code: f"\\x{code:02x}" for code in (*range(32), 127)}}


def experiment_query(uid: str, families: Iterable[Family], *, exporter: Exporter = COLLECTOR) -> str:
    """All series of the named families of one experiment, and the gauges of all processes that count such.

    Raises:
        ValueError: if the uid is not made of 1 to 64 letters, digits and hyphens, or no family is named.
    """
    names = "|".join(sorted(exporter.metrics[family] for family in set(families)))
    if not names:
        raise ValueError("a query must name at least 1 family of counters, found none")
    return _EXPERIMENT.format(counters=names, uid=_valid(uid), gauges=f"{exporter.heartbeat}|{exporter.started}")


def check_query(uid: str, measure: Measure, *, exporter: Exporter = COLLECTOR) -> str:
    """What a person asks Prometheus to see the total of a measure for each variant.

    It equals the reported number as long as no process was restarted since the experiment's start: a
    counter begins at 0 in every process, and only the ledger remembers those before.

    Raises:
        ValueError: if the uid is not made of 1 to 64 letters, digits and hyphens.
    """
    label = DETAIL_LABELS.get(measure.family)
    detail = f",{label}={quoted(measure.detail)}" if label else ""
    selector = f'{exporter.metrics[measure.family]}{{{Label.UID}="{_valid(uid)}"{detail}}}'
    return f"sum by ({Label.VARIANT}) ({selector})"


def quoted(text: str) -> str:
    """Any text as a PromQL string literal."""
    return f'"{text.translate(_ESCAPES)}"'


def _valid(uid: str) -> str:
    if not _UID.fullmatch(uid):
        raise ValueError(f"the uid of an experiment must be 1 to 64 letters, digits and hyphens, found {uid!r}")
    return uid
