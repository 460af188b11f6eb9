"""The configuration changes while the agent runs: valid, broken, another way to Loki, among crashes and rotations."""

from __future__ import annotations

import signal
from typing import Final

from benchmarks.torture.scenarios import Scenario
from benchmarks.torture.scenarios.crashes import KILL
from benchmarks.torture.world import Trouble, World

SOURCES: Final = (
    "",
    'pipeline = "text"',
    'rotate_wait = "2s"',
    'max_label_values = 100\npipeline = "auto"',
    'exclude = ["*.gz"]',
)
SERVERS: Final = ("", 'batch_bytes = "64KiB"', "max_in_flight = 2", 'max_ahead = "20m"', 'max_age = "200h"')
BROKEN: Final = "]]"


def change(world: World) -> None:
    """Another configuration, now and then a broken one before it, and SIGHUP; not before the agent is at work."""
    if not world.agent.started:
        return
    if world.chance.random() < 0.3:
        refused = world.agent.count("reload_refused")
        world.agent.config.write_text(world.agent.config.read_text() + BROKEN)
        world.agent.signal(signal.SIGHUP)
        world.await_(lambda: world.agent.count("reload_refused") > refused, "the agent refuses a broken configuration")
    configure(world)
    world.agent.signal(signal.SIGHUP)


def configure(world: World) -> None:
    """A configuration of its own: two labels say which, so a line that two of them made is found out."""
    turn = str(len(world.in_force))
    world.in_force.append({"edit": turn, "turn": turn})
    world.configure(
        f'{world.chance.choice(SOURCES)}\nlabels = {{ job = "torture", turn = "{turn}" }}',
        loki=world.chance.choice(SERVERS),
        labels=f'edit = "{turn}"',
        url=world.chance.choice((world.relay.url, world.loki.url)),
    )


def rotate(world: World) -> None:
    """Rename, with a writer that goes on in the old file for a while."""
    world.logs[0].rename(late=world.chance.randrange(0, 20))


CHANGE = Trouble(name="reload", do=change, every=0.4, kind="reload")
ROTATE = Trouble(name="rotate", do=rotate, every=0.7, kind="rotation")
RECREATE = Trouble(name="recreate", do=lambda world: world.logs[0].recreate(), every=0.5, kind="rotation")


def _reloads(world: World) -> None:
    configure(world)
    world.log()
    world.begin()
    world.relay.weather(0.3, ("stall_after", "500_after", "slow", "reset_after"), world.chance)
    world.live(CHANGE, ROTATE)


def _among_kills(world: World) -> None:
    configure(world)
    world.log()
    world.begin()
    world.relay.weather(0.3, ("stall_after", "500_after", "slow"), world.chance)
    world.live(CHANGE, ROTATE, KILL)


def _deleted(world: World) -> None:
    """What is deleted before it is read is there through the descriptor alone, whatever the configuration is."""
    configure(world)
    world.log()
    world.begin()
    world.relay.weather(0.5, ("slow", "stall_after"), world.chance)
    world.live(CHANGE, RECREATE)


RELOADS = (
    Scenario(name="reload", says="SIGHUP with changed and broken configurations, among rotations", play=_reloads),
    Scenario(name="reload-kill", says="the same with kill -9 in between", play=_among_kills),
    Scenario(name="reload-deleted", says="the same, and files are deleted before they are read", play=_deleted),
)
