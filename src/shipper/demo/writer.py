"""Writes all services' logs at a steady rate, rotates them meanwhile, and keeps the tally of what was written.

Rule 1: `step()` does what is due by now and returns; the loop around it is somebody else's.
Rule 2: every log rotates the same number of times, each at moments of its own, and never inside a record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from shipper.demo.record import Line, Now, Record, Records
from shipper.demo.rotation import LogFile, Style
from shipper.demo.services import fastapi, inference, mlflow, system, training, vllm

ROTATIONS = 3
"""Of each log, in the whole run."""
TICK = 0.02
"""Seconds between two steps, about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One log: whose it is, its name, how it rotates, and its share of the rate."""

    service: str
    name: str
    style: Style
    share: float
    records: Callable[[Now], Records]


@dataclass(slots=True)
class Tally:
    """What a service has written."""

    lines: Counter[Line] = field(default_factory=Counter)
    order: dict[Line, int] = field(default_factory=dict)
    """Where each line stands among its service's lines; for equal ones the first place."""
    rotations: int = 0

    @property
    def written(self) -> int:
        """Physical lines that must be stored."""
        return self.lines.total()

    def note(self, record: Record) -> None:
        """Count a record."""
        for line in record.lines:
            self.order.setdefault(line, len(self.order))
            self.lines[line] += 1


def scripts(started: datetime) -> tuple[Script, ...]:
    """The logs of the six services; `started` names the files, as their services do."""
    day, second = f"{started:%Y%m%d}", f"{started:%Y%m%d_%H%M%S}"
    engine = "\033[1;36m(EngineCore_DP0 pid=203)\033[0;0m"
    return (
        Script(service="fastapi", name="app.log", style=Style.RENAME, share=0.30, records=fastapi.records),
        Script(
            service="vllm",
            name=f"model1_{second}.log",
            style=Style.COPY_TRUNCATE,
            share=0.25,
            records=vllm.records(1, "(APIServer pid=412)"),
        ),
        Script(
            service="vllm",
            name=f"model2_{second}.log",
            style=Style.RENAME,
            share=0.15,
            records=vllm.records(2, engine),
        ),
        Script(
            service="mlflow", name=f"mlflow_{second}.log", style=Style.COPY_TRUNCATE, share=0.08, records=mlflow.records
        ),
        Script(
            service="inference", name=f"inference_{day}.log", style=Style.RENAME, share=0.10, records=inference.records
        ),
        Script(
            service="training",
            name=f"train_{second}.log",
            style=Style.COPY_TRUNCATE,
            share=0.07,
            records=training.records,
        ),
        Script(service="system", name="syslog.log", style=Style.LATE_RENAME, share=0.03, records=system.syslog),
        Script(service="system", name=f"node_{day}.log", style=Style.COPY_TRUNCATE, share=0.02, records=system.node),
    )


class _Log:
    """One log under way."""

    def __init__(self, script: Script, root: Path, tally: Tally, now: Now) -> None:
        self.script = script
        self.file = LogFile(root / script.service / script.name, script.style)
        self.tally = tally
        self.lines = 0
        self._records = script.records(now)
        self._rest = b""

    def write_up_to(self, lines: int) -> None:
        """Write records until there are `lines`; if the last one is torn, it is finished at the next call."""
        self.finish()
        while self.lines < lines:
            self.finish()
            self._write(next(self._records))

    def finish(self) -> None:
        """Write the second half of a torn record."""
        if self._rest:
            self.file.write(self._rest)
            self._rest = b""

    def rotate(self) -> None:
        """Rotate, between two records."""
        self.finish()
        self.file.rotate()
        self.tally.rotations += 1

    def _write(self, record: Record) -> None:
        half = len(record.data) // 2 if record.torn else len(record.data)
        self.file.write(record.data[:half])
        self._rest = record.data[half:]
        self.lines += len(record.lines)
        self.tally.note(record)


class Writer:
    """All logs of the demonstration under `root`."""

    def __init__(
        self, root: Path, *, seconds: float, rate: float, elapsed: Callable[[], float], now: Now | None = None
    ) -> None:
        clock = now or (lambda: datetime.now(UTC))
        self.root = root
        self._seconds = seconds
        self._rate = rate
        self._elapsed = elapsed
        self.tallies: dict[str, Tally] = {}
        self._logs = [
            _Log(script, root, self.tallies.setdefault(script.service, Tally()), clock) for script in scripts(clock())
        ]
        self._rotations = sorted(self._plan(), key=lambda due: due[0])

    def _plan(self) -> Sequence[tuple[float, _Log]]:
        """When each log rotates: evenly over the run, the logs one after another."""
        slots = ROTATIONS * len(self._logs)
        return [
            (self._seconds * (0.1 + 0.8 * (turn * len(self._logs) + place) / slots), log)
            for turn in range(ROTATIONS)
            for place, log in enumerate(self._logs)
        ]

    def step(self) -> bool:
        """Write and rotate what is due; False when the run is over and every file is closed."""
        at = min(self._elapsed(), self._seconds)
        for log in self._logs:
            log.write_up_to(round(self._rate * log.script.share * at))
            log.file.reopen()
        while self._rotations and self._rotations[0][0] <= at:
            self._rotations.pop(0)[1].rotate()
        if at < self._seconds:
            return True
        self._close()
        return False

    def _close(self) -> None:
        for log in self._logs:
            log.finish()
            log.file.close()
