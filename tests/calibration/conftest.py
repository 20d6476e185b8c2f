"""Simulated promises: how many runs, and what they are held to.

``pytest tests/calibration --full`` (``make calibrate``) takes many times the runs of the short form. The bound a share
is held to is the nominal level plus three standard errors of the simulation, so it is the stricter the more runs.
"""

import math

import pytest


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="the simulations in full length")


@pytest.fixture(scope="session")
def runs(request):
    """A function of the runs of the short form that gives the runs to take."""
    factor = 10 if request.config.getoption("--full", default=False) else 1
    return lambda short: factor * short


@pytest.fixture(scope="session")
def at_most(measured):
    """A function that holds the share of runs in which something happened to a nominal probability."""

    def hold(name, happened, *, nominal):
        bound = nominal + 3 * math.sqrt(nominal * (1 - nominal) / happened.size)
        measured(f"{name}: {happened.mean():.4f} <= {bound:.4f} ({happened.size} runs)")
        assert happened.mean() <= bound

    return hold


@pytest.fixture(scope="session")
def beyond(measured):
    """A function that asks for more than ``at_most`` allows: proof that a simulation can fail."""

    def hold(name, happened, *, nominal):
        bound = nominal + 3 * math.sqrt(nominal * (1 - nominal) / happened.size)
        measured(f"{name}: {happened.mean():.4f} > {bound:.4f} ({happened.size} runs)")
        assert happened.mean() > bound

    return hold
