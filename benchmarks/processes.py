"""Other programs as processes, and what they cost: CPU seconds and memory, as the kernel counts them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

TICK: Final = os.sysconf("SC_CLK_TCK")
LOOK: Final = 0.03
"""Seconds between two looks at a process that ends by itself."""
PATIENCE: Final = 20.0


class Failed(RuntimeError):
    """A program that was to be measured did not do its work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a process took."""

    cpu: float
    """User and system, seconds."""
    wall: float
    memory: int
    """Peak resident size (VmHWM), bytes: the kernel's maximum for a child begins with that of its parent."""


class Process:
    """A program that runs while this is open; what it says goes to a file and is shown only if it fails."""

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> None:
        self._command = command
        self._environment = {**os.environ, **(environment or {})}
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 -- closed in __exit__
        self._peak = 0

    def __enter__(self) -> Self:
        self.started = time.monotonic()
        self._process = subprocess.Popen(
            self._command, stdout=self._said, stderr=self._said, env=self._environment, process_group=0
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._said.close()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def cpu(self) -> float:
        """CPU seconds so far, those of children that ended too; in steps of a clock tick."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / TICK

    def usage(self) -> Usage:
        """What it took so far."""
        self.look()
        return Usage(cpu=self.cpu(), wall=time.monotonic() - self.started, memory=self._peak)

    def resident(self) -> int:
        """Bytes resident now."""
        return self._status("VmRSS")

    def look(self) -> None:
        """Take note of its memory."""
        self._peak = max(self._peak, self._status("VmHWM"))

    def require(self) -> None:
        """Raise Failed if it has ended."""
        if self._process.poll() is not None:
            raise Failed(f"{self._command[0]} ended with {self._process.returncode}:\n{self.said()}")

    def finish(self) -> Usage:
        """Wait until it ends by itself; raises Failed if it was not content."""
        while True:
            ended, status, used = os.wait4(self.pid, os.WNOHANG)
            if ended:
                break
            self.look()
            time.sleep(LOOK)
        wall = time.monotonic() - self.started
        self._process.returncode = os.waitstatus_to_exitcode(status)
        if self._process.returncode:
            raise Failed(f"{self._command[0]} ended with {self._process.returncode}:\n{self.said()}")
        return Usage(cpu=used.ru_utime + used.ru_stime, wall=wall, memory=self._peak)

    def said(self) -> str:
        """The end of what it said."""
        self._said.seek(0)
        return self._said.read().decode(errors="replace")[-4000:]

    def _status(self, name: str) -> int:
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return 0
        found = re.search(rf"{name}:\s+(\d+) kB", status)
        return int(found[1]) * 1024 if found else 0
