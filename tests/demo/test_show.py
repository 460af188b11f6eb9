"""The demonstration as a user runs it: real processes, real files, a proof."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e


def _start(directory: Path, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "shipper", "demo", *args],
        env={**os.environ, "TMPDIR": str(directory)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _descendants(process: int) -> Iterator[int]:
    """Every process below this one."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    for child in map(int, children):
        yield child
        yield from _descendants(child)


def test_everything_written_is_stored_once_while_files_rotate(tmp_path: Path) -> None:
    running = _start(tmp_path, "--for", "4s", "--rate", "400", "--json")
    out, err = running.communicate(timeout=120)
    document = json.loads(out)
    total = document.pop("total")
    assert (running.returncode, err, document["failures"], document["agent_exit"]) == (0, "", [], 0)
    assert total["written"] == total["stored"] > 1600
    wrong = ("missing", "duplicated", "invented", "mislabelled", "out_of_order")
    assert {name: total[name] for name in wrong} == dict.fromkeys(wrong, 0)
    assert total["rotations"] == 24
    assert [service["service"] for service in document["services"] if service["proven"]] == [
        "fastapi",
        "vllm",
        "mlflow",
        "inference",
        "training",
        "system",
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_no_process_and_no_file(tmp_path: Path, number: signal.Signals) -> None:
    running = _start(tmp_path, "--for", "60s")
    assert running.stdout is not None
    while not running.stdout.readline().startswith("agent"):
        assert running.poll() is None
    below = list(_descendants(running.pid))
    assert len(below) == 2
    running.send_signal(number)
    running.communicate(timeout=30)
    assert running.returncode == 130
    assert [process for process in below if Path(f"/proc/{process}").exists()] == []
    assert list(tmp_path.iterdir()) == []
