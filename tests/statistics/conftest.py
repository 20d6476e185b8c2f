"""Published results as cases: ``pytest tests/statistics --cases FILE`` runs those of another file."""

import json
from pathlib import Path

CASES = Path(__file__).parent.parent / "data" / "statistics.json"


def pytest_addoption(parser):
    parser.addoption("--cases", type=Path, default=CASES, help="a JSON file with statistical cases")


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        cases = json.loads(metafunc.config.getoption("--cases", default=CASES).read_text())
        metafunc.parametrize("case", cases, ids=[case["id"] for case in cases])
