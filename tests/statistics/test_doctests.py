"""Every example in the library's docstrings and in its document is true."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

from model_experiment import statistics

DOCUMENT = Path(__file__).parents[2] / "docs" / "statistics.md"
MODULES = [module.name for module in pkgutil.iter_modules(statistics.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name):
    module = importlib.import_module(f"{statistics.__name__}.{name}")
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_the_map_of_the_library_names_every_module(name):
    assert f"``{name}``" in statistics.__doc__


def test_the_numbers_checked_by_hand_are_true():
    found = doctest.testfile(str(DOCUMENT), module_relative=False)
    assert found.attempted > 0
    assert found.failed == 0
