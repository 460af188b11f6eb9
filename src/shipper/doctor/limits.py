"""Loki's limits, read from its `/config`, against this configuration.

Rule 1: a limit that Loki does not tell is no finding; 0 means none, as in Loki.
Rule 2: the page is YAML of which the keys of limits are looked for alone, each with a value on its own line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from shipper.config.amounts import format_duration, format_size
from shipper.config.model import Config
from shipper.doctor.hop import Finding

_LINE: Final = re.compile(r"^\s+([a-z_]+):\s*(\S+)\s*$", re.MULTILINE)
_SIZE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)
_TIME: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|y|w|d|h|m|s)")
_SECONDS: Final = {"y": 31_536_000, "w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}
_NANO: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a tenant may send by default; sizes in bytes, times in ns, 0: no limit or not told."""

    line: int = 0
    cuts_lines: bool = False
    """Longer lines are cut by Loki rather than refused."""
    label_names: int = 0
    max_age: int = 0
    max_ahead: int = 0
    burst: int = 0
    ordered: bool = False
    """Entries out of order are refused."""


def read_limits(page: str) -> Limits | None:
    """The limits on Loki's `/config`; None if it is no such page."""
    found = dict(_LINE.findall(page))
    if "max_line_size" not in found and "reject_old_samples_max_age" not in found:
        return None
    ages = found.get("reject_old_samples", "true") == "true"
    return Limits(
        line=_size(found.get("max_line_size", "")),
        cuts_lines=found.get("max_line_size_truncate") == "true",
        label_names=_size(found.get("max_label_names_per_series", "")),
        max_age=_time(found.get("reject_old_samples_max_age", "")) if ages else 0,
        max_ahead=_time(found.get("creation_grace_period", "")),
        burst=_size(found.get("ingestion_burst_size_mb", "") + "MB"),
        ordered=found.get("unordered_writes") == "false",
    )


def shown(limits: Limits) -> str:
    """The limits in a few words."""
    line = f"lines {format_size(limits.line)}" if limits.line else "lines of any length"
    age = f"entries {format_duration(limits.max_age)} old" if limits.max_age else "entries of any age"
    names = f", {limits.label_names} labels" if limits.label_names else ""
    return f"takes {line}, {age}{names}"


def collisions(limits: Limits, config: Config) -> Iterator[Finding]:
    """Where this configuration sends what Loki refuses."""
    agent, loki = config.agent, config.loki
    if limits.line and limits.line < agent.max_line_bytes and not limits.cuts_lines:
        size = format_size(limits.line)
        yield Finding(
            what=f"Loki takes lines of {size}, and max_line_bytes is {format_size(agent.max_line_bytes)}: longer ones "
            "become dead letters (line_too_long)",
            cure=f'max_line_bytes = "{size}" in [agent], or raise max_line_size in Loki\'s limits_config',
        )
    if limits.max_age and not 0 < loki.max_age <= limits.max_age:
        ours = format_duration(loki.max_age) if loki.max_age else "without limit"
        age = format_duration(limits.max_age)
        yield Finding(
            what=f"Loki takes entries {age} old, and max_age is {ours}: older ones are refused",
            cure=f'max_age = "{age}" in [loki], or raise reject_old_samples_max_age in Loki\'s limits_config',
        )
    if limits.max_ahead and not 0 < loki.max_ahead <= limits.max_ahead:
        yield Finding(
            what=f"Loki takes entries up to {format_duration(limits.max_ahead)} ahead, and max_ahead allows more",
            cure=f'max_ahead = "{format_duration(limits.max_ahead)}" in [loki]',
        )
    if limits.burst and limits.burst < loki.batch_bytes:
        yield Finding(
            what=f"batch_bytes is {format_size(loki.batch_bytes)}, and Loki's burst {format_size(limits.burst)}: a "
            "full batch can never pass (429)",
            cure=f'batch_bytes = "{format_size(limits.burst // 2)}" in [loki], or raise ingestion_burst_size_mb',
            broken=True,
        )
    if limits.ordered:
        yield Finding(
            what="this Loki refuses entries out of order (unordered_writes: false)",
            cure="take that line out of Loki's limits_config",
        )


def _size(text: str) -> int:
    found = _SIZE.fullmatch(text)
    return int(float(found[1]) * 1024 ** " kmgt".index(found[2].lower() or " ")) if found else 0


def _time(text: str) -> int:
    return round(sum(float(count) * _SECONDS[unit] for count, unit in _TIME.findall(text)) * _NANO)
