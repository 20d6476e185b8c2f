"""What is built where, and when nothing needs to be built."""

import os

import pytest

from control_plane import building
from control_plane.building import (
    ENVOY_GATEWAY,
    ETCD,
    ISTIO,
    KUBERNETES,
    MODEL_SERVING,
    PARTS,
    PROMETHEUS,
    BuildError,
    Part,
)


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """An empty cache and an empty PATH."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return tmp_path / "cache" / "model-experiment-operator"


def _put(folder, name):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("")
    (folder / name).chmod(0o755)
    return folder / name


@pytest.mark.parametrize(
    ("part", "key", "programs"),
    [
        pytest.param(ETCD, "etcd-v3.7.3-go1.26.8", ("etcd",), id="etcd"),
        pytest.param(
            KUBERNETES, "kubernetes-v1.36.3-go1.26.8", ("kube-apiserver", "kube-controller-manager"), id="kubernetes"
        ),
        pytest.param(ENVOY_GATEWAY, "envoy-gateway-v1.9.1-go1.26.8", ("envoy-gateway",), id="envoy gateway"),
        pytest.param(ISTIO, "istio-v0.0.0-20260827124520-eed52ebb66ad-go1.26.8", ("pilot-discovery",), id="istio"),
        pytest.param(PROMETHEUS, "prometheus-v0.314.0-go1.26.8", ("prometheus",), id="prometheus"),
        pytest.param(MODEL_SERVING, "model-serving-v0.20.0-go1.26.8", (), id="kinds of model serving"),
    ],
)
def test_the_cache_key_names_part_edition_and_compiler(part, key, programs):
    assert building.cache_key(part, go_version="go1.26.8") == key
    assert part.programs == programs


def test_an_empty_cache_misses_every_part_and_says_what_to_do(cache):
    assert building.missing() == list(PARTS)
    with pytest.raises(BuildError, match=f"etcd must be on PATH or built, but it is not in {cache}: run `python -m"):
        building.program(ETCD, "etcd")
    with pytest.raises(
        BuildError, match=r"definitions.json of istio must be in .*: run `python -m control_plane build`"
    ):
        building.definitions(ISTIO)


def test_a_start_needs_no_compiler_once_a_part_is_built(cache):
    built = _put(cache / "etcd-v3.7.3-go1.26.8", "etcd")
    assert building.program(ETCD, "etcd") == built
    assert ETCD not in building.missing()


@pytest.mark.parametrize("part", [ENVOY_GATEWAY, ISTIO, MODEL_SERVING], ids=lambda part: part.name)
def test_a_part_with_kinds_of_its_own_is_missing_until_their_definitions_are_there_too(cache, part):
    folder = cache / f"{part.name}-{part.version}-go1.26.8"
    for program in part.programs:
        _put(folder, program)
    assert part in building.missing()
    _put(folder, building.DEFINITIONS).write_text('[{"kind": "CustomResourceDefinition"}]')
    assert part not in building.missing()
    assert building.definitions(part) == [{"kind": "CustomResourceDefinition"}]


def test_of_two_compilers_the_newest_build_is_taken(cache):
    old, new = (_put(cache / f"etcd-v3.7.3-{go}", "etcd") for go in ("go1.30.0", "go1.26.8"))
    os.utime(old, (1, 1))
    assert building.program(ETCD, "etcd") == new


def test_another_edition_in_the_cache_does_not_count(cache):
    _put(cache / "etcd-v3.7.2-go1.26.8", "etcd")
    assert ETCD in building.missing()


def test_what_is_installed_comes_before_what_is_built_and_assets_come_first(cache, tmp_path, monkeypatch):
    _put(cache / "etcd-v3.7.3-go1.26.8", "etcd")
    installed, asset = _put(tmp_path / "bin", "etcd"), _put(tmp_path / "assets", "etcd")
    assert building.program(ETCD, "etcd") == installed
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(asset.parent))
    assert building.program(ETCD, "etcd") == asset


def test_an_interrupted_build_leaves_nothing_that_counts(cache, tmp_path):
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    go.write_text('#!/bin/sh\nif [ "$1" = env ]; then echo go1.99.0; else echo no space left; exit 1; fi\n')
    go.chmod(0o755)
    told = []
    with pytest.raises(BuildError, match=r"building etcd must succeed, but go ended with code 1:\nno space left"):
        building.build([ETCD], told.append)
    assert building.missing([ETCD]) == [ETCD]
    assert [path for path in cache.rglob("*") if path.is_file()] == []
    assert told[0].startswith("building etcd on ")
    assert told[1].startswith("part 1 of 1: etcd v3.7.3 (about ")


def test_a_part_that_is_not_required_by_its_module_is_a_mistake():
    with pytest.raises(BuildError, match=r"etcd/go.mod must require example.com/else"):
        _ = Part("etcd", "example.com/else", (), minutes=1).version


@pytest.mark.parametrize(
    ("version", "accepted"),
    [
        pytest.param("go1.22.2", False, id="an old compiler is not taken"),
        pytest.param("go1.26.8", True, id="the compiler of go.mod or a newer patch is taken"),
        pytest.param("go1.30", True, id="a later compiler is taken"),
    ],
)
def test_a_compiler_must_be_as_new_as_the_parts_ask(tmp_path, version, accepted):
    go = tmp_path / "go"
    go.write_text(f"#!/bin/sh\necho {version}\n")
    go.chmod(0o755)
    assert building._is_new_enough(str(go)) is accepted
