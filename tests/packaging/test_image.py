"""The image, as far as it can be told without building one: what it copies is there, and installs what it starts."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTRUCTION = re.compile(r"^(FROM|RUN|COPY|USER|ENTRYPOINT|ENV|WORKDIR) (.+)$", re.MULTILINE)
PINNED = re.compile(r"uv==(\S+)")
EXTRA = re.compile(r"--extra (\S+)")
LOCK = tomllib.loads((ROOT / "uv.lock").read_text())
GLIBC = (2, 36)  # of Debian 12; python:3-slim is that or newer


def instructions(name):
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [arguments for instruction, arguments in INSTRUCTION.findall(text) if instruction == name]


def copied():
    """What comes from the working tree."""
    words = [arguments.split() for arguments in instructions("COPY")]
    return [source for *sources, _ in words if not sources[0].startswith("--from") for source in sources]


def test_what_is_copied_is_there_and_not_ignored():
    allowed = {
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    assert all((ROOT / source).exists() for source in copied())
    assert set(copied()) == allowed


def test_it_runs_as_nobody_and_starts_the_command_line():
    assert instructions("USER") == ["65532:65532"]
    assert instructions("ENTRYPOINT") == ['["mexp"]']


def test_both_stages_have_the_same_python():
    bases = [arguments.split()[0] for arguments in instructions("FROM")]
    assert len(set(bases)) == 1
    assert fnmatch(bases[0], "python:3.*-slim")


def test_uv_is_the_one_of_the_makefile():
    (pinned,) = PINNED.findall("\n".join(instructions("RUN")))
    assert f"UV_VERSION := {pinned}\n" in (ROOT / "Makefile").read_text()


def test_dependencies_are_those_of_the_lock_without_development_tools():
    installs = [arguments for arguments in instructions("RUN") if "uv sync" in arguments]
    assert installs
    assert all("--frozen" in command and "--no-dev" in command for command in installs)


def test_every_extra_is_installed():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    installs = [arguments for arguments in instructions("RUN") if "uv sync" in arguments]
    assert all(EXTRA.findall(command) == [*extras] for command in installs)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_driver_of_postgresql_is_a_wheel_that_the_base_can_load(machine):
    base = instructions("FROM")[0].split()[0]
    python = "cp" + "".join(re.search(r"python:(\d+)\.(\d+)-slim", base).groups())
    (locked,) = [each for each in LOCK["package"] if each["name"] == "psycopg-binary"]
    files = [wheel["url"].rpartition("/")[2] for wheel in locked["wheels"]]
    fit = [file for file in files if re.fullmatch(rf".*-{python}-{python}-.*manylinux\w*_{machine}\S*\.whl", file)]
    needed = [tuple(map(int, found)) for file in fit for found in re.findall(rf"manylinux_(\d+)_(\d+)_{machine}", file)]
    assert needed
    assert min(needed) <= GLIBC


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel that is made from nothing but what the image copies."""
    folder = tmp_path_factory.mktemp("image")
    for source in copied():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, folder / source, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, folder)
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    assert uv, "uv must be installed: make setup"
    done = subprocess.run([uv, "build", "--wheel"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = (folder / "dist").glob("*.whl")
    return built


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"model_experiment", "model_experiment_operator"}
    assert "model_experiment/py.typed" in names
    assert not [name for name in names if "test" in name or "__pycache__" in name]


def test_the_wheel_s_entry_point_runs(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    (points,) = tmp_path.glob("*.dist-info/entry_points.txt")
    (module, function) = re.search(r"^mexp = (\S+):(\S+)$", points.read_text(), re.MULTILINE).groups()
    code = f"import sys, {module} as m; assert m.__file__.startswith(sys.argv[1]); sys.exit(m.{function}(['--help']))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "controller" in done.stdout
    assert "collector" in done.stdout
