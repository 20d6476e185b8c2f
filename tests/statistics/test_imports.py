"""The library is quick to import: special functions alone, of all that scipy has."""

import pkgutil
import subprocess
import sys

import pytest

from model_experiment import statistics

MODULES = [module.name for module in pkgutil.walk_packages(statistics.__path__, f"{statistics.__name__}.")]


@pytest.mark.parametrize("heavy", ["scipy.stats", "scipy.optimize", "pandas"])
def test_no_module_of_the_library_loads_a_heavy_one(heavy):
    code = f"import sys, {', '.join(MODULES)}; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
