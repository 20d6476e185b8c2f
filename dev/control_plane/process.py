"""One child process: started, asked until it is ready, paused, killed, stopped; and dead when its owner is.

For: every part of the control plane and any other server that a test or a demonstration runs beside it. Not for
supervision: a process that dies stays dead, and says why when it is next asked.

The trap: the kernel ties a child's life to the *thread* that started it, so ``start`` insists on the main thread.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import requests

_LAUNCH = Path(__file__).with_name("launch.py")
_SHOWN_LINES = 15
_LONGEST_PAUSE_SECONDS = 0.2
_ANSWER_SECONDS = 2.0


class ProcessError(Exception):
    """A process died or did not become ready; the text ends with the last lines of its log."""


@dataclass(frozen=True, slots=True)
class Bind:
    """A file or folder that the process alone sees at another path.

    A path that does not exist must be directly below ``/``; then ``root`` is an empty folder to build its root on.
    """

    source: Path
    path: str
    root: Path

    def arguments(self) -> list[str]:
        return ["--bind", str(self.source), self.path, str(self.root)]


@dataclass(frozen=True, slots=True)
class Command:
    """What to run: ``log`` takes both output streams, ``ready`` says whether the server answers yet."""

    name: str
    arguments: Sequence[str]
    log: Path
    ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    bind: Bind | None = None


class Process:
    """A command that runs or can be run (again): same arguments, ports and folders each time."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id, which is its process group too.

        Raises:
            ProcessError: if it was never started or has been stopped.
        """
        return self._running().pid

    def start(self) -> None:
        """Starts it without waiting; does nothing where it runs already.

        Raises:
            RuntimeError: outside of the main thread, whose end alone should end the child.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(
                f"{self.command.name} must be started by the main thread: it dies with the thread that starts it"
            )
        if self._child is not None and self._child.poll() is None:
            return
        launch = [sys.executable, "-I", "-S", str(_LAUNCH), "--parent", str(os.getpid())]
        bind = self.command.bind.arguments() if self.command.bind else []
        with self.command.log.open("ab") as log:
            self._child = subprocess.Popen(
                [*launch, *bind, "--", *self.command.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.command.environment},
                cwd=self.command.log.parent,
                start_new_session=True,  # Ctrl-C reaches the owner alone, which then stops all in order
            )

    def wait_ready(self, timeout_seconds: float = 90.0) -> None:
        """Asks until it answers.

        Raises:
            ProcessError: if it dies before, or does not answer in time.
        """
        wait_until(
            self._is_ready, f"{self.command.name} is ready", timeout_seconds=timeout_seconds, explain=self._last_words
        )

    def check(self) -> None:
        """Returns while it runs.

        Raises:
            ProcessError: once it has ended by itself, with the last lines of its log.
        """
        code = self._running().poll()
        if code is not None:
            raise ProcessError(f"{self.command.name} must run, but it ended with code {code}{self._last_words()}")

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """Asks it to end, then makes it end, with its whole process group; fine where it has ended already."""
        if self._child is None:
            return
        self._signal_group(signal.SIGCONT)  # a paused process cannot end politely
        self._signal_group(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(timeout_seconds)
        self.kill()

    def kill(self) -> None:
        """Ends it at once, as a crash does."""
        if self._child is None:
            return
        self._signal_group(signal.SIGKILL)
        self._child.wait()
        self._child = None

    def pause(self) -> None:
        """Freezes the process, but not its own children: connections stay open and it answers nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Lets a paused process go on."""
        os.kill(self.pid, signal.SIGCONT)

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):  # the whole group has ended
            os.killpg(self.pid, number)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            raise ProcessError(f"{self.command.name} must be running, but it has not been started")
        return self._child

    def _is_ready(self) -> bool:
        self.check()
        return self.command.ready()

    def _last_words(self) -> str:
        lines = self.command.log.read_text(errors="replace").splitlines()[-_SHOWN_LINES:]
        shown = "\n".join(f"  {line[:400]}" for line in lines) or "  (empty)"
        return f"; last lines of {self.command.log}:\n{shown}"


@contextmanager
def started(*processes: Process) -> Iterator[None]:
    """Starts all, waits for all, and stops all at the end in reverse order, also where one does not become ready."""
    with ExitStack() as stack:
        for process in processes:
            stack.callback(process.stop)
            process.start()
        for process in processes:
            process.wait_ready()
        yield


def wait_until(
    is_true: Callable[[], bool],
    law: str,
    *,
    timeout_seconds: float = 30.0,
    explain: Callable[[], str] = str,
) -> None:
    """Asks again and again, at first every few milliseconds, until the answer is yes.

    Raises:
        ProcessError: after the timeout; ``law`` is what should have become true, ``explain`` adds what is known.
    """
    end = time.monotonic() + timeout_seconds
    pause = 0.01
    while not is_true():
        if time.monotonic() > end:
            raise ProcessError(f"within {timeout_seconds:g} s it must become true that {law}{explain()}")
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)


def answers(url: str, *, authority: Path | None = None, status: int | None = 200) -> bool:
    """Whether a GET is answered with that status (with any where it is None); ``authority`` signed the server."""
    with requests.Session() as session:
        session.trust_env = False  # a proxy cannot reach loopback
        session.verify = str(authority) if authority else True
        try:
            answer = session.get(url, timeout=_ANSWER_SECONDS)
        except requests.RequestException:
            return False
    return status in (None, answer.status_code)
