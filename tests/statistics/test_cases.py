"""Published results, each run through the library by the adapter of its kind.

An adapter turns the input of a case into calls of the library and computes nothing of its own that the
library offers. The adapters stand in ``tests/adapters``, one file a part of the library.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from adapters import counters, counts, designs, evidence, means, plans, trust

PARTS = (means, counts, evidence, designs, plans, trust, counters)
KINDS = [kind for part in PARTS for kind in part.ADAPTERS]
ADAPTERS = {kind: adapter for part in PARTS for kind, adapter in part.ADAPTERS.items()}


def test_equals_the_published_result(case):
    found = ADAPTERS[case["kind"]](case["input"])
    assert_close(found, case["expected"], case["tolerance"], "result")


def test_the_cases_of_another_file_are_run_from_the_root(tmp_path):
    file = tmp_path / "cases.json"
    file.write_text('[{"id": "another", "kind": "none", "input": {}, "expected": 0, "tolerance": 0}]')
    command = [sys.executable, "-m", "pytest", f"--cases={file}", "--collect-only", "-q"]
    only_this = ["-o", f"python_files={Path(__file__).name}"]
    root = Path(__file__).parents[2]
    found = subprocess.run([*command, *only_this], cwd=root, capture_output=True, text=True, check=False).stdout
    assert "test_equals_the_published_result[another]" in found


def test_every_kind_has_one_adapter():
    assert len(KINDS) == len(set(KINDS))


def assert_close(found, expected, tolerance, where):
    match expected:
        case dict():
            for key, value in expected.items():
                shown = found[key][: len(value)] if key.endswith("_first") else found[key]
                assert_close(shown, value, tolerance, f"{where}.{key}")
        case list():
            assert len(found) == len(expected), where
            for number, (one, other) in enumerate(zip(found, expected, strict=True)):
                assert_close(one, other, tolerance, f"{where}[{number}]")
        case _:
            assert found == pytest.approx(expected, rel=0, abs=tolerance), where
