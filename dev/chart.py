"""The chart, rendered without Helm: what ``helm template`` would send to the API server.

For: tests, and for running the operator of this working tree with the very permissions that the chart grants. Not for:
installing. The trap: rendering is pure Python here, so a template must stay within what ``gotpl`` and Helm share.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from gotpl.exts.helm import HelmTemplateEngine

CHART = Path(__file__).resolve().parent.parent / "charts" / "model-experiment-operator"
RELEASE = "mexp"
NAMESPACE = "model-experiments"
NOTES = "NOTES.txt"

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Files:
    """Helm's ``.Files``."""

    folder: Path

    def Get(self, name: str) -> str:  # noqa: N802 - templates say .Files.Get
        file = self.folder / name
        return file.read_text() if file.is_file() else ""


def rendered_chart(values: Mapping[str, Any], *, release: str = RELEASE, namespace: str = NAMESPACE) -> list[Manifest]:
    """Every object of a release, the definition of ModelExperiment first where it is installed.

    ``values`` are merged over the chart's own. Lists are replaced as a whole, as Helm does.

    Raises:
        gotpl.TemplateExecutionError: where a required value is missing.
    """
    texts = rendered_texts(values, release=release, namespace=namespace)
    documents = (document for name, text in texts.items() if name != NOTES for document in yaml.safe_load_all(text))
    manifests = [document for document in documents if document]
    return sorted(manifests, key=lambda manifest: manifest["kind"] != "CustomResourceDefinition")


def rendered_texts(values: Mapping[str, Any], *, release: str = RELEASE, namespace: str = NAMESPACE) -> dict[str, str]:
    """The text of each template by its file's name, partial ones left out."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    sources = {path.name: path.read_text() for path in sorted((CHART / "templates").iterdir())}
    context = {
        "Chart": {key[0].upper() + key[1:]: value for key, value in chart.items()},
        "Files": _Files(CHART),
        "Release": {"Name": release, "Namespace": namespace, "Service": "Helm"},
        "Values": merged(yaml.safe_load((CHART / "values.yaml").read_text()), values),
    }
    engine = HelmTemplateEngine(sources)
    return engine.render({name: context for name in sources if not name.startswith("_")})


def merged(defaults: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values over defaults: maps are merged, anything else is replaced."""
    both = dict(defaults)
    for key, value in values.items():
        known = both.get(key)
        both[key] = merged(known, value) if isinstance(known, dict) and isinstance(value, Mapping) else value
    return both


def permissions_of(component: str, values: Mapping[str, Any], *, user: str) -> Iterator[Manifest]:
    """Roles and bindings of a component such as ``controller``, bound to a user instead of a service account.

    A user of that name then may do exactly what the pod may do.
    """
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
    for manifest in rendered_chart(values):
        if manifest["apiVersion"] != "rbac.authorization.k8s.io/v1":
            continue
        if manifest["metadata"]["labels"]["app.kubernetes.io/component"] != component:
            continue
        yield {**manifest, "subjects": [subject]} if "subjects" in manifest else manifest
