"""What the six services write, and the tally of it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shipper.demo.record import Line
from shipper.demo.writer import ROTATIONS, Writer, scripts
from shipper.sources.framing import Framer

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


class _Time:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.elapsed = 0.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.elapsed)


def _run(root: Path, seconds: float = 10.0, rate: float = 500.0) -> Writer:
    time = _Time()
    writer = Writer(root, seconds=seconds, rate=rate, elapsed=lambda: time.elapsed, now=time.now)
    while writer.step():
        time.elapsed += 0.05
    return writer


def _lines_on_disk(directory: Path) -> Counter[str]:
    """Every line in all generations, after the line rules."""
    lines: Counter[str] = Counter()
    for path in directory.iterdir():
        framed = Framer(1 << 20).feed(path.read_bytes())
        lines.update(line.decode() for line in framed.lines if line.strip())
    return lines


def test_what_is_tallied_is_what_is_in_the_files_after_the_line_rules(tmp_path: Path) -> None:
    writer = _run(tmp_path)
    for service, tally in writer.tallies.items():
        tallied: Counter[str] = Counter()
        for line, count in tally.lines.items():
            tallied[line.text] += count
        assert _lines_on_disk(tmp_path / service) == tallied


def test_every_log_rotates_and_the_rate_is_kept(tmp_path: Path) -> None:
    writer = _run(tmp_path)
    logs = Counter(script.service for script in scripts(NOON))
    assert {name: tally.rotations for name, tally in writer.tallies.items()} == {
        name: ROTATIONS * count for name, count in logs.items()
    }
    written = sum(tally.written for tally in writer.tallies.values())
    assert 5000 <= written <= 5000 + 20 * len(scripts(NOON))


def test_two_runs_at_the_same_time_write_the_same(tmp_path: Path) -> None:
    first, second = _run(tmp_path / "a", 3.0), _run(tmp_path / "b", 3.0)
    assert {name: tally.lines for name, tally in first.tallies.items()} == {
        name: tally.lines for name, tally in second.tallies.items()
    }


def test_each_kind_of_trouble_is_in_the_logs(tmp_path: Path) -> None:
    writer = _run(tmp_path)
    equal = {name for name, tally in writer.tallies.items() if any(count > 1 for count in tally.lines.values())}
    assert {"fastapi", "system"} <= equal
    levels = {name: {line.level for line in tally.lines} for name, tally in writer.tallies.items()}
    assert levels == {
        "fastapi": {"", "debug", "info", "warning", "error"},
        "vllm": {""},
        "mlflow": {"", "info", "warning", "error"},
        "inference": {"", "info", "critical"},
        "training": {"", "info", "error"},
        "system": {""},
    }
    raw = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert all(piece in raw for piece in (b"\r\n", b"\rEpoch", b"\n\n\n", b"\x1b[1;36m", b"NaN", "정확도".encode()))
    assert any(line.text.startswith("Epoch 17: 100%") for line in writer.tallies["training"].lines)
    assert Line("INFO:     Started server process [7]") in writer.tallies["fastapi"].lines
