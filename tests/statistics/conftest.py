"""Published results as cases: ``pytest --cases=FILE tests/statistics`` runs those of another file."""

import json
from pathlib import Path

CASES = Path(__file__).parent.parent / "data" / "statistics.json"


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        cases = json.loads((metafunc.config.option.cases or CASES).read_text())
        metafunc.parametrize("case", cases, ids=[case["id"] for case in cases])
