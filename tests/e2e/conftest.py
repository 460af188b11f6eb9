"""The real agent as a process, against the embedded receiver or, unchanged, a Loki in SHIPPER_TEST_LOKI_URL.

Between the agent and Loki stands the torture's relay, so that the same failures happen before either.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from benchmarks.torture.loki import Loki, embedded
from benchmarks.torture.relay import Relay

ENVIRONMENT = {**os.environ, "SHIPPER_ASSERT_BOOKS": "1"}
"""An imbalance of the books ends the agent, and with it the test."""
PATIENCE = 60.0


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "e2e: the real agent as a process")


def eventually(check: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait until `check` holds; fail with `what` if it never does."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            pytest.fail(f"never came true within {seconds:.0f} s: {what}")
        time.sleep(0.02)


class World:
    """A directory with logs, a configuration, an agent, and the Loki it ships to."""

    def __init__(self, root: Path, loki: Loki, relay: Relay) -> None:
        self.root = root
        self.loki = loki
        self.relay = relay
        self.uid = uuid.uuid4().hex[:12]
        self.logs = root / "logs"
        self.logs.mkdir()
        self.config = root / "shipper.toml"
        self.process: subprocess.Popen[bytes] | None = None

    def configure(
        self,
        sources: str,
        *,
        loki: str = "",
        agent: str = "",
        url: str | None = None,
        timeout: str = "1500ms",
        backoff: str = '{ min = "20ms", max = "300ms" }',
        listen: str = "",
    ) -> None:
        """Write shipper.toml: `sources` may speak of {logs}; every stream gets the label `run`."""
        self.config.write_text(
            f"""
[loki]
url = "{url or self.relay.url}"
batch_wait = "50ms"
timeout = "{timeout}"
backoff = {backoff}
{loki}
[agent]
data_dir = "{self.root}/state"
listen = "{listen}"
{agent}
[labels]
run = "{self.uid}"
{sources.replace("{logs}", str(self.logs))}
"""
        )

    def selector(self, **labels: str) -> str:
        return "{" + ", ".join(f'{name}="{value}"' for name, value in {"run": self.uid, **labels}.items()) + "}"

    def run(self, *arguments: str, timeout: float = PATIENCE) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "shipper", "-c", str(self.config), *arguments],
            capture_output=True,
            timeout=timeout,
            check=False,
            cwd=self.root,
            env=ENVIRONMENT,
        )

    def start(self, before: str = "") -> None:
        """Start the agent; `before` is Python that its process runs first."""
        assert self.process is None
        program = f"import sys\n{before}\nfrom shipper.cli import main\nmain()"
        log = (self.root / "agent.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, "-c", str(self.config), "run"],
            stdout=log,
            stderr=log,
            cwd=self.root,
            env=ENVIRONMENT,
        )
        log.close()

    def kill(self) -> None:
        """kill -9 the agent."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self) -> int:
        """Stop the agent in order; return its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.process = None
        return code

    def agent_log(self) -> str:
        return (self.root / "agent.log").read_text()

    def await_entries(self, count: int, *, days: int = 1) -> None:
        """Wait until at least so many entries of this world are found."""
        eventually(lambda: len(self.loki.entries(self.selector(), days=days)) >= count, f"{count} entries")

    def settle(self, quiet: float = 3.0) -> None:
        """Wait until nothing new has arrived for `quiet` seconds."""
        count, since = -1, time.monotonic()
        while time.monotonic() - since < quiet:
            now = len(self.loki.entries(self.selector()))
            if now != count:
                count, since = now, time.monotonic()
            time.sleep(0.1)

    def expect(self, selector: str, lines: list[str]) -> None:
        """Wait until exactly these lines are there, in this order, each once and counted once."""
        eventually(lambda: len(self.loki.entries(selector)) >= len(lines), f"{len(lines)} lines for {selector}")
        assert self.loki.lines(selector) == lines
        assert self.loki.count(selector) == len(lines)


@pytest.fixture(scope="session")
def loki() -> Iterator[Loki]:
    url = os.environ.get("SHIPPER_TEST_LOKI_URL")
    if url:
        yield Loki(url)
        return
    with embedded() as url:
        yield Loki(url)


@pytest.fixture
def relay(loki: Loki) -> Iterator[Relay]:
    relay = Relay(loki.url, stall=3.0)
    yield relay
    relay.close()


@pytest.fixture
def world(tmp_path: Path, loki: Loki, relay: Relay) -> Iterator[World]:
    world = World(tmp_path, loki, relay)
    yield world
    if world.process is not None:
        world.kill()
