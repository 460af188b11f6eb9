"""Writes the six services' logs for as long as it runs: `python -m shipper.demo.generate logs --rate 20`.

For the quick start's stack and for trying things: no receiver, no agent, no proof. `shipper demo` proves.

Rule 1: the same records as in the demonstration, one after another without chance.
Rule 2: a log is rotated at `--rotate-at` bytes and keeps five backups, so it never takes more than six times that.
"""

from __future__ import annotations

import argparse
import signal
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from shipper.demo.rotation import LogFile
from shipper.demo.writer import Script, scripts

TICK = 0.25
"""Seconds between two writes."""
ROTATE_AT = 10_000_000


def _now() -> datetime:
    return datetime.now(UTC)


class _Log:
    """One log, and how many lines it has had."""

    def __init__(self, script: Script, root: Path, rotate_at: int) -> None:
        self._file = LogFile(root / script.service / script.name, script.style)
        self._records = script.records(_now)
        self._share = script.share
        self._rotate_at = rotate_at
        self._size = self._file.path.stat().st_size
        self._lines = 0

    def write_up_to(self, total: float) -> None:
        """Write this log's share of `total` lines, and rotate it when it is full."""
        self._file.reopen()
        while self._lines < total * self._share:
            record = next(self._records)
            self._file.write(record.data)
            self._lines += max(1, len(record.lines))
            self._size += len(record.data)
        if self._size >= self._rotate_at:
            self._file.rotate()
            self._size = 0

    def close(self) -> None:
        self._file.close()


def generate(
    root: Path, *, rate: float, rotate_at: int, wait: Callable[[float], bool], monotonic: Callable[[], float]
) -> None:
    """Write under `root` at `rate` lines a second in all; `wait` sleeps for seconds and says whether to end."""
    begun = monotonic()
    logs = [_Log(script, root, rotate_at) for script in scripts(_now())]
    while not wait(TICK):
        total = (monotonic() - begun) * rate
        for log in logs:
            log.write_up_to(total)
    for log in logs:
        log.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m shipper.demo.generate", description=(__doc__ or "").split(":")[0])
    parser.add_argument("root", type=Path, help="the directory that gets one directory for each service")
    parser.add_argument("--rate", type=float, default=20.0, help="lines a second, all services together (20)")
    parser.add_argument("--rotate-at", type=int, default=ROTATE_AT, metavar="BYTES", help="size at which a log rotates")
    named = parser.parse_args(arguments)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    generate(named.root, rate=named.rate, rotate_at=named.rotate_at, wait=ended.wait, monotonic=time.monotonic)


if __name__ == "__main__":
    main()
