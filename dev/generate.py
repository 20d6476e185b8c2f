"""Write what is made from the models: the CRD, into ``crds/`` and into the chart, byte for byte the same.

``python dev/generate.py`` writes; ``--check`` writes nothing and exits 1 with the difference where a file
is stale.
"""

import argparse
import difflib
import sys
from pathlib import Path

import yaml

from model_experiment.api.crd import custom_resource_definition

ROOT = Path(__file__).resolve().parent.parent
COPIES = (
    ROOT / "crds" / "modelexperiments.yaml",
    ROOT / "charts" / "model-experiment-operator" / "files" / "modelexperiments.yaml",
)
HEAD = "# Made by dev/generate.py from operator/model_experiment/api; changes here are lost.\n"


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - people read it: no anchors
        return True


def crd_text() -> str:
    """The CRD as YAML."""
    return HEAD + yaml.dump(custom_resource_definition(), Dumper=_Plain, sort_keys=False, width=110)


def difference(copy: Path, wanted: str) -> str:
    """What would change in a file; empty where nothing would."""
    present = copy.read_text() if copy.exists() else ""
    old, new = present.splitlines(keepends=True), wanted.splitlines(keepends=True)
    return "".join(difflib.unified_diff(old, new, fromfile=str(copy), tofile="made from the models"))


def main() -> int:
    """Write or check; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 where a file is stale")
    wanted = crd_text()
    if parser.parse_args().check:
        stale = "".join(difference(copy, wanted) for copy in COPIES)
        print(stale, end="")
        return 1 if stale else 0
    for copy in COPIES:
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
