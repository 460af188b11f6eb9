"""The real agent as a process, shipping one file to the counting receiver, and what it cost."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CONFIGURATION = """\
[loki]
url = "{url}"
max_age = "0"

[agent]
data_dir = "{data}"
listen = ""
log = {{ level = "warning", format = "json" }}

[[source]]
name = "load"
type = "file"
paths = ["{file}"]
labels = {{ job = "load" }}
{options}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one run of the agent took, and what arrived."""

    cpu: float
    """User and system, seconds."""
    wall: float
    memory: int
    """Peak resident size, bytes."""
    entries: int
    bytes: int
    checksum: int
    pushes: int


@contextmanager
def receiver() -> Iterator[str]:
    """The counting receiver in a process of its own; gives its URL."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.receiver"], stdout=subprocess.PIPE, text=True, process_group=0
    ) as running:
        try:
            assert running.stdout is not None
            found = re.search(r"http://\S+", running.stdout.readline())
            assert found, "the receiver did not start"
            yield found[0]
        finally:
            running.terminate()


def ship(file: Path, options: str, url: str) -> Cost:
    """Ship `file` with `shipper run --once` from an empty data directory; `options` are further keys of its source."""
    with tempfile.TemporaryDirectory(prefix="shipper-bench-") as name:
        config = Path(name) / "shipper.toml"
        config.write_text(CONFIGURATION.format(url=url, data=f"{name}/data", file=file, options=options))
        cpu, wall, memory = _measured([sys.executable, "-m", "shipper", "run", "--once", "--config", str(config)])
    with urllib.request.urlopen(f"{url}/counted", timeout=600) as reply:
        counted = json.load(reply)
    return Cost(cpu=cpu, wall=wall, memory=memory, **counted)


def _measured(command: list[str]) -> tuple[float, float, int]:
    """CPU seconds, wall seconds and peak memory in bytes of a command that must succeed."""
    started = time.monotonic()
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, process_group=0)
    with contextlib.ExitStack() as stack:
        stack.callback(_end, running)
        assert running.stderr is not None
        said = running.stderr.read()
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - started
    if running.returncode:
        raise SystemExit(f"the agent failed with exit code {running.returncode}:\n{said}")
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024


def _end(running: subprocess.Popen[str]) -> None:
    if running.returncode is None and running.poll() is None:
        running.kill()
        running.wait()
    if running.stderr is not None:
        running.stderr.close()
