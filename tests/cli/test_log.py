"""The agent's own log."""

from __future__ import annotations

import json

import pytest
import structlog

from shipper.cli.log import set_up_log


@pytest.fixture(autouse=True)
def _restore() -> object:
    yield
    structlog.reset_defaults()


def test_a_line_of_json_has_time_level_and_event_first_and_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_log("info", "json", lambda text: text.replace("hunter2", "***"))
    log = structlog.get_logger()
    log.debug("not_shown")
    log.error("loki_unauthorized", detail="tried hunter2", path="/a\x1b[1m", count=3)
    written = json.loads(capsys.readouterr().err)
    assert list(written) == ["timestamp", "level", "event", "detail", "path", "count"]
    written.pop("timestamp")
    assert written == {
        "level": "error",
        "event": "loki_unauthorized",
        "detail": "tried ***",
        "path": "/a\x1b[1m",
        "count": 3,
    }


def test_the_console_shows_control_characters_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_log("warning", "console", lambda text: text)
    structlog.get_logger().warning("file_unreadable", path="/a\x1b[2J\nb")
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "/a\\x1b[2J\\nb" in line
    assert "\x1b" not in line
