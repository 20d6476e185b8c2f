"""Every example in the library's docstrings and in its document is true."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

from model_experiment import statistics

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / "statistics.md", *sorted((DOCS / "statistics").glob("*.md"))]
FOUND = list(pkgutil.walk_packages(statistics.__path__, f"{statistics.__name__}."))
MODULES = [module.name for module in FOUND if not module.ispkg]


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_the_map_of_the_library_names_every_module(name):
    assert f"``{name.removeprefix(statistics.__name__ + '.')}``" in statistics.__doc__


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_numbers_checked_by_hand_are_true(page):
    found = doctest.testfile(str(page), module_relative=False)
    assert found.attempted > 0
    assert found.failed == 0
