"""The whole demonstration, from an empty directory to a verdict.

    1. the receiver starts, then the agent, on a configuration like the shipped one
    2. six services write, and their files rotate
    3. the agent gets time to catch up and is stopped
    4. the proof: every line written is stored, once

Rule 1: whatever happens, both processes are stopped and the directory is removed.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from shipper.demo import processes
from shipper.demo.configuration import SERVICES, configuration, selector
from shipper.demo.proof import Loki, Verdict, compare
from shipper.demo.writer import TICK, Writer

PATIENCE = 15.0
"""Seconds without a new entry after which the agent is thought to have given up."""
LOOK_EVERY = 0.25
MARGIN = 120 * 1_000_000_000
"""ns: lines may carry a time up to a second before they were written, and clock times run ahead by a few ns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the demonstration showed."""

    verdicts: tuple[Verdict, ...]
    seconds: float
    """From the last line written until everything was stored."""
    agent_exit: int
    failures: tuple[str, ...]
    """What the agent named in its log."""

    @property
    def proven(self) -> bool:
        """Nothing missing, nothing twice, and the agent stopped cleanly."""
        return self.agent_exit == 0 and all(verdict.proven for verdict in self.verdicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where a demonstration under way can be looked at."""

    url: str
    page: str
    """Where the agent's status page is, while it runs."""
    directory: Path
    writer: Writer


Say = Callable[[str, Scene], None]
"""Told of each act ("writing", "catching up", "proving", "proven") when it begins."""


def demonstrate(*, seconds: float, rate: float, say: Say, linger: Callable[[Scene, Report], None]) -> Report:
    """Run it all; `linger` is called with the verdict while the receiver still answers."""
    with tempfile.TemporaryDirectory(prefix="shipper-demo-") as name:
        directory = Path(name)
        with processes.receiver(directory) as url:
            loki = Loki(url)
            try:
                scene, report = _perform(directory, url, loki, seconds=seconds, rate=rate, say=say)
                linger(scene, report)
            finally:
                loki.close()
    return report


def _perform(directory: Path, url: str, loki: Loki, *, seconds: float, rate: float, say: Say) -> tuple[Scene, Report]:
    config = directory / "shipper.toml"
    config.write_text(configuration(directory, url))
    with processes.agent(config, directory) as running:
        page = processes.page(running, directory / "agent.log")
        began, started = time.time_ns(), time.monotonic()
        writer = Writer(directory / "logs", seconds=seconds, rate=rate, elapsed=lambda: time.monotonic() - started)
        scene = Scene(url=url, page=page, directory=directory, writer=writer)
        say("writing", scene)
        while writer.step():
            _check(running, directory)
            time.sleep(TICK)
        written = time.monotonic()
        say("catching up", scene)
        _catch_up(running, loki, writer, began)
        caught_up = time.monotonic() - written
        exit_code = processes.stop(running)
    say("proving", scene)
    report = Report(
        verdicts=_prove(loki, writer, began),
        seconds=caught_up,
        agent_exit=exit_code,
        failures=processes.failures(directory / "agent.log"),
    )
    return scene, report


def _check(running: subprocess.Popen[str], directory: Path) -> None:
    """An agent that ended by itself ends the demonstration."""
    if running.poll() is not None:
        words = processes.last_words(directory / "agent.log")
        raise processes.DemoError(f"the agent stopped with exit code {running.returncode}", hint=words)


def _catch_up(running: subprocess.Popen[str], loki: Loki, writer: Writer, began: int) -> None:
    """Wait until every line is stored, or nothing more comes, or the agent is gone."""
    received, since = -1, time.monotonic()
    while time.monotonic() - since < PATIENCE:
        _check(running, writer.root.parent)
        now = _stored(loki)
        if now != received:
            received, since = now, time.monotonic()
        elif all(not verdict.missing for verdict in _prove(loki, writer, began)):
            return
        time.sleep(LOOK_EVERY)


def _stored(loki: Loki) -> int:
    """Entries stored so far."""
    try:
        return int(loki.stats()["entries_stored"])
    except httpx.TransportError as error:
        raise processes.DemoError(f"the embedded receiver went away ({error})", hint="run the demo again") from error


def _prove(loki: Loki, writer: Writer, began: int) -> tuple[Verdict, ...]:
    start, end = began - MARGIN, time.time_ns() + MARGIN
    return tuple(
        compare(
            service,
            writer.tallies[service],
            loki.entries(selector(service), start, end),
            loki.count(selector(service), start, end),
        )
        for service in SERVICES
    )
