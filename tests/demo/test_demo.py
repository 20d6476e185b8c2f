"""The demonstration as a person starts it: a whole experiment, a part that dies, and Ctrl-C at bad moments.

Each run marks its environment, which every process inherits from it: so no child can hide, whatever it became.
"""

import os
import secrets
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.cluster

_DEV = Path(__file__).parents[2] / "dev"
_STARTING = "starting etcd"
_RUNNING = "Running"
_PARTS = [
    "-m demo ",
    "/etcd ",
    "/kube-apiserver ",
    "/kube-controller-manager ",
    "/prometheus ",
    "/envoy-gateway ",
    "/envoy ",
    "model_experiment.cli.main collector ",
    "model_experiment.cli.main controller ",
    "--name=ranker-v7 ",
    "--name=ranker-v8 ",
    "-m demo.users ",
]


@dataclass(frozen=True, slots=True)
class Run:
    """A demonstration that runs; ``mark`` stands in the environment of each of its processes."""

    process: subprocess.Popen[bytes]
    output: Path
    folder: Path
    mark: str

    def wait_for_text(self, text, *, seconds=300):
        end = time.monotonic() + seconds
        while text not in self.output.read_text():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < end, self.output.read_text()
            time.sleep(0.1)

    def wait(self, *, seconds):
        """The exit code and everything that was said."""
        code = self.process.wait(seconds)
        return code, self.output.read_text()

    def left(self):
        """The command lines of all processes of this run that are still there."""
        return [command for _, command in self._processes()]

    def find(self, words):
        """The process id of the child whose command line has these words."""
        (found,) = [pid for pid, command in self._processes() if words in command]
        return found

    def _processes(self):
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (process / "environ").read_bytes():
                    yield int(process.name), (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:  # it ended meanwhile, or belongs to somebody else
                continue


@contextmanager
def _demo(tmp_path, scenario):
    mark, output, folder = f"DEMO_TEST={secrets.token_hex(8)}", tmp_path / "output", tmp_path / "run"
    command = [sys.executable, "-m", "demo", "--scenario", scenario, "--seed", "7", "--folder", str(folder)]
    name, _, value = mark.partition("=")
    environment = {**os.environ, "PYTHONPATH": str(_DEV), name: value}
    with output.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environment, start_new_session=True)
    try:
        yield Run(process, output, folder, mark)
    finally:
        process.kill()
        process.wait()


def test_a_harmful_challenger_is_taken_back_and_the_demonstration_says_so(tmp_path):
    with _demo(tmp_path, "harm") as run:
        code, said = run.wait(seconds=400)
        left = run.left()
    assert code == 0, said
    assert "decision        Rollback (GuardrailBreached)" in said
    assert "Warning GuardrailBreached" in said
    assert "gateway errors  0 answers that no model gave" in said
    assert "moved users     0 met both variants while the split was open" in said
    assert " s from the first bad answer of v8 to its last answer to any user" in said
    assert left == []


@pytest.mark.parametrize(
    ("moment", "running"),
    [
        pytest.param(_STARTING, ["-m demo "], id="while the control plane starts"),
        pytest.param(_RUNNING, _PARTS, id="while the experiment runs"),
    ],
)
def test_ctrl_c_leaves_no_process_behind(tmp_path, moment, running):
    with _demo(tmp_path, "win") as run:
        run.wait_for_text(moment)
        time.sleep(1.5)
        assert [part for part in running if not any(part in command for command in run.left())] == []
        os.killpg(run.process.pid, signal.SIGINT)  # as a terminal does
        time.sleep(0.2)
        os.killpg(run.process.pid, signal.SIGINT)  # an impatient person
        code, said = run.wait(seconds=120)
        left = run.left()
    assert code == 130, said
    assert left == []
    assert "Traceback" not in said


def test_a_part_that_dies_ends_the_demonstration_with_the_last_lines_of_its_log(tmp_path):
    with _demo(tmp_path, "win") as run:
        run.wait_for_text(_RUNNING)
        os.kill(run.find("model_experiment.cli.main collector"), signal.SIGKILL)
        code, said = run.wait(seconds=120)
        left = run.left()
    assert code == 1
    assert "demo: collector must run, but it ended with code -9; last lines of" in said
    assert "outcomes and metrics at" in said
    assert f"All logs are in {run.folder}" in said
    assert left == []


def test_a_folder_that_is_there_already_is_left_alone(tmp_path):
    command = [sys.executable, "-m", "demo", "--folder", str(tmp_path)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(_DEV)}, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"--folder must not be there yet" in done.stderr
