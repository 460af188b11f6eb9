"""The first half of a push: labels and entries validated, the tenant's rate checked, busy streams split.

Rule 1: labels that cannot be parsed void the whole push; every other fault costs its stream or its entry only, and the
rest goes on.
Rule 2: the tenant's rate is checked on what is left, and refuses all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shipper.devloki import replies
from shipper.devloki.block import Entry
from shipper.devloki.labels import Labels, LabelsError, format_labels, parse_labels
from shipper.devloki.limits import TenantLimits
from shipper.devloki.pushed import Metadata, PushedStream
from shipper.devloki.release import Release
from shipper.devloki.replies import PushRefused
from shipper.devloki.service_names import SERVICE_NAME, with_service_name
from shipper.devloki.sharding import LabelledStream, split
from shipper.devloki.store import Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """What goes on to the ingester, and the faults found on the way, in order."""

    streams: list[LabelledStream]
    faults: list[str]


def distribute(
    pushed: Sequence[PushedStream], *, tenant: Tenant, release: Release, sharding: bool, now: int
) -> Distribution:
    """Validate a push; raises PushRefused where nothing of it may be stored."""
    if not pushed and release.refuses_empty_push:
        raise PushRefused(422, replies.NO_STREAMS)
    labelled = [(stream, _labels(stream, release)) for stream in pushed]
    faults: list[str] = []
    streams = []
    for stream, labels in labelled:
        valid = _validated(stream, labels, tenant.limits, release, now, faults)
        if valid.entries:
            streams.append(valid)
    _check_rate(streams, tenant, now)
    if sharding:
        streams = [shard for stream in streams for shard in _sharded(stream, tenant, now)]
    return Distribution(streams=streams, faults=faults)


def _labels(stream: PushedStream, release: Release) -> Labels:
    try:
        labels = parse_labels(stream.labels)
    except LabelsError as error:
        raise PushRefused(400, replies.bad_labels(error)) from error
    return with_service_name(labels) if release.adds_service_name else labels


def _validated(
    stream: PushedStream, labels: Labels, limits: TenantLimits, release: Release, now: int, faults: list[str]
) -> LabelledStream:
    text = format_labels(labels)
    nothing = LabelledStream(labels=labels, text=text, entries=())
    if not stream.lines:
        return nothing
    pushed_as = text if release.adds_service_name else stream.labels
    fault = _label_fault(labels, pushed_as, limits)
    if fault:
        faults.append(fault)
        return nothing
    entries = _entries(stream, limits)
    if not _surely_fine(stream, limits, now):
        entries = _fine_entries(entries, text, limits, release, now, faults)
    if limits.bump_duplicates:
        entries = _bumped(entries)
    return LabelledStream(labels=labels, text=text, entries=entries)


def _label_fault(labels: Labels, stream: str, limits: TenantLimits) -> str | None:
    if not labels:
        return replies.NO_LABELS
    count = sum(name != SERVICE_NAME for name, _value in labels)
    if limits.max_label_names and count > limits.max_label_names:
        return replies.too_many_labels(stream, count, limits.max_label_names)
    before = ""
    for name, value in labels:
        if limits.max_label_name_length and len(name.encode()) > limits.max_label_name_length:
            return replies.label_name_too_long(stream, name)
        if limits.max_label_value_length and len(value.encode()) > limits.max_label_value_length:
            return replies.label_value_too_long(stream, value)
        if name == before:
            return replies.duplicate_label(stream, name)
        before = name
    return None


def _entries(stream: PushedStream, limits: TenantLimits) -> list[Entry]:
    lines: Sequence[bytes] = stream.lines
    if limits.truncate_lines and limits.max_line_size:
        lines = [line[: limits.max_line_size] for line in lines]
    if stream.metadata:
        return list(map(Entry, stream.times, lines, stream.metadata))
    return list(map(Entry, stream.times, lines))


def _surely_fine(stream: PushedStream, limits: TenantLimits, now: int) -> bool:
    """Whether no entry can be at fault, decided by columns: most pushes need no look at single entries."""
    return (
        stream.metadata is None
        and (not limits.max_age or min(stream.times) >= now - limits.max_age)
        and (not limits.creation_grace or max(stream.times) <= now + limits.creation_grace)
        and (not limits.max_line_size or limits.truncate_lines or max(map(len, stream.lines)) <= limits.max_line_size)
    )


def _fine_entries(
    entries: Sequence[Entry], stream: str, limits: TenantLimits, release: Release, now: int, faults: list[str]
) -> list[Entry]:
    fine = []
    for entry in entries:
        fault = _entry_fault(entry, stream, limits, release, now)
        if fault:
            faults.append(fault)
        else:
            fine.append(entry)
    return fine


def _entry_fault(entry: Entry, stream: str, limits: TenantLimits, release: Release, now: int) -> str | None:
    oldest = now - limits.max_age
    if limits.max_age and entry.time < oldest:
        return replies.too_old(stream, entry.time, oldest)
    if limits.creation_grace and entry.time > now + limits.creation_grace:
        return replies.too_new(stream, entry.time)
    if limits.max_line_size and len(entry.line) > limits.max_line_size:
        return replies.line_too_long(stream, len(entry.line), limits.max_line_size)
    return _metadata_fault(entry.metadata, stream, limits, release) if entry.metadata else None


def _metadata_fault(metadata: Metadata, stream: str, limits: TenantLimits, release: Release) -> str | None:
    if not release.takes_metadata:
        return replies.metadata_disallowed(stream)
    size = metadata_size(metadata)
    if limits.max_metadata_bytes and size > limits.max_metadata_bytes:
        return replies.metadata_too_large(stream, size, limits.max_metadata_bytes)
    if limits.max_metadata_pairs and len(metadata) > limits.max_metadata_pairs:
        return replies.too_many_metadata_pairs(stream, len(metadata), limits.max_metadata_pairs)
    return None


def metadata_size(metadata: Metadata) -> int:
    """Bytes of names and values, as Loki counts them against its limits."""
    return sum(len(name.encode()) + len(value.encode()) for name, value in metadata)


def _bumped(entries: Sequence[Entry]) -> list[Entry]:
    """Move a line that differs from the one before it, at the same time, by a nanosecond; equal ones stay."""
    bumped: list[Entry] = []
    original = 0
    for entry in entries:
        before = bumped[-1] if bumped else None
        if before and entry.line != before.line and entry.time in (original, before.time):
            bumped.append(entry._replace(time=before.time + 1))
        else:
            original = entry.time
            bumped.append(entry)
    return bumped


def _size(entries: Sequence[Entry]) -> int:
    lines = sum([len(entry.line) for entry in entries])
    return lines + sum(metadata_size(entry.metadata) for entry in entries if entry.metadata)


def _check_rate(streams: Sequence[LabelledStream], tenant: Tenant, now: int) -> None:
    if not tenant.limits.rate or not streams:
        return
    size = sum(_size(stream.entries) for stream in streams)
    if not tenant.bucket.allow(now, size):
        lines = sum(len(stream.entries) for stream in streams)
        raise replies.tenant_rate_exceeded(tenant.name, tenant.limits, lines, size)


def _sharded(stream: LabelledStream, tenant: Tenant, now: int) -> list[LabelledStream]:
    count, first = tenant.rates.shards(stream.text, _size(stream.entries), now)
    return split(stream, count, first)
