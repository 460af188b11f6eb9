"""The machine fails: full disks, permissions, descriptors, clocks, very many files, long backlogs, hung mounts."""

from __future__ import annotations

import contextlib
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.torture.agent import Failed
from benchmarks.torture.lines import SECOND, Json, Plain
from benchmarks.torture.scenarios import Scenario
from benchmarks.torture.scenarios.crashes import kill
from benchmarks.torture.scenarios.rotations import RENAME
from benchmarks.torture.world import World

MANY_FILES = 10_000
BACKLOG = 10 << 30
"""Bytes of the backlog at 600 seconds a scenario; shorter ones scale it down."""
DAY = 86_400 * SECOND


@contextmanager
def small_disk(path: Path, size: int) -> Iterator[None]:
    """A disk of its own for a directory; needs root, as every mount does."""
    path.mkdir(mode=0o700, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"this scenario needs a small disk, and so root: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def fill(directory: Path) -> Path:
    """Leave no byte free; returns the file that has to go again."""
    filler = directory / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    return filler


def _disk_full(world: World) -> None:
    """The disk under the journal is full for a while, with kills; nothing is sent meanwhile, nothing is lost."""
    with small_disk(world.state, 2 << 20):
        world.configure()
        world.log()
        world.agent.start()
        world.live(seconds=world.seconds / 4)
        filler = fill(world.state)
        world.live(seconds=world.seconds / 4)
        world.expect("journal_write")
        kill(world)
        if world.agent.ends() != 1 or "disk is full" not in world.agent.said():
            raise Failed("an agent that cannot open its journal says so and exits 1")
        filler.unlink()
        world.agent.start()
        world.delivered()
        world.live(RENAME, seconds=world.seconds / 4)
        world.verdict = world.judge()


def _letters_full(world: World) -> None:
    """Dead letters find no room: their lines are held, the others flow; then there is room."""
    world.configure('pipeline = "json"', loki='too_old = "dead-letter"', agent='dead_letters = { max_bytes = "1MiB" }')
    old = world.log("old", Json(start=time.time_ns() - 30 * DAY))
    new = world.log("new", Json(start=time.time_ns() - 3600 * SECOND))
    old.write(6000)
    new.write(50)
    world.refused |= {(old.name, number) for number in range(6000)}
    world.agent.start()
    world.expect("dead_letters_full")
    new.write(500)
    world.delivered()
    kill(world)
    new.write(500)
    world.delivered()
    world.agent.stop()
    world.configure('pipeline = "json"', loki='too_old = "dead-letter"')


def _forbidden(world: World) -> None:
    """The file may not be read for a while, and is rotated meanwhile."""
    world.sabotage(unprivileged=True)
    world.configure()
    log = world.log()
    log.write(100)
    log.path.chmod(0)
    world.agent.start()
    world.expect("file_unreadable")
    world.live(seconds=world.seconds / 4)
    log.path.chmod(0o644)
    world.delivered()
    world.directory.chmod(0)
    world.live(seconds=world.seconds / 4)
    world.directory.chmod(0o755)
    world.delivered()
    world.expect("file_unreadable_over")


def _descriptors(world: World) -> None:
    """More files than descriptors, all of them written to, while the limit sinks further."""
    world.configure()
    for number in range(120):
        world.log(f"app{_letters(number)}")
    world.begin()
    resource.prlimit(world.agent.pid, resource.RLIMIT_NOFILE, (64, 64))
    world.live(RENAME)


def _clock_back(world: World) -> None:
    """The clock is set back by an hour: it is followed."""
    world.sabotage(clock_steps=True)
    world.configure()
    world.log()
    world.ordered = False
    world.agent.start()
    world.live(seconds=world.seconds / 2)
    world.agent.signal(signal.SIGUSR1)
    world.live(seconds=world.seconds / 2)


def _many_files(world: World) -> None:
    """Ten thousand files, some of them written to."""
    world.configure("filename_label = false")
    logs = [world.log(f"app{_letters(number)}") for number in range(MANY_FILES)]
    for log in logs:
        log.write(1)
        log.close()
    world.agent.start()
    end = time.monotonic() + world.seconds
    while time.monotonic() < end:
        for log in world.chance.sample(logs, 50):
            log.write(2)
            log.close()
        time.sleep(0.1)


def _backlog(world: World) -> None:
    """A backlog of very many bytes, with a kill every few seconds; scaled to the time there is."""
    world.configure()
    log = world.log(lines=Plain(longest=4000))
    size = int(BACKLOG * min(1.0, world.seconds / 600))
    while log.path.stat().st_size < size:
        log.write(2000)
    world.agent.start()
    while world.stored() < world.wanted():
        time.sleep(2)
        kill(world)
        time.sleep(2)


def _stuck(world: World) -> None:
    """Reads of one source hang, as on a mount that is away; the other flows, and an orderly end is one."""
    hung = world.root / "hung"
    hung.mkdir()
    world.sabotage(stuck_reads=str(hung))
    world.configure()
    with world.agent.config.open("a") as file:
        file.write(
            f'\n[[source]]\nname = "hung"\ntype = "file"\npaths = ["{hung}/*.log"]\n'
            'pipeline = "plaintext"\nlabels = { job = "torture" }\n'
        )
    stuck = world.log("stuck", directory=hung)
    world.log()
    stuck.write(100)
    (hung / "stuck").touch()
    world.agent.start()
    world.live()
    flowing = world.logs[1].count
    world.await_(lambda: world.stored() >= flowing, "the other source flows")
    began = time.monotonic()
    world.agent.stop()
    if time.monotonic() - began > 8:
        raise Failed("the agent did not end within shutdown_timeout while a read hung")
    (hung / "stuck").unlink()


def _stumbles(world: World) -> None:
    """An error that nobody expects strikes a source, again and again, after it has read and before it hands over."""
    world.sabotage(stumbles=7)
    world.forgiven |= {"source_crashed", "source_failed"}
    world.configure()
    world.log()
    world.begin()
    world.live(RENAME)
    world.expect("source_failed")
    world.delivered()


def _letters(number: int) -> str:
    """A name without digits."""
    return "".join("abcdefghij"[int(digit)] for digit in f"{number:05d}")


MACHINE = (
    Scenario(name="disk-full", says="the disk under the journal is full for a while", play=_disk_full),
    Scenario(name="dead-letters-full", says="dead letters find no room for a while", play=_letters_full, limits=True),
    Scenario(name="forbidden", says="file and directory may not be read for a while", play=_forbidden),
    Scenario(name="descriptors", says="more files than descriptors", play=_descriptors),
    Scenario(name="clock-back", says="the clock is set back by an hour", play=_clock_back),
    Scenario(name="many-files", says="ten thousand files", play=_many_files),
    Scenario(name="backlog", says="a backlog of 10 GiB (scaled to the time), with kills", play=_backlog),
    Scenario(name="stumbles", says="errors nobody expects, between reading and handing over", play=_stumbles),
    Scenario(name="stuck-source", says="reads of one source hang, another flows", play=_stuck),
)
