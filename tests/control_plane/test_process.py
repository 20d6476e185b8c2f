"""A child process lives exactly as long as its owner wants, and explains its death."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from control_plane.process import Bind, Command, Process, ProcessError, started, wait_until

DEV = Path(__file__).parents[2] / "dev"


def _python(tmp_path, code, *, ready=lambda: True, bind=None):
    log = tmp_path / "child.log"
    return Process(Command("child", [sys.executable, "-c", code], log, ready=ready, bind=bind))


def _is_alive(pid):
    stat = _stat(Path(f"/proc/{pid}"))
    return bool(stat) and stat[0] not in "ZX"


def test_a_process_that_dies_before_it_is_ready_shows_the_end_of_its_log(tmp_path):
    child = _python(tmp_path, "print('no such file'); raise SystemExit(3)", ready=lambda: False)
    with (
        pytest.raises(ProcessError, match=r"(?s)child must run, but it ended with code 3.*\n  no such file"),
        started(child),
    ):
        pass


def test_a_process_that_does_not_answer_in_time_shows_the_end_of_its_log(tmp_path):
    child = _python(tmp_path, "import time; print('thinking', flush=True); time.sleep(60)", ready=lambda: False)
    child.start()
    with pytest.raises(ProcessError, match=r"(?s)within 0.5 s it must become true that child is ready; last lines"):
        child.wait_ready(0.5)
    child.stop()


def test_a_process_that_was_never_started_has_no_id(tmp_path):
    with pytest.raises(ProcessError, match="child must be running, but it has not been started"):
        _ = _python(tmp_path, "").pid


def test_a_process_that_ignores_a_polite_end_is_ended_with_its_own_children(tmp_path):
    grandchild = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(60)"
    )
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"
    child = _python(tmp_path, code, ready=lambda: "here" in (tmp_path / "child.log").read_text())
    with started(child):
        group = child.pid
        assert len(_group(group)) == 2
        child.stop(timeout_seconds=0.2)
    wait_until(lambda: not _group(group), "nobody is left")


def _group(group):
    """The processes of a group that still run."""
    stats = [_stat(process) for process in Path("/proc").glob("[0-9]*")]
    return [stat for stat in stats if stat and int(stat[2]) == group and stat[0] not in "ZX"]


def _stat(process):
    """What the kernel says of a process after its name; nothing if it has ended meanwhile."""
    try:
        return (process / "stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []


def test_a_stopped_process_starts_again_and_adds_to_the_same_log(tmp_path):
    child = _python(tmp_path, "print('hello', flush=True); import time; time.sleep(60)")
    for times in (1, 2):
        child.start()
        wait_until(lambda n=times: child.command.log.read_text().count("hello") == n, "it says hello")
        child.stop()


def test_a_paused_process_does_nothing_until_it_is_resumed(tmp_path):
    code = "import time\nfor n in range(10000): print(n, flush=True); time.sleep(0.001)"
    child, log = _python(tmp_path, code), tmp_path / "child.log"
    with started(child):
        wait_until(lambda: log.read_text() != "", "it counts")
        child.pause()
        wait_until(lambda: Path(f"/proc/{child.pid}/stat").read_text().split()[2] == "T", "it is paused")
        before = log.read_text()
        time.sleep(0.05)  # time in which it would have counted
        assert log.read_text() == before
        child.resume()
        wait_until(lambda: log.read_text() != before, "it counts again")


def test_another_thread_may_not_start_a_process_because_it_would_die_with_that_thread(tmp_path):
    caught = []

    def attempt():
        try:
            _python(tmp_path, "").start()
        except RuntimeError as error:
            caught.append(str(error))

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    assert caught == ["child must be started by the main thread: it dies with the thread that starts it"]


@pytest.mark.parametrize("bound", [pytest.param(False, id="plain"), pytest.param(True, id="with a folder bound")])
def test_a_child_dies_when_its_owner_is_killed(tmp_path, bound):
    (tmp_path / "root").mkdir()
    owner = f"""
from pathlib import Path
from control_plane.process import Bind, Command, Process
here = Path({str(tmp_path)!r})
bind = Bind(here, "/shown", here / "root") if {bound} else None
child = Process(Command("child", ["sleep", "60"], here / "child.log", lambda: True, bind=bind))
child.start()
print(child.pid, flush=True)
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", owner], cwd=DEV, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        child = int(process.stdout.readline())
        wait_until(lambda: Path(f"/proc/{child}/comm").read_text() == "sleep\n", "the child runs")
        process.kill()
    wait_until(lambda: not _is_alive(child), "the child is dead")


def test_a_bound_folder_is_seen_by_the_process_alone(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key").write_text("42")
    code = "print(open('/shown/key').read(), flush=True); import time; time.sleep(60)"
    child = _python(tmp_path, code, bind=Bind(tmp_path / "secrets", "/shown", tmp_path / "root"))
    with started(child):
        wait_until(lambda: child.command.log.read_text() == "42\n", "it reads the folder")
    assert not Path("/shown").exists()
    assert list((tmp_path / "root").iterdir()) == []


def test_a_bound_file_takes_the_place_of_another_for_the_process_alone(tmp_path):
    before, hosts = Path("/etc/hosts").read_text(), tmp_path / "hosts"
    hosts.write_text("127.96.0.1 ranker.shop.svc\n")
    code = "import socket, time; print(socket.gethostbyname('ranker.shop.svc'), flush=True); time.sleep(60)"
    child = _python(tmp_path, code, bind=Bind(hosts, "/etc/hosts", tmp_path))
    with started(child):
        wait_until(lambda: child.command.log.read_text() == "127.96.0.1\n", "it finds the name")
    assert Path("/etc/hosts").read_text() == before
