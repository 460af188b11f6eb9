"""Containers on both streams, while the agent is killed, containers are restarted, and the engine too."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping

from benchmarks.torture.engine import Dockerd, engine
from benchmarks.torture.oracle import Verdict
from benchmarks.torture.scenarios import Scenario
from benchmarks.torture.scenarios.crashes import kill
from benchmarks.torture.world import World

SCRIPT = """read -r run _ < /proc/uptime; n=0
while :; do echo "$run out $n"; echo "$run err $n" >&2; n=$((n+1)); usleep {pause}; done"""
MOST = 50
Stream = tuple[str, str]
"""Container and stream."""


def _containers(world: World) -> None:
    """Up to 50 containers (at 60 seconds), each line of theirs different from all others of its stream."""
    number = max(8, min(MOST, round(world.seconds * MOST / 60)))
    with engine() as docker:
        script = SCRIPT.format(pause=2000 * number)
        running = {f"app{index}": docker.run(f"app{index}", script, always=True) for index in range(number)}
        world.configure_containers(docker.host)
        world.agent.start()
        _disturb(world, docker, list(running.values()))
        for identity in running.values():
            docker.call("POST", f"/containers/{identity}/stop?t=0")
        written = {
            (name, stream): docker.lines(identity, stream)
            for name, identity in running.items()
            for stream in ("stdout", "stderr")
        }
        world.judge_streams(written, compare)


def _disturb(world: World, docker: Dockerd, identities: list[str]) -> None:
    begun, restarted = time.monotonic(), False
    while (passed := time.monotonic() - begun) < world.seconds:
        time.sleep(world.chance.uniform(0.5, 3.0))
        for _ in range(world.chance.randrange(3)):
            docker.call("POST", f"/containers/{world.chance.choice(identities)}/restart?t=0")
        if not restarted and passed > world.seconds / 2:
            docker.restart()
            restarted = True
        kill(world)


def compare(written: Mapping[Stream, list[str]], arrived: Mapping[Stream, list[str]], counted: int) -> Verdict:
    """What is wrong with what arrived, in its order, of what Docker says was written."""
    verdict = Verdict(written=sum(map(len, written.values())), stored=sum(map(len, arrived.values())))
    for stream, lines in written.items():
        wanted, found = Counter(lines), Counter(arrived.get(stream, []))
        missing, surplus = wanted - found, found - wanted
        verdict.missing += missing.total()
        verdict.duplicated += sum(count for line, count in surplus.items() if line in wanted)
        verdict.invented += sum(count for line, count in surplus.items() if line not in wanted)
        verdict.out_of_order += not missing and not surplus and arrived[stream] != lines
        verdict.remarks += [f"{'/'.join(stream)}: missing {line!r}" for line in list(missing)[:2]]
    verdict.mislabelled = sum(len(lines) for stream, lines in arrived.items() if stream not in written)
    verdict.duplicated += abs(counted - verdict.stored)
    return verdict


CONTAINERS = (
    Scenario(
        name="containers",
        says="containers (50 at --seconds 60) restarted, the engine restarted, the agent killed",
        play=_containers,
    ),
)
