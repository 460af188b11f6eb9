"""The agent ends within `shutdown_timeout` and about a second, whatever hangs, and goes on where it was.

What an end that waits would wait for takes minutes here or for ever, so the bound below says nothing of speed.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator

import pytest
from tests.e2e.conftest import eventually

pytestmark = pytest.mark.e2e

SOURCE = """
[[source]]
name = "app"
type = "file"
paths = ["{logs}/*.log"]
pipeline = "plaintext"
filename_label = false
"""
LINES = [f"line {number}" for number in range(200)]
PATIENT = "120s"
SOON = 'shutdown_timeout = "500ms"'
BOUND = 30
"""Seconds; far above shutdown_timeout, far below everything that hangs."""


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server whose connections nobody has accepted yet."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server


def url(server: socket.socket) -> str:
    return f"http://127.0.0.1:{server.getsockname()[1]}"


def ends(world) -> int:  # type: ignore[no-untyped-def]
    world.process.send_signal(signal.SIGTERM)
    code = world.process.wait(BOUND)
    world.process = None
    return int(code)


def goes_on(world) -> None:  # type: ignore[no-untyped-def]
    """After a start with a Loki that answers, everything is there once, and what comes after it."""
    world.configure(SOURCE)
    world.start()
    with (world.logs / "app.log").open("a") as file:
        file.write("after\n")
    world.expect(world.selector(), [*LINES, "after"])
    assert world.stop() == 0


def begun(world) -> bool:  # type: ignore[no-untyped-def]
    """Whether the journal has begun what is being sent."""
    return b'"open_spans": 1' in world.run("positions", "--json").stdout


def write(world) -> None:  # type: ignore[no-untyped-def]
    (world.logs / "app.log").write_text("".join(f"{line}\n" for line in LINES))


def test_a_loki_that_accepts_and_never_answers_holds_up_no_end(world, silent: socket.socket) -> None:  # type: ignore[no-untyped-def]
    world.configure(SOURCE, url=url(silent), timeout=PATIENT, agent=SOON)
    write(world)
    world.start()
    eventually(lambda: begun(world), "the span is begun")
    assert ends(world) == 0
    goes_on(world)


def test_a_loki_that_drips_its_answer_holds_up_no_end(world, silent: socket.socket) -> None:  # type: ignore[no-untyped-def]
    stop = threading.Event()

    def drip() -> None:
        silent.settimeout(0.05)
        connections = []
        while not stop.is_set():
            with contextlib.suppress(OSError):
                connections.append(silent.accept()[0])
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        for connection in connections:
            connection.close()

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        world.configure(SOURCE, url=url(silent), timeout=PATIENT, agent=SOON)
        write(world)
        world.start()
        eventually(lambda: begun(world), "the span is begun")
        assert ends(world) == 0
    finally:
        stop.set()
        thread.join()
    goes_on(world)


def test_a_loki_whose_host_drops_connections_holds_up_no_end(world) -> None:  # type: ignore[no-untyped-def]
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, contextlib.ExitStack() as stack:
        # A full queue of connections that nobody accepts: the kernel leaves further ones without an answer.
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        world.configure(SOURCE, url=url(server), timeout=PATIENT, agent=SOON)
        write(world)
        world.start()
        eventually(lambda: begun(world), "the span is begun")
        assert ends(world) == 0
    goes_on(world)


def test_a_name_that_is_looked_up_for_ever_holds_up_no_end(world) -> None:  # type: ignore[no-untyped-def]
    world.configure(SOURCE, url="http://loki.example:3100", timeout=PATIENT, agent=SOON)
    write(world)
    world.start("import socket, time\nsocket.getaddrinfo = lambda *_, **__: time.sleep(3600)")
    eventually(lambda: begun(world), "the span is begun")
    assert ends(world) == 0
    goes_on(world)


def test_a_source_that_hangs_in_a_read_holds_up_no_end_and_no_other_source(world) -> None:  # type: ignore[no-untyped-def]
    (world.logs / "mount").mkdir()
    other = SOURCE.replace('"app"', '"hung"').replace("*.log", "mount/*.log").replace('"plaintext"', '"text"')
    world.configure(SOURCE + other, agent=SOON)
    (world.logs / "mount" / "app.log").write_text("never read\n")
    write(world)
    world.start(
        "import os, time\n"
        "from shipper.sources.file import content\n"
        "read = content.Plain.read\n"
        "def hang(self, offset, size):\n"
        "    if '/mount/' in os.readlink(f'/proc/self/fd/{self._descriptor}'):\n"
        "        time.sleep(3600)\n"
        "    return read(self, offset, size)\n"
        "content.Plain.read = hang"
    )
    world.expect(world.selector(), LINES)
    assert ends(world) == 0
    assert "source_stuck" in world.agent_log()
    goes_on(world)


def test_a_journal_that_cannot_be_written_holds_up_no_end(world) -> None:  # type: ignore[no-untyped-def]
    world.configure(SOURCE, agent=SOON)
    assert world.run("run", "--once").returncode == 0
    write(world)
    size = (world.root / "state" / "journal.db").stat().st_size
    world.start(f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))")
    eventually(lambda: "journal_write" in world.agent_log(), "the journal cannot be written")
    assert ends(world) == 0
    goes_on(world)


def test_a_journal_that_hangs_holds_up_no_end(world) -> None:  # type: ignore[no-untyped-def]
    world.configure(SOURCE, agent=SOON)
    write(world)
    world.start(
        "import time\n"
        "from shipper.journal import Journal\n"
        "def hang(self, settled):\n"
        "    print('no way out', flush=True)\n"
        "    time.sleep(3600)\n"
        "Journal._commit = hang"
    )
    eventually(lambda: "no way out" in world.agent_log(), "a commit hangs")
    assert ends(world) == 0
    goes_on(world)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once(world, silent: socket.socket, number: signal.Signals) -> None:  # type: ignore[no-untyped-def]
    world.configure(SOURCE, url=url(silent), timeout=PATIENT, agent='shutdown_timeout = "3600s"')
    write(world)
    world.start()
    eventually(lambda: begun(world), "the span is begun")
    process = world.process
    process.send_signal(number)
    # The first one may still be on its way; it is the one after it that ends at once.
    eventually(lambda: process.poll() is not None or process.send_signal(number), "it ends", BOUND)
    assert process.wait() == -number
    world.process = None
    goes_on(world)
