"""The logging module to copy: what its file has and what the terminal shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "app_logging"
PROGRAM = """
import logging
from app_logging import configure, get_logger

configure("python-starter-kit")
log = get_logger("app.main")
log.info("chat_answered", request_id="3b64dae4", user_id=17, text="한국어")
logging.getLogger("uvicorn.error").warning("took %d s", 3)
try:
    1 / 0
except ZeroDivisionError:
    log.exception("chat_failed", request_id="9")
log.debug("not at this level")
"""


def _run(program: str, directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {name: value for name, value in os.environ.items() if name not in ("ENV", "LOG_DIR", "LOG_LEVEL")}
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=directory,
        env={**given, "PYTHONPATH": str(EXAMPLE), **environment},
        capture_output=True,
        text=True,
        check=True,
    )


def _events(directory: Path) -> list[dict[str, Any]]:
    text = (directory / "logs/apps/python-starter-kit/app.log").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_each_event_is_one_line_with_what_shipper_reads(tmp_path):
    said = _run(PROGRAM, tmp_path, ENV="production")
    answered, took, failed = _events(tmp_path)
    times = [event.pop("timestamp") for event in (answered, took, failed)]
    exception = failed.pop("exception")
    context = {"app": "python-starter-kit", "env": "production", "service": "python-starter-kit"}
    assert answered == {
        **context,
        "event": "chat_answered",
        "level": "info",
        "logger": "app.main",
        "request_id": "3b64dae4",
        "user_id": 17,
        "text": "한국어",
    }
    assert took == {**context, "event": "took 3 s", "level": "warning", "logger": "uvicorn.error"}
    assert failed == {**context, "event": "chat_failed", "level": "error", "logger": "app.main", "request_id": "9"}
    assert exception.startswith("Traceback")
    assert exception.endswith("ZeroDivisionError: division by zero")
    assert times == sorted(times)
    assert {time[-1] for time in times} == {"Z"}
    assert (said.stdout, said.stderr) == ("", "")


def test_in_development_the_terminal_shows_it_too(tmp_path):
    said = _run(PROGRAM, tmp_path)
    assert [event["env"] for event in _events(tmp_path)] == ["development"] * 3
    assert [text for text in ("chat_answered", "took 3 s", "ZeroDivisionError") if text not in said.stderr] == []


@pytest.mark.parametrize(("level", "events"), [("DEBUG", 4), ("ERROR", 1)])
def test_the_level_comes_from_the_environment(tmp_path, level, events):
    _run(PROGRAM, tmp_path, ENV="production", LOG_LEVEL=level)
    assert len(_events(tmp_path)) == events


def test_the_file_is_rotated_and_five_backups_are_kept(tmp_path):
    _run(
        "import app_logging\n"
        "app_logging.MAX_BYTES = 2000\n"
        "app_logging.configure('python-starter-kit')\n"
        "log = app_logging.get_logger('app')\n"
        "for number in range(200):\n"
        "    log.info('counted', number=number)\n",
        tmp_path,
        ENV="production",
    )
    names = sorted(path.name for path in (tmp_path / "logs/apps/python-starter-kit").iterdir())
    assert names == ["app.log", *(f"app.log.{number}" for number in range(1, 6))]
