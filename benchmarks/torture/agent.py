"""The agent as a process, as its user would run it; with sabotage, as nobody would."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.torture.sabotage import Sabotage
from shipper.books import ASSERT

PATIENCE = 30.0
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), ASSERT: "1"}
"""So that the launcher is found from any directory, and books that do not balance end the agent."""


class Failed(AssertionError):
    """What was expected of the agent, and not seen."""


class Agent:
    """One data directory's agent, started and ended many times."""

    def __init__(self, config: Path, log: Path) -> None:
        self.config = config
        self.sabotage = Sabotage()
        """What is done to those started from now on."""
        self.lives = 0
        self.memory = 0
        """Most memory any of them took, bytes resident; only where it was looked at before the end."""
        self._log = log
        self._stopped = False
        self._begun_at = 0
        self._process: subprocess.Popen[bytes] | None = None
        log.touch()

    @property
    def running(self) -> bool:
        """Whether it is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def started(self) -> bool:
        """Whether it has said that it is at work."""
        return b'"event":"started"' in self._log.read_bytes()[self._begun_at :]

    @property
    def ended_by_itself(self) -> bool:
        """Whether its last life ended though nobody killed or stopped it, or asked it to crash."""
        return self._process is not None and self._process.poll() not in (None, -signal.SIGKILL) and not self._stopped

    def start(self, sabotage: Sabotage | None = None) -> None:
        """Start it; one that died is forgotten."""
        assert not self.running
        self.lives += 1
        self._stopped = False
        self._begun_at = self._log.stat().st_size
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(sabotage or self.sabotage, "run"),
                stdout=log,
                stderr=log,
                cwd=self.config.parent,
                env=ENVIRONMENT,
            )

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self.look()
            self._process.kill()
            self._process.wait()

    def signal(self, number: int) -> None:
        """Send a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> int:
        """Stop it in order; the exit code."""
        assert self._process is not None
        self.look()
        self._stopped = True
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"the agent did not end within {PATIENCE:.0f} s of SIGTERM") from error

    def ends(self) -> int:
        """Wait until it ends by itself, as it should; the exit code."""
        assert self._process is not None
        self._stopped = True
        return self._process.wait(PATIENCE)

    def died(self, seconds: float) -> bool:
        """Whether it dies by itself within so many seconds."""
        assert self._process is not None
        try:
            return self._process.wait(seconds) == -signal.SIGKILL
        except subprocess.TimeoutExpired:
            return False

    def command(self, *arguments: str) -> Any:
        """What `shipper … --json` prints while the agent is stopped."""
        done = subprocess.run(
            self._command(Sabotage(), *arguments, "--json"),
            capture_output=True,
            text=True,
            check=False,
            cwd=self.config.parent,
        )
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise Failed(f"`shipper {' '.join(arguments)}` ended with {done.returncode}: {done.stderr}") from error

    def look(self) -> None:
        """Take note of its memory."""
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{self.pid}/status").read_text()
            if found := re.search(r"VmHWM:\s+(\d+) kB", status):
                self.memory = max(self.memory, int(found[1]) * 1024)

    def events(self) -> Iterator[dict[str, Any]]:
        """What it logged, all lives together; a last line that was cut by a kill is left out."""
        for line in self._log.read_bytes().splitlines():
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict):
                    yield event

    def named(self) -> set[str]:
        """The names of all events it logged."""
        return {str(event.get("event")) for event in self.events()}

    def count(self, name: str) -> int:
        """How often it logged an event."""
        return self._log.read_bytes().count(f'"event":"{name}"'.encode())

    def said(self) -> str:
        """All of its log."""
        return self._log.read_text(errors="replace")

    def _command(self, sabotage: Sabotage, *arguments: str) -> Sequence[str]:
        rest = ("-c", str(self.config), *arguments)
        if sabotage == Sabotage():
            return [sys.executable, "-m", "shipper", *rest]
        return [sys.executable, "-m", "benchmarks.torture.launch", json.dumps(asdict(sabotage)), *rest]
