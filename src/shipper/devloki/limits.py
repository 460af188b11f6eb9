"""What a tenant may push: Loki's default limits per release, and the tenants of the recordings.

Rule 1: sizes are bytes, times are nanoseconds, and 0 means no limit.
Rule 2: a limit is a number here and a reply in replies.py; nothing else decides about sizes, ages and rates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from shipper.devloki.release import Release

SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
KIB: Final = 1024
MIB: Final = 1024 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantLimits:
    """The limits of one tenant; the defaults are those of Loki 3.4.6."""

    max_line_size: int = 256 * KIB
    truncate_lines: bool = False
    """Cut a line over the size instead of refusing it."""
    max_label_names: int = 15
    max_label_name_length: int = 1024
    max_label_value_length: int = 2048
    max_age: int = 7 * 24 * HOUR
    creation_grace: int = 10 * MINUTE
    max_behind: int = HOUR
    """How far an entry may be behind the newest one of its stream."""
    rate: int = 4 * MIB
    burst: int = 6 * MIB
    stream_rate: int = 3 * MIB
    stream_burst: int = 15 * MIB
    max_streams: int = 5000
    max_metadata_bytes: int = 64 * KIB
    max_metadata_pairs: int = 128
    bump_duplicates: bool = False
    """Move a different line at the same time as the one before it by a nanosecond."""
    max_message_bytes: int = 4 * MIB
    """What an ingester takes in one message."""
    max_entries_per_query: int = 5000


UNLIMITED: Final = TenantLimits(
    max_line_size=0,
    max_label_names=0,
    max_label_name_length=0,
    max_label_value_length=0,
    max_age=0,
    creation_grace=0,
    max_behind=0,
    rate=0,
    burst=0,
    stream_rate=0,
    stream_burst=0,
    max_streams=0,
    max_metadata_bytes=0,
    max_metadata_pairs=0,
    max_message_bytes=0,
    max_entries_per_query=0,
)


def default_limits(release: Release) -> TenantLimits:
    """The limits a tenant has when nobody configured any."""
    if release.version == "2.9":
        return TenantLimits(max_line_size=0, max_label_names=30)
    return TenantLimits()


def recorded_tenants(release: Release) -> Mapping[str, TenantLimits]:
    """The tenants the recordings were made with, by name; every other tenant has the defaults."""
    default = default_limits(release)
    return {
        "tinyrate": replace(default, rate=int(0.001 * MIB), burst=int(0.002 * MIB)),
        "tinystreamrate": replace(default, stream_rate=100, stream_burst=200),
        "tinystreams": replace(default, max_streams=2),
        "shortline": replace(default, max_line_size=KIB),
        "truncline": replace(default, max_line_size=KIB, truncate_lines=True),
        "ordered": default,  # unordered_writes: false refused nothing in the recordings
        "bumpdup": replace(default, bump_duplicates=True),
    }


class TokenBucket:
    """Lets `rate` bytes a second pass, and `burst` at once; it starts full. A rate of 0 lets everything pass."""

    __slots__ = ("_burst", "_filled_at", "_rate", "_tokens")

    def __init__(self, rate: int, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._filled_at = 0

    def allow(self, now: int, size: int) -> bool:
        """Take `size` tokens if they are there; otherwise take none."""
        if not self._rate:
            return True
        elapsed = max(0, now - self._filled_at)
        tokens = min(float(self._burst), self._tokens + elapsed * self._rate / SECOND)
        self._filled_at = max(self._filled_at, now)
        allowed = size <= tokens
        self._tokens = tokens - size if allowed else tokens
        return allowed
