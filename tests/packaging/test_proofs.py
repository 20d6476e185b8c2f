"""The table of what was proved stands in the page as the marks of the tests say."""

import ast
from pathlib import Path

import pytest

from given import proofs
from given.proofs import CAPABILITIES, ON_GATEWAY, ON_ISTIO, PROVIDERS, table_in, table_of, written

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "routing.md"


def marks():
    """Every mark in the sources of the tests: (capability, provider)."""
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.proves":
                yield ast.literal_eval(node.args[0]), getattr(proofs, ast.unparse(node.keywords[0].value))


def test_every_mark_names_a_row_and_a_column():
    found = set(marks())
    assert found
    assert {capability for capability, _ in found} <= set(CAPABILITIES)
    assert {provider for _, provider in found} <= set(PROVIDERS)


def test_every_capability_was_proved_somewhere():
    assert {capability for capability, _ in marks()} == set(CAPABILITIES)


def test_the_page_has_the_table_of_a_run_in_which_all_of_them_passed():
    assert table_in(PAGE.read_text()) == table_of(marks())


def test_a_test_that_failed_leaves_its_cell_empty():
    page = "before\n<!-- capabilities -->\nold\n<!-- /capabilities -->\nafter\n"
    row = CAPABILITIES[0]
    found = written(page, {(row, ON_GATEWAY): True, (row, ON_ISTIO): False})
    assert f"| {row} | yes |  |  |  |" in found
    assert found.startswith("before\n")
    assert found.endswith("<!-- /capabilities -->\nafter\n")


def test_a_page_without_a_place_for_it_is_refused():
    with pytest.raises(ValueError, match="must have a place for the table"):
        written("nothing", {})
