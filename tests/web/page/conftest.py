"""A real agent with its page, a Loki that can go away, and a browser that looks at it.

`SHIPPER_SCREENSHOTS` names where the pictures go; by default build/screenshots, which git ignores.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks.torture.loki import embedded
from benchmarks.torture.relay import Relay
from tests.web.page.browser import PATIENCE, Browser, Page, find

ENVIRONMENT = {**os.environ, "SHIPPER_ASSERT_BOOKS": "1"}
SCREENSHOTS = Path(os.environ.get("SHIPPER_SCREENSHOTS", Path(__file__).parents[3] / "build" / "screenshots"))
Picture = Callable[[Page, str], None]
CONFIGURATION = """
[loki]
url = "{loki}"
batch_wait = "50ms"
timeout = "1500ms"
backoff = {{ min = "20ms", max = "500ms" }}

[agent]
data_dir = "{root}/state"
listen = "{listen}"

[[source]]
name = "fastapi"
type = "file"
paths = ["{root}/logs/fastapi/*.log"]
labels = {{ job = "fastapi", service = "mlops" }}
pipeline = "json"

[[source]]
name = "vllm"
type = "file"
paths = ["{root}/logs/vllm/*.log"]
labels = {{ job = "vllm", service = "mlops" }}
pipeline = "text"
multiline = "python"
filename_label = false
"""


class Station:
    """One agent, its logs, and what stands between it and Loki."""

    def __init__(self, root: Path, relay: Relay) -> None:
        self.root = root
        self.relay = relay
        self.url = ""
        self._log = root / "agent.log"
        self._process: subprocess.Popen[bytes] | None = None
        for source in ("fastapi", "vllm"):
            (root / "logs" / source).mkdir(parents=True)

    def start(self) -> None:
        """Start the agent; where its page was before, or on a free port."""
        listen = self.url.removeprefix("http://").rstrip("/") or "127.0.0.1:0"
        configuration = self.root / "shipper.toml"
        configuration.write_text(CONFIGURATION.format(loki=self.relay.url, root=self.root, listen=listen))
        seen = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "shipper", "-c", str(configuration), "run"],
                stdout=log,
                stderr=log,
                env=ENVIRONMENT,
            )
        deadline = time.monotonic() + PATIENCE
        while not (said := [line for line in self._said(seen) if line.get("event") == "listening"]):
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.05)
        self.url = said[0]["url"]

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE)
            self._process = None

    def _said(self, since: int) -> list[dict[str, Any]]:
        lines = self._log.read_bytes()[since:].splitlines()
        return [json.loads(line) for line in lines if line.startswith(b"{") and line.endswith(b"}")]

    def write(self, path: str, *lines: str) -> None:
        """Append lines to a log, as `fastapi/app.log`."""
        with (self.root / "logs" / path).open("a") as log:
            log.writelines(f"{line}\n" for line in lines)

    def api(self, path: str) -> Any:
        """What the API says."""
        with urllib.request.urlopen(f"{self.url}api/v1/{path}", timeout=PATIENCE) as reply:
            return json.loads(reply.read())

    def api_post(self, path: str, body: object) -> Any:
        """What the API answers to a document."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}api/v1/{path}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
            return json.loads(reply.read())

    def until(self, holds: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """The first status for which this holds."""
        deadline = time.monotonic() + PATIENCE
        while not holds(status := self.api("status")):
            assert time.monotonic() < deadline, f"never came true: {what}; {status}"
            time.sleep(0.05)
        found: dict[str, Any] = status
        return found

    def until_settled(self, lines: int) -> dict[str, Any]:
        """The status when so many lines were read, and none of them is under way."""
        return self.until(
            lambda status: status["ready"] and status["books"]["read"] >= lines and not status["books"]["in_flight"],
            f"{lines} lines are settled",
        )


def entry(event: str, **fields: object) -> str:
    """A line of fastapi's log."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    return json.dumps({"event": event, "level": "info", "timestamp": f"{stamp}.000Z", **fields})


@pytest.fixture(scope="session")
def loki() -> Iterator[str]:
    with embedded() as url:
        yield url


@pytest.fixture
def station(tmp_path: Path, loki: str) -> Iterator[Station]:
    """A station of the test's own; the test starts it."""
    relay = Relay(loki)
    station = Station(tmp_path, relay)
    yield station
    station.stop()
    relay.close()


@pytest.fixture(scope="session")
def busy(tmp_path_factory: pytest.TempPathFactory, loki: str) -> Iterator[Station]:
    """An agent that has shipped something of everything; tests add to it, and break nothing."""
    relay = Relay(loki)
    station = Station(tmp_path_factory.mktemp("page"), relay)
    stamp = time.strftime("%m-%d %H:%M:%S", time.gmtime())
    for number in range(120):
        station.write(f"vllm/model{number:03d}.log", f"INFO {stamp} [loggers.py:111] Engine {number}: ready")
    station.write("fastapi/app.log", *(entry("request completed", status_code=200) for _ in range(40)))
    station.write("fastapi/app.log", "", "no JSON", entry("late", timestamp="2026-01-02T03:04:05Z", note="<b>old</b>"))
    station.start()
    station.until_settled(163)
    yield station
    station.stop()
    relay.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find()
    if path is None:
        missing = "no chromium here. Cure: sh scripts/tools.sh chromium, or install Debian's chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with tempfile.TemporaryDirectory(prefix="chromium-") as profile, Browser(path, Path(profile)) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page, on which nothing may go wrong; a test that makes something go wrong clears `complaints`."""
    page = browser.page()
    yield page
    complaints = list(page.complaints)
    page.close()
    assert complaints == []


@pytest.fixture
def picture() -> Picture:
    """Keeps what a page shows, for people to look at."""
    return lambda page, name: page.screenshot(SCREENSHOTS / f"{name}.png")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if found := sorted(SCREENSHOTS.glob("*.png")):
        terminalreporter.write_line(f"{len(found)} screenshots of the page are in {SCREENSHOTS}")
