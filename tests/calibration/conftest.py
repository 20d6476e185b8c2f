"""Measured shares and delays are shown after the run, beside the bound they were held to."""

import pytest

MEASURED = pytest.StashKey[list[str]]()


@pytest.fixture
def measured(request):
    """A function that notes a line for the summary."""
    return request.config.stash.setdefault(MEASURED, []).append


def pytest_terminal_summary(terminalreporter, config):
    lines = config.stash.get(MEASURED, [])
    if lines:
        terminalreporter.section("measured")
        terminalreporter.write_line("\n".join(lines))
