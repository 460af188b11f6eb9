"""What the measurements were made on, and how quiet it was."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any

from benchmarks.costs import spread

PROBES = 15


def machine() -> dict[str, Any]:
    """The machine in words, and its noise."""
    return {
        "processor": _named("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(_named("/proc/meminfo", "MemTotal").split()[0]) / (1 << 20), 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "noise": round(noise(), 3),
        "at": time.strftime("%Y-%m-%d %H:%M:%S %z"),
    }


def noise() -> float:
    """How much longer the slowest of some equal pieces of work took than the fastest, as a share."""
    return spread([_seconds() for _ in range(PROBES)])


def _seconds() -> float:
    began = time.perf_counter()
    sum(range(2_000_000))
    return time.perf_counter() - began


def _named(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def words(here: dict[str, Any]) -> str:
    """The machine for people, and what the numbers are worth."""
    return (
        f"{here['processor']}, {here['cores']} cores, {here['memory_gib']} GiB, Linux {here['kernel']}, "
        f"Python {here['python']}; load {here['load'][0]}; "
        f"equal work takes up to {here['noise']:.0%} longer at times.\n"
        "Compare ratios, not seconds: the floor and every agent are measured in turns, the best round counts, and its "
        "spread is told."
    )
