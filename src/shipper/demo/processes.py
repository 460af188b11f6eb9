"""The receiver and the agent, each as a process of its own, as a user would start them.

Rule 1: a process started here is stopped here: asked first, killed when it does not listen.
Rule 2: the agent's books are checked at every step: an imbalance ends it, and with it the demonstration.
Rule 3: what a process says on stderr is kept in a file beside the demonstration's logs.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import orjson

from shipper.books import ASSERT
from shipper.errors import ShipperError

SECONDS_TO_START = 20.0
SECONDS_TO_STOP = 10.0
LISTENING = re.compile(r"listening on (http://\S+)")


class DemoError(ShipperError):
    """A part of the demonstration did not start or did not stay."""


@contextmanager
def process(
    arguments: Sequence[str], said: Path, *, stdout: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[str]]:
    """Run `shipper` with `arguments`, stderr into the file `said`; stopped at the end of the block."""
    command = [sys.executable, "-m", "shipper", *arguments]
    with said.open("w") as stderr, _own_group(command, stdout, stderr) as running:
        try:
            yield running
        finally:
            stop(running)


def _own_group(command: Sequence[str], stdout: int, stderr: IO[str]) -> subprocess.Popen[str]:
    """Start it in a group of its own, so a Ctrl-C on the terminal is the demonstration's to handle."""
    return subprocess.Popen(  # noqa: S603 - our own interpreter with our own arguments
        command,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        text=True,
        process_group=0,
        env={**os.environ, ASSERT: "1"},
    )


def stop(running: subprocess.Popen[str]) -> int:
    """Ask a process to stop, kill it if it does not; its exit code."""
    if running.poll() is None:
        running.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        return running.wait(SECONDS_TO_STOP)
    running.kill()
    return running.wait()


@contextmanager
def receiver(directory: Path) -> Iterator[str]:
    """The embedded receiver on a free port; gives its URL."""
    said = directory / "devloki.err"
    with process(["devloki", "--listen", "127.0.0.1:0"], said, stdout=subprocess.PIPE) as running:
        yield _listening(running, said)


def _listening(running: subprocess.Popen[str], said: Path) -> str:
    """Wait until the receiver says where it listens."""
    assert running.stdout is not None
    deadline = time.monotonic() + SECONDS_TO_START
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([running.stdout], [], [], left)[0]:
            break
        line = running.stdout.readline()
        if found := LISTENING.search(line):
            return found[1]
        if not line:
            break
    raise DemoError("the embedded receiver did not start", hint=last_words(said) or "run `shipper devloki` to see why")


@contextmanager
def agent(config: Path, directory: Path) -> Iterator[subprocess.Popen[str]]:
    """The agent on `config`; its log is in `agent.log`."""
    with process(["run", "--config", str(config)], directory / "agent.log") as running:
        yield running


def page(running: subprocess.Popen[str], said: Path) -> str:
    """Where the agent's status page is; waits until its log says so. "" if it does not come to that."""
    deadline = time.monotonic() + SECONDS_TO_START
    while running.poll() is None and time.monotonic() < deadline:
        for entry in _entries(said):
            if entry.get("event") == "listening":
                return str(entry["url"])
        time.sleep(0.05)
    return ""


def last_words(said: Path) -> str:
    """The last line a process wrote to its stderr."""
    lines = said.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


def failures(said: Path) -> tuple[str, ...]:
    """The failures an agent named in its log, each once, with what it said about them."""
    named = {}
    for entry in _entries(said):
        if entry.get("level") in ("error", "warning", "critical"):
            about = " ".join(str(entry[key]) for key in ("source", "what", "detail") if key in entry)
            named[f"{entry.get('event')}: {about}".rstrip(": ")] = True
    return tuple(named)


def _entries(said: Path) -> Iterator[dict[str, Any]]:
    """What an agent has logged so far."""
    for line in said.read_bytes().splitlines():
        with contextlib.suppress(orjson.JSONDecodeError):
            entry = orjson.loads(line)
            if isinstance(entry, dict):
                yield entry
