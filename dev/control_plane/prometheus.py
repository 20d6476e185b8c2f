"""Prometheus: scrapes every second what it is told to, also while it runs.

The trap: it can be stopped for a while and started again on the same port and data, so the port is chosen once.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import yaml

from control_plane import building
from control_plane.ports import free_port
from control_plane.process import Command, Process, answers


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A Prometheus and the folder in which it looks for its targets."""

    process: Process
    url: str
    targets: Path

    def add_target(self, job: str, address: str) -> None:
        """Scrapes ``http://<address>/metrics`` from now on, beside what the job has; noticed within a second."""
        name = f"{job}-{address.replace(':', '-')}"
        unfinished = self.targets / f"{name}.unfinished"
        unfinished.write_text(json.dumps([{"targets": [address], "labels": {"job": job}}]))
        unfinished.replace(self.targets / f"{name}.json")

    def remove_target(self, job: str, address: str) -> None:
        """Scrapes it no more; fine where it is not scraped."""
        (self.targets / f"{job}-{address.replace(':', '-')}.json").unlink(missing_ok=True)


def create(folder: Path) -> Prometheus:
    """A Prometheus that is not started yet."""
    port = free_port()
    url, targets, config = f"http://127.0.0.1:{port}", folder / "targets", folder / "prometheus.yml"
    targets.mkdir()
    found = [{"files": [str(targets / "*.json")], "refresh_interval": "1s"}]
    config.write_text(
        yaml.safe_dump(
            {
                "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
                "scrape_configs": [{"job_name": "targets", "file_sd_configs": found}],
            }
        )
    )
    arguments = [
        str(building.program(building.PROMETHEUS, "prometheus")),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-lifecycle",
    ]
    command = Command("prometheus", arguments, folder / "prometheus.log", ready=lambda: answers(f"{url}/-/ready"))
    return Prometheus(Process(command), url, targets)
