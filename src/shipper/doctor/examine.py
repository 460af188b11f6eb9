"""All hops of all sources: what is on this machine in threads, what is in Loki over the network, both at once.

Rule 1: the report is made also where a read never returns (a hung mount), or a name server never answers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shipper.clock import Clock
from shipper.config.model import Config, DockerSource, FileSource, ResolvedSource
from shipper.config.resolve import resolve
from shipper.config.smells import Smell
from shipper.daemon import Daemon
from shipper.doctor.arrival import Facts, arrival_hop
from shipper.doctor.canary import Flight, fly, make_canary
from shipper.doctor.collect import collect_hops
from shipper.doctor.health import health_hop
from shipper.doctor.hop import Finding, Hop, Report, Section, hop, untried
from shipper.doctor.host import Host, host_of
from shipper.doctor.loki import Examined, examine_loki, flush_url, hasty, title_of
from shipper.doctor.position import Position, position_of
from shipper.doctor.process import process_hops
from shipper.doctor.verdict import verdicts
from shipper.failures import HINTS
from shipper.preview.concern import Concern
from shipper.preview.concerns import concerns
from shipper.preview.survey import Survey, survey

LOOKING: Final = 60.0
"""Seconds for what is on this machine of one source."""
PATIENCE: Final = 5.0
"""Seconds for each question to the network, and for the canary to be found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was found on this machine of one source."""

    source: FileSource | DockerSource
    resolved: ResolvedSource
    survey: Survey
    concerns: Sequence[Concern]
    position: Position


def examine(
    path: Path, config: Config, sources: Sequence[FileSource | DockerSource], *, patience: float = PATIENCE
) -> Report:
    """Walk the chain for these sources of the configuration."""
    return asyncio.run(_examine(path, config, sources, patience))


async def _examine(path: Path, config: Config, sources: Sequence[FileSource | DockerSource], patience: float) -> Report:
    asyncio.get_running_loop().set_default_executor(Daemon("lookup"))
    host = host_of(path, config)
    looking = asyncio.gather(*(_looked(config, source, host) for source in sources))
    asking = health_hop(config.agent.listen, patience, running=host.running)
    loki, health, seen = await asyncio.gather(examine_loki(config, patience), asking, looking)
    walked = await asyncio.gather(*(_source(config, one, loki, host, patience) for one in seen))
    sections = (
        Section(part="agent", title="agent", hops=(*host.hops, health)),
        Section(part="loki", title=title_of(config.loki), hops=loki.hops),
        *walked,
    )
    return Report(sections=sections, verdicts=tuple(verdicts(sections)))


async def _looked(config: Config, source: FileSource | DockerSource, host: Host) -> Seen | Section:
    """What a thread of its own finds out, or that it found no end."""
    loop, thread = asyncio.get_running_loop(), Daemon(f"doctor {source.name}")
    try:
        async with asyncio.timeout(LOOKING):
            return await loop.run_in_executor(thread, _look, config, source, host)
    except TimeoutError:
        what = f"source_stuck: looking at it has not ended after {LOOKING:g} s"
        stuck = hop("discover", "no end", [Finding(what=what, cure=HINTS["source_stuck"], broken=True)])
        return Section(part="source", title=source.name, hops=(stuck,))
    finally:
        thread.shutdown()


def _look(config: Config, source: FileSource | DockerSource, host: Host) -> Seen:
    """All that can be known without Loki."""
    resolved, clock = resolve(config, source), Clock()
    found = survey(resolved, source, clock, 1)
    paths = source.paths if isinstance(source, FileSource) else ()
    data_dir = Path(config.agent.data_dir)
    position = position_of(data_dir, found, source, running=host.running, now=clock.now())
    return Seen(
        source=source,
        resolved=resolved,
        survey=found,
        concerns=concerns(found, resolved, paths),
        position=position,
    )


async def _source(config: Config, seen: Seen | Section, loki: Examined, host: Host, patience: float) -> Section:
    if isinstance(seen, Section):
        return seen
    source, resolved, found, now = seen.source, seen.resolved, seen.survey, time.time_ns()
    mine = _smells_of(f"source[{config.sources.index(source)}]", host)
    hops: list[Hop] = collect_hops(resolved, source, found, seen.concerns, now)
    hops += process_hops(resolved, found, seen.concerns, mine, loki.limits, now)
    hops.append(seen.position.hop)
    hops += await _store(config, seen, loki, host, patience)
    about = f"{resolved.type}, pipeline {source.pipeline}"
    return Section(part="source", title=source.name, about=about, hops=tuple(hops))


def _smells_of(key: str, host: Host) -> list[Smell]:
    """The configuration's warnings about the labels of one source."""
    return [
        smell for smell in host.smells if smell.key == key or smell.key.startswith((f"{key}.labels", f"{key}.path_"))
    ]


async def _store(config: Config, seen: Seen, loki: Examined, host: Host, patience: float) -> list[Hop]:
    if not loki.reachable:
        return [untried(name, "Loki is not reached") for name in ("canary", "read back", "arrival")]
    hasty_loki = hasty(config.loki, patience)
    canary = make_canary(seen.resolved, config.loki.tenant or "", time.time_ns())
    flight: Flight = await fly(hasty_loki, canary, patience)
    if not flight.arrived:
        return [*flight.hops, untried("arrival", "the canary was not read back")]
    position, flush = seen.position, flush_url(config.loki)
    facts = Facts(running=host.running, behind=position.behind, known=position.readable, flush=flush)
    arrival = await arrival_hop(hasty_loki, seen.resolved, seen.survey, facts, time.time_ns())
    return [*flight.hops, arrival]
