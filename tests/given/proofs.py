"""Which test proves what a provider can do, and the table made from the tests that passed.

A test says so with ``@pytest.mark.proves("capability", on=PROVIDER)``; a test that runs on several says so several
times. ``pytest --capabilities docs/routing.md`` writes the table into that page after the run: a cell is there only
where all its tests have passed in this very run.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

ON_GATEWAY = "own HTTPRoute, Envoy Gateway"
ON_GATEWAY_SHARED = "shared HTTPRoute, Envoy Gateway"
ON_ISTIO = "own VirtualService, Istio"
ON_ISTIO_SHARED = "shared VirtualService, Istio"
PROVIDERS = (ON_GATEWAY, ON_GATEWAY_SHARED, ON_ISTIO, ON_ISTIO_SHARED)
CAPABILITIES = (
    "20,000 of 20,000 users as predicted at 1, 5, 10, 50 %; growing only adds",
    "four challengers through a ramp, nobody between two of them",
    "a whole life under load without a client error",
    "last answer of a challenger at most 500 ms after a take-back (median of 10)",
    "headers that a client forges are overwritten",
    "requests without the assignment header stay with the champion",
    "the user's rule and its policies hold in every phase",
    "targeting and holdout",
    "positions without a hash, by header and by suffix",
    "a challenger without endpoints: its users alone notice",
    "what the proxies refuse is noticed and said",
    "a loop that reverts is called by name, and loses against a take-back",
    "the user's objects are as before after the release",
)
_TABLE = re.compile("(?<=<!-- capabilities -->\n).*?(?=<!-- /capabilities -->)", re.DOTALL)

Proof = tuple[str, str]


def proofs_of(item: Any) -> list[Proof]:
    """What a test proves: pairs of a capability and a provider."""
    return [(mark.args[0], mark.kwargs["on"]) for mark in item.iter_markers("proves")]


def table_of(proved: Iterable[Proof]) -> str:
    """The table in Markdown; a cell is empty where nothing was proved."""
    known = set(proved)
    lines = [f"| | {' | '.join(PROVIDERS)} |", "|---|" + "---|" * len(PROVIDERS)]
    for capability in CAPABILITIES:
        cells = ["yes" if (capability, provider) in known else "" for provider in PROVIDERS]
        lines.append(f"| {capability} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def table_in(page: str) -> str:
    """The table that stands in a page."""
    found = _TABLE.search(page)
    if found is None:
        raise ValueError("the page must have a place for the table between its marks, found none")
    return found.group()


class Proofs:
    """Listens to a run, and writes the table when it is over."""

    def __init__(self, page: Path) -> None:
        self._page = page
        self._passed: dict[Proof, bool] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        """Remembers each test that proves something; one that fails in any part proves nothing."""
        report = yield
        if report.failed or (call.when == "call"):
            for proof in proofs_of(item):
                self._passed[proof] = self._passed.get(proof, True) and report.passed
        return report

    def pytest_sessionfinish(self) -> None:
        """Writes the table."""
        self._page.write_text(written(self._page.read_text(), self._passed))


def written(page: str, passed: Mapping[Proof, bool]) -> str:
    """The page with the table of what has passed."""
    table_in(page)
    return _TABLE.sub(lambda _: table_of(proof for proof, has_passed in passed.items() if has_passed), page)
