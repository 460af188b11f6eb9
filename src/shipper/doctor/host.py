"""The agent's own hops: the configuration, its data_dir, and whether an agent runs on it.

Rule 1: data_dir and journal are looked at, never made or written.
Rule 2: whether an agent runs is asked by trying for a shared lock, for some microseconds; only an agent that starts in
        just these would be refused.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shipper.config.model import Config
from shipper.config.smells import Smell, smells
from shipper.doctor.amounts import plural, size
from shipper.doctor.hop import Finding, Hop, hop
from shipper.storage import holder

LITTLE_SPACE: Final = 10 << 20
"""With less than this free the journal soon cannot be written, bytes."""
AS_AGENT: Final = "run shipper doctor as the agent's user"
SCANT_SPACE: Final = 200 << 20
"""With less than this free it is time to make room, bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The hops, and what other hops need to know of them."""

    hops: tuple[Hop, ...]
    running: bool | None
    """Whether an agent holds the journal; None: it cannot be seen."""
    smells: tuple[Smell, ...]
    """The configuration's warnings."""


def host_of(path: Path, config: Config) -> Host:
    """Look at the configuration, the data_dir and the agent."""
    warnings = smells(config)
    held = _held(Path(config.agent.data_dir))
    return Host(
        hops=(_config(path, config, warnings), _data_dir(config, warnings), _agent(config, held)),
        running=None if held is None else bool(held),
        smells=warnings,
    )


def finding_of(smell: Smell, *, broken: bool = False) -> Finding:
    """A warning of the configuration: what stands behind its last semicolon is what to do."""
    what, _, cure = smell.message.rpartition("; ")
    return Finding(what=f"{smell.key}: {what or cure}", cure=cure if what else "", broken=broken)


def _config(path: Path, config: Config, warnings: tuple[Smell, ...]) -> Hop:
    saw = f"{path} is valid: {plural(len(config.sources), 'source')}"
    mine = [smell for smell in warnings if not smell.key.startswith(("source[", "agent.data_dir"))]
    return hop("config", saw, map(finding_of, mine))


def _data_dir(config: Config, warnings: tuple[Smell, ...]) -> Hop:
    data_dir = Path(config.agent.data_dir)
    wrong = [_unusable(data_dir, smell) for smell in warnings if smell.key == "agent.data_dir"]
    there = next(place for place in (data_dir, *data_dir.absolute().parents) if os.path.lexists(place))
    if wrong:
        return hop("data_dir", str(data_dir), wrong)
    room = os.statvfs(there)
    free = room.f_bavail * room.f_frsize
    saw = f"{data_dir}{'' if there == data_dir else ' (made at the first start)'}, {size(free)} free on its disk"
    return hop("data_dir", saw, _space(data_dir, free, room))


def _unusable(data_dir: Path, smell: Smell) -> Finding:
    """A data_dir that this user may not use; one of another user may be the agent's own."""
    owner = _owner(data_dir)
    if owner in (None, os.geteuid()):
        return finding_of(smell, broken=True)
    cure = f"if the agent runs as that user: sudo -u '#{owner}' shipper doctor; else change its owner"
    return Finding(what=f"{data_dir} belongs to user {owner}, and {_me()} cannot write it", cure=cure)


def _space(data_dir: Path, free: int, room: os.statvfs_result) -> Iterator[Finding]:
    cure = f"free space on the disk of {data_dir} (df -h {data_dir}), or move [agent] data_dir"
    if free < LITTLE_SPACE:
        what = f"the disk is full ({size(free)} free): the journal cannot be written, so nothing is sent"
        yield Finding(what=what, cure=cure, broken=True)
    elif free < SCANT_SPACE:
        yield Finding(what="the disk is nearly full; without room for the journal nothing is sent", cure=cure)
    if room.f_files and not room.f_favail:
        what = "the disk has no inodes left: the journal cannot be written, so nothing is sent"
        yield Finding(what=what, cure=f"delete small files there (df -i {data_dir})", broken=True)


def _agent(config: Config, held: str | None) -> Hop:
    data_dir = config.agent.data_dir
    if held is None:
        cure = AS_AGENT
        return hop(
            "agent",
            f"whether one runs cannot be seen by user {_me()}",
            [Finding(what=f"no access to {data_dir}", cure=cure)],
        )
    if not held:
        what = "nothing is shipped while no agent runs"
        return hop("agent", f"none runs on {data_dir}", [Finding(what=what, cure="start it: shipper run")])
    return hop("agent", f"process {held} runs on {data_dir}", _other_user(held))


def _other_user(held: str) -> Iterator[Finding]:
    """What was found about permissions holds for who asked."""
    owner = _owner(Path("/proc", held))
    if owner not in (None, os.geteuid()) and _is_shipper(held):
        what = f"the agent runs as user {owner} and the doctor as {_me()}: permissions were checked for the wrong one"
        yield Finding(what=what, cure=f"run it as the agent's user: sudo -u '#{owner}' shipper doctor")


def _is_shipper(number: str) -> bool:
    """Whether this process is one; a number out of a container means another process here."""
    try:
        return b"shipper" in Path("/proc", number, "cmdline").read_bytes()
    except OSError:
        return False


def _owner(path: Path) -> int | None:
    try:
        return path.stat().st_uid
    except OSError:
        return None


def _held(data_dir: Path) -> str | None:
    """The process that holds the journal; "": none; None: it cannot be known."""
    try:
        return holder(data_dir)
    except PermissionError:
        return None


def _me() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.geteuid())
