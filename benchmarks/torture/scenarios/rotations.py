"""Files rotate: in every way logrotate and loggers do it, quickly, while the agent is down, in the middle of a line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial

from benchmarks.torture.lines import Plain
from benchmarks.torture.scenarios import Scenario
from benchmarks.torture.scenarios.crashes import KILL, kill
from benchmarks.torture.world import Trouble, World

SAME_HEAD = b"\n" * 1500
"""More than the KiB that tells contents apart; blank lines are dropped, so it needs no numbers."""


def each(world: World, rotate: str, **options: object) -> None:
    """Rotate every log of the world."""
    for log in world.logs:
        getattr(log, rotate)(**options)


def chain(world: World) -> None:
    """Several rotations at once, with a line or two between: more than one look can see."""
    for log in world.logs:
        for _ in range(world.chance.randrange(2, 5)):
            log.write(world.chance.randrange(1, 4))
            log.rename()


def tear(world: World) -> None:
    """Half a line; the rest comes with what is written next, or into the old file after a rename."""
    for log in world.logs:
        log.write_part()


def torn_rename(world: World) -> None:
    """Half a line before a rename, its rest after it into the old file."""
    tear(world)
    each(world, "rename", late=world.chance.randrange(1, 30))


def lead_elsewhere(world: World) -> None:
    """Repoint the symbolic link once something of the file it leads to has come: of the files that it led to while the
    agent was down, only the last one is found (docs/guarantees.md)."""
    (log,) = world.logs
    if world.stored() > log.first:
        log.repoint()


RENAME = Trouble(name="rename", do=partial(each, rotate="rename"), every=0.4, kind="rotation")
CHAIN = Trouble(name="rename-chain", do=chain, every=0.7, kind="rotation")
GZIP = Trouble(name="rename-gzip", do=partial(each, rotate="rename", packed=True), every=1.5, kind="rotation")
LATE = Trouble(name="late-writer", do=partial(each, rotate="rename", late=40), every=0.5, kind="rotation")
TORN = Trouble(name="torn-rename", do=torn_rename, every=0.5, kind="rotation")
COPY = Trouble(name="copytruncate", do=partial(each, rotate="copy_and_truncate"), every=0.6, kind="rotation")
TEAR = Trouble(name="partial-line", do=tear, every=0.2)
LINK = Trouble(name="symlink", do=lead_elsewhere, every=1.0, kind="rotation")


def _with(*troubles: Trouble, head: bytes = b"") -> Callable[[World], None]:
    def play(world: World) -> None:
        world.configure()
        world.log(head=head)
        world.begin()
        world.live(*troubles)

    return play


def _down(world: World) -> None:
    """Rotations between a stop and the next start, compressed ones among them."""
    world.configure()
    log = world.log()
    world.begin()
    for turn in range(max(2, int(world.seconds / 2))):
        world.revive()
        world.live(seconds=world.chance.uniform(0.5, 1.5))
        world.agent.kill() if turn % 2 else world.agent.stop()
        for _ in range(world.chance.randrange(1, 4)):
            log.write(world.chance.randrange(1, 300))
            log.rename(packed=world.chance.random() < 0.3)
        log.write(world.chance.randrange(1, 300))


def _backlog(world: World) -> None:
    """Copied and truncated while Loki takes nothing and the agent is far behind: the rest is found in the copies."""
    world.configure()
    log = world.log(lines=Plain(longest=3000))
    world.begin()
    world.relay.fail("500", forever=True)
    for _ in range(3):
        log.write(8000)
        world.live(seconds=1.5)
        log.copy_and_truncate()
    world.live(seconds=1.5)


def _regrow(world: World) -> None:
    """Truncated, and grown past the old offset before the next look."""
    world.configure()
    log = world.log()
    world.begin()
    for _ in range(max(2, int(world.seconds / 2))):
        log.write(world.chance.randrange(100, 400))
        world.delivered()
        log.truncate(copied=True)
        log.write(world.chance.randrange(500, 900))


def _lost(world: World) -> None:
    """Truncated without a copy while the agent is behind: what it had seen and not read is gone, and counted."""
    world.configure()
    log = world.log(lines=Plain(longest=3000))
    world.begin()
    world.relay.fail("500", forever=True)
    log.write(10_000)
    world.expect("loki_server_error")
    world.live(seconds=2.5, rate=0.0)
    log.truncate()
    world.live(seconds=1.5)
    world.expect("truncated_unread")


def _recreate(world: World) -> None:
    """Deleted while it is open, and made again, likely with the same inode."""
    world.configure()
    log = world.log()
    world.begin()
    for _ in range(max(3, int(world.seconds))):
        log.write(world.chance.randrange(1, 200))
        world.delivered()
        log.write(world.chance.randrange(0, 200))
        log.recreate()


def _links(world: World) -> None:
    world.configure()
    world.log().repoint()
    world.begin()
    world.live(LINK, KILL)


def _torn_restart(world: World) -> None:
    """Half a line, a crash, the other half."""
    world.configure()
    world.log()
    world.agent.start()
    for _ in range(max(3, int(world.seconds / 1.2))):
        tear(world)
        world.live(seconds=0.0)
        kill(world)
        world.live(seconds=world.chance.uniform(0.4, 1.2))


def _handler(world: World) -> None:
    """Python's RotatingFileHandler as fast as it can, 10 MB and five backups."""
    world.configure()
    log = world.log()
    log.close()
    world.agent.start()
    count = int(world.seconds * 60_000)
    command = [sys.executable, "-m", "benchmarks.torture.handler", str(log.path), str(count), str(world.seconds)]
    subprocess.run(command, check=True)
    log.count = count


ROTATIONS = (
    Scenario(name="rename", says="renamed several times a second", play=_with(RENAME)),
    Scenario(name="rename-kill", says="renamed, and the agent killed", play=_with(RENAME, KILL)),
    Scenario(name="rename-chain", says="several renames between two looks", play=_with(CHAIN)),
    Scenario(name="rotated-while-down", says="rotated and compressed while the agent is down", play=_down),
    Scenario(name="gzip", says="renamed and compressed at once", play=_with(GZIP)),
    Scenario(name="copytruncate", says="copied and truncated", play=_with(COPY)),
    Scenario(name="copytruncate-kill", says="copied and truncated, and the agent killed", play=_with(COPY, KILL)),
    Scenario(name="copytruncate-backlog", says="copied and truncated behind a Loki that is down", play=_backlog),
    Scenario(name="truncate-regrow", says="truncated and grown past the offset between two looks", play=_regrow),
    Scenario(name="truncate-lost", says="truncated unread without a copy: counted exactly", play=_lost),
    Scenario(name="same-head", says="the same first KiB in every generation", play=_with(RENAME, KILL, head=SAME_HEAD)),
    Scenario(name="recreate", says="deleted and made anew, the inode used again", play=_recreate),
    Scenario(name="late-writer", says="the writer keeps the old descriptor for a while", play=_with(LATE)),
    Scenario(name="symlink", says="a symbolic link repointed every second", play=_links),
    Scenario(name="partial-rotation", says="half a line before a rename, the rest after", play=_with(TORN)),
    Scenario(name="partial-restart", says="half a line before a crash, the rest after", play=_torn_restart),
    Scenario(name="rotating-handler", says="RotatingFileHandler, 10 MB x 5, at high rate", play=_handler),
)
