"""A cluster that runs elsewhere is adopted with its own certificate authority."""

from pathlib import Path

import pytest

from control_plane import kind
from control_plane.api import connected
from control_plane.identity import Authority, write_kubeconfig


def _docker(folder: Path, script: str) -> None:
    """A program `docker` that only knows what the test needs."""
    folder.mkdir()
    (folder / "docker").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "docker").chmod(0o755)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(None, "there is no program `docker` on PATH", id="without docker"),
        pytest.param(
            "echo is the daemon running? >&2; exit 1", "no engine answers: is the daemon", id="without engine"
        ),
        pytest.param("exit 0", None, id="with an engine"),
    ],
)
def test_a_machine_without_docker_says_why_kind_cannot_run(tmp_path, monkeypatch, script, reason):
    if script:
        _docker(tmp_path / "bin", script)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}")
    said = kind.why_not()
    assert said == reason if reason is None else reason in said


def test_a_running_cluster_is_adopted_with_an_administrator_of_ours(control_plane, tmp_path, monkeypatch):
    pki = control_plane.cluster.authority.folder
    _docker(tmp_path / "bin", f'[ "$1" = cp ] && cp {pki}/"$(basename "$2")" "$3"')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    authority = Authority(pki)
    stranger = authority.issue("stranger", name="stranger")
    given = write_kubeconfig(
        tmp_path / "given.json", server=control_plane.cluster.url, authority=authority.pair.certificate, user=stranger
    )
    (tmp_path / "state").mkdir()
    with (
        kind.adopted(tmp_path / "state", name="any", kubeconfig=given) as cluster,
        connected(cluster.kubeconfig) as api,
    ):
        assert api.get({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}) is not None
