"""A command of ours as a process, with an API server that is away."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

MEXP = (sys.executable, "-m", "model_experiment.cli.main")


def kubeconfig_of_nobody(folder: Path) -> Path:
    """Points at a port where nobody listens."""
    file = folder / "kubeconfig.json"
    cluster = {"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}
    context = {"name": "x", "context": {"cluster": "c", "user": "u"}}
    user = {"name": "u", "user": {"token": "t"}}
    content = {"clusters": [cluster], "contexts": [context], "users": [user], "current-context": "x"}
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **content}))
    return file


@dataclass(frozen=True, slots=True)
class Process:
    """A running command, and what it says on its error output."""

    running: asyncio.subprocess.Process
    said: list[str] = field(default_factory=list)

    async def until(self, words: str) -> str:
        """The first line that has these words, said already or to come."""
        async with asyncio.timeout(30):
            while not (found := [line for line in self.said if words in line]):
                assert self.running.stderr is not None
                line = (await self.running.stderr.readline()).decode()
                assert line, f"the process must say {words!r}, found that it ended"
                self.said.append(line)
        return found[0]

    async def stopped(self, number: signal.Signals) -> tuple[int | None, str]:
        """Sends a signal; the exit code and all that was said."""
        self.running.send_signal(number)
        async with asyncio.timeout(30):
            _, rest = await self.running.communicate()
        return self.running.returncode, "".join(self.said) + rest.decode()


@asynccontextmanager
async def started(arguments: Sequence[str]) -> AsyncIterator[Process]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MEXP_")}
    process = await asyncio.create_subprocess_exec(*MEXP, *arguments, stderr=asyncio.subprocess.PIPE, env=environment)
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def told(arguments: Sequence[str]) -> tuple[int | None, str]:
    """The exit code and what a person reads."""
    async with started(arguments) as process, asyncio.timeout(30):
        _, text = await process.running.communicate()
    return process.running.returncode, text.decode()
