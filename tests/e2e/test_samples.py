"""The six services' sample files, shipped once: each query answers exactly the files' lines, in order."""

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

SAMPLES = Path(__file__).parent.parent / "samples"
DAYS = 7
WRITTEN_ON = ("2026-01-27", "2026-02-04", "2026-02-10")
"""The days the samples are of; they are shipped as of the last three: Loki takes nothing older than a week."""

SOURCES = r"""
[[source]]
name = "fastapi"
type = "file"
paths = ["{logs}/fastapi/app.log*"]
labels = { job = "fastapi" }
pipeline = "json"
[[source]]
name = "vllm"
type = "file"
paths = ["{logs}/vllm/*.log"]
path_labels = '(?P<model>model\d+)_'
labels = { job = "vllm" }
pipeline = "plaintext"
[[source]]
name = "mlflow"
type = "file"
paths = ["{logs}/mlflow/*.log"]
labels = { job = "mlflow" }
pipeline = "text"
[[source]]
name = "inference"
type = "file"
paths = ["{logs}/inference/*.log"]
labels = { job = "inference" }
pipeline = "json"
[[source]]
name = "training"
type = "file"
paths = ["{logs}/training/*.log"]
labels = { job = "training" }
pipeline = "auto"
[[source]]
name = "system"
type = "file"
paths = ["{logs}/system/*.log"]
labels = { job = "system" }
pipeline = "text"
"""


def forms(day: datetime) -> tuple[str, ...]:
    """A day as the samples write it: ISO, with slashes, of access logs, of vLLM, of syslog."""
    return f"{day:%Y-%m-%d}", f"{day:%Y/%m/%d}", f"{day:%d/%b/%Y}", f"{day:%m-%d} ", f"{day:%b} {day.day:2} "


def copy_as_of_late(logs: Path) -> None:
    """The samples with days of this week."""
    now = datetime.now(UTC)
    days: dict[str, str] = {}
    for ago, day in zip((3, 2, 1), WRITTEN_ON, strict=True):
        days.update(zip(forms(datetime.fromisoformat(day)), forms(now - timedelta(days=ago)), strict=True))
    written = re.compile("|".join(rf"(?<![-\d]){day}" for day in days))
    for path in SAMPLES.glob("*/*"):
        copy, changed = logs / path.relative_to(SAMPLES), path.stat().st_mtime_ns
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(written.sub(lambda found: days[found[0]], path.read_bytes().decode()).encode())
        os.utime(copy, ns=(changed, changed))


def expected(path: Path) -> list[str]:
    """The lines of a file by the line rules, said in the plainest way."""
    lines = []
    for raw in path.read_bytes().decode().split("\n")[:-1]:
        states = raw.removesuffix("\r").split("\r")
        kept = next((state for state in reversed(states) if state.strip()), "")
        tag = states[0] if re.fullmatch(r"(\[\w+\] )?(\([^)]*\) )?", states[0]) and kept is not states[0] else ""
        if kept.strip():
            lines.append(tag + kept)
    return lines


@pytest.fixture
def shipped(world):  # type: ignore[no-untyped-def]
    copy_as_of_late(world.logs)
    world.configure(SOURCES)
    done = world.run("run", "--once")
    assert done.returncode == 0, done.stderr.decode()
    # Entries older than some hours are found only after a flush, and on a real server not at once.
    world.loki.flush()
    total = sum(len(expected(path)) for path in world.logs.glob("*/*"))
    world.await_entries(total, days=DAYS)
    return world


def test_each_query_answers_exactly_the_lines_of_the_files_in_order(shipped) -> None:  # type: ignore[no-untyped-def]
    for folder in ("fastapi", "vllm", "mlflow", "inference", "training", "system"):
        for path in sorted((shipped.logs / folder).iterdir()):
            selector = shipped.selector(job=folder, filename=str(path))
            assert shipped.loki.lines(selector, days=DAYS) == expected(path), path.name
    whole = [line for name in ("app.log.1", "app.log") for line in expected(shipped.logs / "fastapi" / name)]
    assert shipped.loki.lines(shipped.selector(job="fastapi"), days=DAYS) == whole


def test_labels_from_the_level_and_the_path_find_their_lines(shipped) -> None:  # type: ignore[no-untyped-def]
    errors = [
        line
        for name in ("app.log.1", "app.log")
        for line in expected(shipped.logs / "fastapi" / name)
        if line.startswith("{") and '"level": "error"' in line
    ]
    assert errors
    assert shipped.loki.lines(shipped.selector(job="fastapi", level="error"), days=DAYS) == errors
    (model1,) = (shipped.logs / "vllm").glob("model1*")
    assert shipped.loki.lines(shipped.selector(job="vllm", model="model1"), days=DAYS) == expected(model1)


def test_nothing_is_sent_a_second_time(shipped) -> None:  # type: ignore[no-untyped-def]
    pushes = shipped.relay.pushes
    assert shipped.run("run", "--once").returncode == 0
    assert shipped.relay.pushes == pushes


def test_a_pipeline_with_output_ships_the_event_or_else_the_message(world) -> None:  # type: ignore[no-untyped-def]
    (world.logs / "app.log").write_text(
        '{"event": "hello", "level": "info"}\n'
        '{"message": "from message", "level": "warn"}\n'
        '{"event": "", "message": "second best"}\n'
        '{"event": {"a": 1}, "message": "not an object"}\n'
        '{"event": null}\n'
        "plain text arrives untouched\n"
        '{"event": "broken"\n'
    )
    world.configure(
        """
[[source]]
name = "app"
type = "file"
paths = ["{logs}/*.log"]
pipeline = "own"
[[pipeline.own]]
stage = "json"
message = ["event", "message"]
[[pipeline.own]]
stage = "labels"
from = ["level"]
[[pipeline.own]]
stage = "output"
from = "message"
"""
    )
    done = world.run("run", "--once")
    assert done.returncode == 0, done.stderr.decode()
    assert world.loki.lines(world.selector()) == [
        "hello",
        "from message",
        "second best",
        "not an object",
        '{"event": null}',
        "plain text arrives untouched",
        '{"event": "broken"',
    ]
    assert world.loki.lines(world.selector(level="warning")) == ["from message"]
