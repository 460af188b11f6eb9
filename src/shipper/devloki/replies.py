"""Loki's words: every text with which a push is refused, in the wording of the release.

The texts and statuses are those recorded from two unmodified servers (tests/devloki/conformance.json); where no
recording exists they are Loki's documented ones. A reply ends without a newline, as recorded.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shipper.devloki.labels import format_labels
from shipper.devloki.limits import SECOND, TenantLimits
from shipper.devloki.release import Release

_ASK_ADMINISTRATOR: Final = "or contact your Loki administrator to see if the limit can be increased"
_STREAM_LIMIT_CURE: Final = (
    f"reduce the number of active streams (reduce labels or reduce label values), {_ASK_ADMINISTRATOR}"
)
_MOST_NAMED: Final = 10  # entries an ingester names in one refusal

NO_ORG_ID: Final = "no org id"
NO_STREAMS: Final = "error at least one valid stream is required for ingestion"
NO_LABELS: Final = "error at least one label pair is required per stream"
NOT_FOUND: Final = "404 page not found"


class PushRefused(Exception):
    """A reply other than success: its status and Loki's words."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One entry an ingester refused: its time and the reason."""

    status: int
    time: int
    reason: str


def rfc3339(ns: int) -> str:
    """A time to the second, as Loki writes it in most refusals."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ns // SECOND))


def go_time(ns: int) -> str:
    """A time as Go prints it, trailing zeros of the fraction cut."""
    seconds, fraction = divmod(ns, SECOND)
    shown = f".{fraction:09d}".rstrip("0").rstrip(".")
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(seconds))}{shown} +0000 UTC"


def byte_size(size: int) -> str:
    """A size in the largest unit that divides it: `3MB`, `100B`."""
    for power, unit in ((4, "TB"), (3, "GB"), (2, "MB"), (1, "KB")):
        if size and size % 1024**power == 0:
            return f"{size // 1024**power}{unit}"
    return f"{size}B"


def grouped(errors: Iterable[str]) -> str:
    """Several errors in one text, equal ones counted."""
    counts = Counter(errors)
    if list(counts.values()) == [1]:
        return next(iter(counts))
    return "; ".join(f"{count} errors like: {error}" for error, count in counts.items())


# What a distributor finds in a stream's labels or an entry.


def bad_labels(error: object) -> str:
    return f"couldn't parse labels: {error}"


def too_many_labels(stream: str, count: int, limit: int) -> str:
    return f"entry for stream '{stream}' has {count} label names; limit {limit}"


def label_name_too_long(stream: str, name: str) -> str:
    return f"stream '{stream}' has label name too long: '{name}'"


def label_value_too_long(stream: str, value: str) -> str:
    return f"stream '{stream}' has label value too long: '{value}'"


def duplicate_label(stream: str, name: str) -> str:
    return f"stream '{stream}' has duplicate label name: '{name}'"


def too_old(stream: str, at: int, oldest: int) -> str:
    return (
        f"entry for stream '{stream}' has timestamp too old: {rfc3339(at)}, "
        f"oldest acceptable timestamp is: {rfc3339(oldest)}"
    )


def too_new(stream: str, at: int) -> str:
    return f"entry for stream '{stream}' has timestamp too new: {rfc3339(at)}"


def line_too_long(stream: str, size: int, limit: int) -> str:
    return (
        f"Max entry size '{limit}' bytes exceeded for stream '{stream}' "
        f"while adding an entry with length '{size}' bytes"
    )


def metadata_disallowed(stream: str) -> str:
    return (
        f"stream '{stream}' includes structured metadata, but this feature is disallowed. Please see "
        "`limits_config.structured_metadata` or contact your Loki administrator to enable it."
    )


def metadata_too_large(stream: str, size: int, limit: int) -> str:
    return (
        f"stream '{stream}' has structured metadata too large: '{size}' bytes, limit: '{limit}' bytes. Please see "
        "`limits_config.max_structured_metadata_size` or contact your Loki administrator to increase it."
    )


def too_many_metadata_pairs(stream: str, count: int, limit: int) -> str:
    return (
        f"stream '{stream}' has too many structured metadata labels: '{count}', limit: '{limit}'. Please see "
        "`limits_config.max_structured_metadata_entries_count` or contact your Loki administrator to increase it."
    )


# What refuses a whole push.


def tenant_rate_exceeded(tenant: str, limits: TenantLimits, lines: int, size: int) -> PushRefused:
    return PushRefused(
        429,
        f"Ingestion rate limit exceeded for user {tenant} (limit: {limits.rate} bytes/sec) while attempting to ingest "
        f"'{lines}' lines totaling '{size}' bytes, reduce log volume {_ASK_ADMINISTRATOR}",
    )


def message_too_large(size: int, limit: int) -> PushRefused:
    return PushRefused(
        500, f"rpc error: code = ResourceExhausted desc = grpc: received message larger than max ({size} vs. {limit})"
    )


def store_full(size: int) -> PushRefused:
    """Not a text of Loki: the stand-in keeps everything in memory and refuses what no longer fits."""
    return PushRefused(
        500,
        f"devloki holds {byte_size(size)}, all that --max-bytes allows; it is a stand-in that keeps "
        "everything in memory: start it again, or with a larger --max-bytes",
    )


# What an ingester says about the last stream of a push.


def too_many_streams(release: Release, tenant: str, labels: Iterable[tuple[str, str]]) -> PushRefused:
    which = f" when trying to create stream {format_labels(labels)}" if release.version == "3.4" else ""
    return PushRefused(429, f"Maximum active stream limit exceeded{which}, {_STREAM_LIMIT_CURE}, user: '{tenant}'")


def too_far_behind(release: Release, at: int, oldest: int) -> Refusal:
    which = f"entry timestamp is: {rfc3339(at)}, " if release.version == "3.4" else ""
    reason = f"entry too far behind, {which}oldest acceptable timestamp is: {rfc3339(oldest)}"
    return Refusal(status=400, time=at, reason=reason)


def stream_rate_exceeded(stream: str, limits: TenantLimits, at: int, size: int) -> Refusal:
    reason = (
        f"Per stream rate limit exceeded (limit: {byte_size(limits.stream_rate)}/sec) while attempting to ingest for "
        f"stream '{stream}' totaling {byte_size(size)}, consider splitting a stream via additional labels "
        f"{_ASK_ADMINISTRATOR}"
    )
    return Refusal(status=429, time=at, reason=reason)


def entries_refused(tenant: str, stream: str, refusals: list[Refusal], total: int) -> PushRefused:
    """One stream's refusals; the last one decides about the status, the first ten are named."""
    named = "".join(
        f"entry with timestamp {go_time(refusal.time)} ignored, reason: '{refusal.reason}',\n"
        for refusal in refusals[:_MOST_NAMED]
    )
    summary = f"user '{tenant}', total ignored: {len(refusals)} out of {total} for stream: {stream}"
    return PushRefused(refusals[-1].status, named + summary)
