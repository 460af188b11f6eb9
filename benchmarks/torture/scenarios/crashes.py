"""The agent dies: at any moment, at each point on the way of the data, with the machine, in a storm."""

from __future__ import annotations

import signal
from dataclasses import replace

from benchmarks.torture.agent import Failed
from benchmarks.torture.lines import Traceback
from benchmarks.torture.sabotage import POINTS, copy_journal
from benchmarks.torture.scenarios import Scenario
from benchmarks.torture.world import Trouble, World

MULTILINE = 'multiline = { start = "^[a-z]+:", max_lines = 500, max_bytes = "256KiB", max_wait = "300ms" }'


def kill(world: World) -> None:
    """kill -9, and start again."""
    world.agent.kill()
    world.agent.start()


def terminate(world: World) -> None:
    """SIGTERM in the middle of whatever it does, and start again; not before it is at work."""
    if not world.agent.started:
        return
    code = world.agent.stop()
    if code:
        world.remarks.append(f"SIGTERM: exit code {code}")
    world.agent.start()


def lose_machine(world: World) -> None:
    """The machine goes down: what the journal had not synced is gone."""
    synced = world.root / "synced"
    world.agent.kill()
    if synced.exists():
        copy_journal(synced, world.state)
        (world.state / "journal.db-shm").unlink(missing_ok=True)
    world.agent.start(replace(world.agent.sabotage, synced=str(synced)))


KILL = Trouble(name="kill", do=kill, every=0.9, kind="crash")
TERMINATE = Trouble(name="terminate", do=terminate, every=1.2, kind="crash")
MACHINE = Trouble(name="machine-crash", do=lose_machine, every=1.2, kind="crash")


def _kills(world: World) -> None:
    world.configure()
    world.log()
    world.live(KILL)


def _terminates(world: World) -> None:
    world.configure()
    world.log()
    world.relay.weather(0.3, ("slow",), world.chance)
    world.live(TERMINATE)


def _machine(world: World) -> None:
    world.configure()
    world.log()
    world.live(MACHINE)


def _points(world: World) -> None:
    """At each point, at two passages, one life after the other; what may have been sent is asked about next."""
    world.configure()
    world.log()
    for point in POINTS:
        for passage in (1, 2):
            _die_at(world, point, passage)


def _die_at(world: World, point: str, passage: int) -> None:
    if point == "asked":
        world.relay.fail("stall_after", passage)
    if world.agent.running:
        world.agent.kill()
    at_end = point in ("closing", "closed")
    if at_end and passage > 1:
        return
    before = world.stored()
    world.agent.start(replace(world.agent.sabotage, crash_at=point, passage=passage))
    for turn in range(200):
        world.logs[0].write(5)
        if at_end and turn >= 10 and world.stored() > before:
            world.agent.signal(signal.SIGTERM)
            at_end = False
        if world.agent.died(0.1):
            return
    raise Failed(f"the agent never passed {point!r} for the {passage}. time")


def _thousand(world: World) -> None:
    """Short lives, each ended at a moment or a point by chance, among renames; a thousand in ten minutes."""
    world.configure()
    world.log()
    world.begin()
    kills = max(10, int(world.seconds * 1000 / 600))
    for number in range(kills):
        world.agent.kill()
        point = world.chance.choice(("", *POINTS))
        crash = replace(world.agent.sabotage, crash_at=point, passage=world.chance.randrange(1, 6))
        world.agent.start(crash)
        world.live(seconds=world.chance.uniform(0.1, 0.9))
        if number % 3 == 0:
            world.logs[0].rename()
    kill(world)


def _storm(world: World) -> None:
    world.configure()
    world.log()
    for _ in range(max(3, int(world.seconds * 2))):
        world.agent.start()
        world.live(seconds=world.chance.uniform(0, 0.6))
        world.agent.kill()


def _edits(world: World) -> None:
    """Between a crash and the next start the configuration is another: spans under way keep that of their time."""
    world.configure(labels='edit = "0"')
    world.log()
    world.free_labels |= {"edit", "extra"}
    for turn in range(1, max(3, int(world.seconds / 1.5))):
        world.relay.weather(0.4, ("stall_after", "500_after", "slow"), world.chance)
        world.agent.start()
        world.live(seconds=world.chance.uniform(0.7, 1.5))
        world.agent.kill()
        source = ("", 'pipeline = "text"', 'max_label_values = 100\npipeline = "auto"')[turn % 3]
        world.configure(source, labels=f'edit = "{turn}"')


def _tracebacks(world: World) -> None:
    world.configure(MULTILINE)
    log = world.log(lines=Traceback())
    world.agent.start()
    for _ in range(int(world.seconds * 1.2)):
        log.write(world.chance.randrange(1, 12))
        world.live(seconds=world.chance.choice((0.05, 0.35, 0.8)))
        kill(world)


CRASHES = (
    Scenario(name="kill", says="kill -9 at random moments", play=_kills),
    Scenario(name="kill-points", says="killed at each named point between read and commit", play=_points),
    Scenario(name="terminate", says="SIGTERM in the middle of batches", play=_terminates),
    Scenario(
        name="thousand-kills",
        says="short lives ended at random points (1000 in --seconds 600)",
        play=_thousand,
        rate=0.1,
    ),
    Scenario(name="restart-storm", says="killed again before it has begun", play=_storm),
    Scenario(name="machine-crash", says="the journal loses its unsynced transactions", play=_machine),
    Scenario(name="edited", says="the configuration is edited between crash and restart", play=_edits),
    Scenario(name="traceback-cut", says="a traceback cut by max_wait just before a crash", play=_tracebacks, rate=0.02),
)
