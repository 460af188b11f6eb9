"""The real agent as a process, shipping files to the counting receiver, and what it cost."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import Process

DELIVERY = """\
[loki]
url = "{url}"
max_age = "0"

[agent]
data_dir = "{data}"
listen = ""
log = {{ level = "warning", format = "json" }}

"""
FILES = """\
[[source]]
name = "load"
type = "file"
paths = ["{file}"]
labels = {{ job = "load" }}
{options}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What the receiver got."""

    entries: int = 0
    bytes: int = 0
    """Of the lines, without line ends."""
    checksum: int = 0
    pushes: int = 0
    wire: int = 0
    """Bytes of the pushes' bodies as they were sent."""
    parts: int = 0
    """Streams, counted in each push."""
    last: float = 0.0
    """When the last push was answered, seconds of the monotonic clock."""
    push_ms: dict[str, float]
    """How long pushes took from their first byte to the reply: `p50`, `p99`, `max`."""
    wait_ms: dict[str, float]
    """How long the timed lines took from being written to the reply to their push."""
    timed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one run of the agent took, and what arrived."""

    cpu: float
    """User and system, seconds."""
    wall: float
    memory: int
    """Peak resident size, bytes."""
    arrived: Arrived


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


def arrived(url: str) -> Arrived:
    """What the receiver got since it was asked last."""
    return Arrived(**ask(url, "counted"))


def ask(url: str, what: str) -> Any:
    """A question to the receiver."""
    with urllib.request.urlopen(f"{url}/{what}", timeout=1800) as reply:
        return json.load(reply)


def configured(paths: Path | str, options: str, url: str, data: str) -> str:
    """A `shipper.toml` with one source of files; `options` are further keys of it, tables after them."""
    return delivering(url, data) + FILES.format(file=paths, options=options)


def delivering(url: str, data: str) -> str:
    """A `shipper.toml` up to its sources."""
    return DELIVERY.format(url=url, data=data)


def ship(paths: Path | str, options: str, url: str) -> Cost:
    """Ship the files with `shipper run --once` from an empty data directory."""
    with tempfile.TemporaryDirectory(prefix="shipper-bench-") as name:
        return run_once(configured(paths, options, url, f"{name}/data"), url)


def run_once(configuration: str, url: str) -> Cost:
    """Ship what is there with a configuration that sends to the receiver at `url`."""
    with running(configuration, "--once") as process:
        used = process.finish()
    return Cost(cpu=used.cpu, wall=used.wall, memory=used.memory, arrived=arrived(url))


@contextmanager
def running(configuration: str, *options: str) -> Iterator[Process]:
    """The agent with this configuration."""
    with tempfile.TemporaryDirectory(prefix="shipper-bench-") as name:
        config = Path(name) / "shipper.toml"
        config.write_text(configuration)
        command = [sys.executable, "-m", "shipper", "run", *options, "--config", str(config)]
        with Process(command) as process:
            yield process
