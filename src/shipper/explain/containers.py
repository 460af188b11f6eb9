"""Why a source ships a container, or does not, and the end of its log.

Rule 1: the rules are asked themselves (`Selection`), and the Engine with GET alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from shipper.clock import Clock
from shipper.config.model import DockerSource, ResolvedSource, without_user_info
from shipper.explain.trace import Excerpt
from shipper.explain.verdict import Verdict
from shipper.pipeline.containers import Facts, facts_of
from shipper.preview.containers import ContainerLooker, Found
from shipper.preview.look import Trouble

NAMED = 9
"""How near a source is whose engine has the container."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What one source says of a container."""

    verdict: Verdict
    found: Found | None
    """The container; None: the engine has none of this name, or does not answer."""
    excerpts: tuple[Excerpt, ...] = ()
    """The end of each of its streams, where there is any line."""
    facts: Facts = ()


def inspect(source: DockerSource, resolved: ResolvedSource, name: str, clock: Clock) -> Inspected:
    """Ask the engine of `source` for the container `name` (or the beginning of an id), and the rules for a verdict."""
    looker = ContainerLooker(resolved, source, clock, only=name)
    looks = list(looker.looks())
    found = next((one for one in looker.found if one.container.is_called(name)), None)
    if found is None:
        return Inspected(verdict=_absent(source, name, looker.found, looker.troubles), found=None)
    container = found.container
    return Inspected(
        verdict=_verdict(source, found, looker.troubles),
        found=found,
        excerpts=tuple(Excerpt(chunk=look.chunks[-1], marks={}) for look in looks if look.chunks),
        facts=facts_of(container.id, container.name, container.streams[0], container.labels, resolved.label_map),
    )


def _verdict(source: DockerSource, found: Found, troubles: Sequence[Trouble]) -> Verdict:
    rule = found.verdict.rule
    if not found.verdict.included:
        return _no(source, f"its rules leave it out: {rule}", _cure(found), NAMED)
    for trouble in troubles:
        return _no(source, f"it is meant, but {trouble.name}: {trouble.detail}", trouble.hint, NAMED)
    return Verdict(source=source.name, shipped=True, why=f"its rules mean it: {rule}")


def _cure(found: Found) -> str:
    if found.verdict.rule.startswith("exclude"):
        return f"take {found.verdict.rule} out, or write it so that it does not match this container"
    if found.verdict.rule.startswith("the agent"):
        return "own_container = true"
    return f"write an entry of include that matches it, such as names = {json.dumps([found.container.name])}"


def _absent(source: DockerSource, name: str, found: Sequence[Found], troubles: Sequence[Trouble]) -> Verdict:
    for trouble in troubles:
        return _no(source, f"{trouble.path}: {trouble.name}: {trouble.detail}", trouble.hint, 1)
    names = get_close_matches(name, [one.container.name for one in found])
    nearest = f"; nearest names: {', '.join(names)}" if names else ""
    where = without_user_info(source.host)
    return _no(source, f"the engine at {where} has no container {name!r}, running or stopped{nearest}", "", 1)


def _no(source: DockerSource, why: str, cure: str, near: int) -> Verdict:
    return Verdict(source=source.name, shipped=False, why=why, cure=cure, near=near)
