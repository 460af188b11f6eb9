"""Random combinations of troubles, each a pure function of its seed."""

from __future__ import annotations

import random
from functools import partial

from benchmarks.torture.scenarios import Scenario
from benchmarks.torture.scenarios.crashes import KILL, MACHINE, TERMINATE
from benchmarks.torture.scenarios.rotations import CHAIN, COPY, GZIP, LATE, RENAME, TEAR, TORN
from benchmarks.torture.world import Trouble, World

NAME = "combination-"
CRASHES = (KILL, TERMINATE, MACHINE)
ROTATIONS = (RENAME, CHAIN, GZIP, LATE, TORN, COPY)
WEATHER = ("500", "503", "408", "429", "401", "500_after", "reset", "reset_after", "stall_after", "drip", "slow")


def combined(seed: str, count: int) -> list[Scenario]:
    """So many scenarios, each of a crash, a rotation, a Loki that fails, and sometimes torn lines and several logs."""
    return [combination(seed, number) for number in range(count)]


def combination(seed: str, number: int) -> Scenario:
    """One of them: `combination-NUMBER` of a seed."""
    chance = random.Random(f"{seed}/{number}")
    troubles = [chance.choice(CRASHES), chance.choice(ROTATIONS)]
    if chance.random() < 0.5 and troubles[1] is not TORN:
        troubles.append(TEAR)
    kinds = tuple(chance.sample(WEATHER, chance.randrange(1, 5)))
    logs = chance.randrange(1, 5)
    words = f"{' + '.join(trouble.name for trouble in troubles)} + {', '.join(kinds)}, {logs} logs"
    play = partial(_play, troubles=tuple(troubles), kinds=kinds, logs=logs)
    return Scenario(name=f"{NAME}{number}", says=words, play=play)


def _play(world: World, *, troubles: tuple[Trouble, ...], kinds: tuple[str, ...], logs: int) -> None:
    world.configure()
    for number in range(logs):
        world.log(f"app{'abcdefgh'[number]}")
    world.begin()
    world.relay.weather(0.2, kinds, world.chance)
    world.live(*troubles)
