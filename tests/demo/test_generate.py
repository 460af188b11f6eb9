"""The endless writer of six services' logs."""

from __future__ import annotations

from pathlib import Path

from shipper.demo.generate import TICK, generate

SERVICES = {"fastapi", "vllm", "mlflow", "inference", "training", "system"}


class _Clock:
    """Waiting takes no time; after `seconds` of it the end has come."""

    def __init__(self, seconds: float) -> None:
        self.now = 0.0
        self._end = seconds

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return self.now > self._end

    def monotonic(self) -> float:
        return self.now


def _generate(root: Path, *, seconds: float, rate: float, rotate_at: int = 10**9) -> None:
    clock = _Clock(seconds)
    generate(root, rate=rate, rotate_at=rotate_at, wait=clock.wait, monotonic=clock.monotonic)


def test_each_service_writes_its_share_into_its_directory(tmp_path):
    _generate(tmp_path, seconds=60.0, rate=100.0)
    assert {path.name for path in tmp_path.iterdir()} == SERVICES
    fastapi = (tmp_path / "fastapi" / "app.log").read_bytes().count(b"\n")
    assert 0.30 * 100 * (60 - TICK) <= fastapi <= 0.30 * 100 * 60 + 50


def test_a_full_log_is_rotated_and_five_backups_are_kept(tmp_path):
    _generate(tmp_path, seconds=600.0, rate=100.0, rotate_at=20_000)
    assert sorted(path.name for path in (tmp_path / "fastapi").iterdir()) == [
        "app.log",
        *(f"app.log.{number}" for number in range(1, 6)),
    ]


def test_a_start_anew_appends(tmp_path):
    _generate(tmp_path, seconds=10.0, rate=100.0)
    first = (tmp_path / "fastapi" / "app.log").read_bytes()
    _generate(tmp_path, seconds=10.0, rate=100.0)
    assert (tmp_path / "fastapi" / "app.log").read_bytes().startswith(first)
