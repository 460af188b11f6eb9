"""Writes lines to a file at a steady rate, each with the moment it was written: `python -m benchmarks.writer`.

A process of its own, so that what it does is in nobody's account. It writes every 5 ms what is due; a line ends with
` w=NANOSECONDS` of the monotonic clock (`counting.py`), but not in the first `WARM` seconds, nor in the last `COOL`:
the first lines meet an agent that starts, the last ones wait for company that does not come.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from benchmarks.counting import WRITTEN
from benchmarks.vllm_load import Server, vllm_lines

TURN: Final = 0.005
WARM: Final = 3.0
COOL: Final = 1.5
BODIES: Final = 4096


def bodies() -> list[bytes]:
    """Access lines to take turns with, without their LF."""
    return [line.rstrip(b"\n") for line in vllm_lines(BODIES, Server(profile="A"))]


def block(lines: Sequence[bytes], now: int, timed: bool) -> bytes:
    """The lines as they are written at `now`."""
    end = WRITTEN + str(now).encode() + b"\n" if timed else b"\n"
    return end.join(lines) + end


def write(
    path: Path,
    rate: int,
    seconds: float,
    *,
    warm: float = WARM,
    cool: float = COOL,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, float]:
    """Write timed lines for so long; how many lines, how many of them timed, and in seconds how long and how late."""
    lines = cycle(bodies())
    began = monotonic()
    done = timed = 0
    late = 0.0
    with path.open("ab", buffering=0) as file:
        while (passed := monotonic() - began) < warm + seconds + cool:
            due = int(passed * rate) - done
            if due:
                within = warm <= passed < warm + seconds
                late = max(late, due / rate - TURN)
                file.write(block(list(islice(lines, due)), time.monotonic_ns(), within))
                done += due
                timed += due if within else 0
            sleep(max(0.0, TURN - (monotonic() - began - passed)))
    return {"lines": done, "timed": timed, "seconds": warm + seconds + cool, "late": round(late, 4)}


def burst(count: int, path: Path) -> dict[str, float]:
    """Write so many lines at once."""
    lines = list(islice(cycle(bodies()), count))
    with path.open("ab", buffering=0) as file:
        file.write(block(lines, time.monotonic_ns(), timed=True))
    return {"lines": count, "timed": count, "seconds": 0.0, "late": 0.0}


if __name__ == "__main__":
    print(json.dumps(write(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))))
