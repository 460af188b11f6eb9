"""A whole host's logs: two vLLM servers and FastAPI in volume, the other services in between, as files on disk.

The same bytes for the same number of lines: every service has a clock that ticks with its records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from benchmarks.fastapi_load import fastapi_lines
from benchmarks.loads import batches
from benchmarks.vllm_load import Server, lines_of, vllm_lines
from shipper.demo.record import Now, Records
from shipper.demo.services import inference, mlflow, system, training

BEGAN: Final = datetime(2026, 1, 27, 15, 40, tzinfo=UTC)
SECOND_MODEL: Final = Server(profile="B", seed=2, tag="[Model2] ", ansi=True, head=True)

LOGS: Final[tuple[tuple[str, float, Callable[[int], Iterator[bytes]]], ...]] = (
    ("vllm/model1_20260127_154000.log", 0.45, lambda count: vllm_lines(count, Server(head=True))),
    ("vllm/model2_20260127_154000.log", 0.20, lambda count: vllm_lines(count, SECOND_MODEL)),
    ("fastapi/app.log", 0.25, fastapi_lines),
    ("inference/inference_20260127.log", 0.05, lambda count: _served(inference.records, count)),
    ("mlflow/mlflow_20260127_154000.log", 0.02, lambda count: _served(mlflow.records, count)),
    ("training/train_20260127_154000.log", 0.01, lambda count: _served(training.records, count)),
    ("system/syslog.log", 0.02, lambda count: _served(system.syslog, count)),
)
"""Each log with its share of the lines."""


def host(directory: Path, count: int) -> int:
    """Write the logs below a directory; how many lines there are, blank ones among them left out."""
    lines = 0
    for name, share, made in LOGS:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for batch in batches(made(round(count * share))):
                file.write(b"".join(batch))
                lines += sum(1 for line in batch if line.strip())
    return lines


def _served(records: Callable[[Now], Records], count: int) -> Iterator[bytes]:
    """Exactly so many lines of a service."""
    return islice((line for record in records(_clock()) for line in lines_of(record.data)), count)


def _clock() -> Now:
    """A clock that goes on by 10 ms whenever it is asked."""
    ticks = iter(range(1 << 62))
    return lambda: BEGAN + timedelta(milliseconds=10 * next(ticks))
