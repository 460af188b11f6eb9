"""The second half of a push: streams made, rates and order checked, entries stored.

Rule 1: the streams of a push are taken in order, and only the last one's refusal is reported: a success of the last
stream hides every refusal before it (loki/README.md).
Rule 2: an entry too far behind its stream's newest is refused, the others of the stream are stored.
Rule 3: over its rate a stream is refused entry by entry, or, where the release shards streams, as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from shipper.devloki import replies
from shipper.devloki.block import Entry
from shipper.devloki.message_size import may_exceed, message_size
from shipper.devloki.release import Release
from shipper.devloki.replies import PushRefused, Refusal
from shipper.devloki.sharding import LabelledStream
from shipper.devloki.store import Stream, Tenant


@dataclass(slots=True, kw_only=True)
class Ingestion:
    """What became of a push: the entries stored per stream, how many were ignored, the last stream's refusal."""

    stored: list[tuple[Stream, list[Entry]]] = field(default_factory=list)
    ignored: int = 0
    refused: PushRefused | None = None


def ingest(
    streams: Sequence[LabelledStream],
    ingestion: Ingestion,
    *,
    tenant: Tenant,
    release: Release,
    whole_streams: bool,
    now: int,
) -> None:
    """Store a push and note in `ingestion` what became of it.

    `whole_streams`: a stream over its rate is refused as a whole. Raises PushRefused, before anything is stored, where
    the message is too large to be taken at all.
    """
    limit = tenant.limits.max_message_bytes
    if limit and may_exceed(streams, limit, release):
        size = message_size(streams, release)
        if size > limit:
            raise replies.message_too_large(size, limit)
    for labelled in streams:
        _ingest_stream(labelled, ingestion, tenant=tenant, release=release, whole=whole_streams, now=now)


def _ingest_stream(
    labelled: LabelledStream, ingestion: Ingestion, *, tenant: Tenant, release: Release, whole: bool, now: int
) -> None:
    stream = tenant.stream(labelled.labels, labelled.text)
    if stream is None:
        ingestion.refused = replies.too_many_streams(release, tenant.name, labelled.labels)
        return
    check = _Check(stream=stream, tenant=tenant, release=release, whole=whole, now=now)
    accepted, refusals = check.entries(labelled.entries)
    shown = accepted if release.keeps_empty_lines else [entry for entry in accepted if entry.line]
    stored = stream.append(shown)
    ingestion.stored.append((stream, stored))
    ingestion.ignored += len(shown) - len(stored)
    total = len(labelled.entries)
    ingestion.refused = replies.entries_refused(tenant.name, stream.text, refusals, total) if refusals else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Check:
    """Which entries of a push an existing stream takes."""

    stream: Stream
    tenant: Tenant
    release: Release
    whole: bool
    now: int

    def entries(self, entries: Sequence[Entry]) -> tuple[Sequence[Entry], list[Refusal]]:
        if self._in_order(entries):
            if self.stream.bucket.allow(self.now, _line_bytes(entries)):
                return entries, []
            if self.whole:
                return [], self._over_rate(entries)
        return self._one_by_one(entries)

    def _in_order(self, entries: Sequence[Entry]) -> bool:
        """Whether none can be too far behind, whatever the order they come in."""
        if not self.tenant.limits.max_behind:
            return True
        times = [entry.time for entry in entries]
        newest = max(times) if self.stream.newest is None else max(self.stream.newest, max(times))
        return min(times) >= newest - self.tenant.limits.max_behind

    def _one_by_one(self, entries: Sequence[Entry]) -> tuple[Sequence[Entry], list[Refusal]]:
        accepted: list[Entry] = []
        refusals: list[Refusal] = []
        newest, behind = self.stream.newest, self.tenant.limits.max_behind
        for entry in entries:
            if not self.whole and not self.stream.bucket.allow(self.now, len(entry.line)):
                refusals.append(self._rate_refusal(entry))
            elif newest is not None and behind and entry.time < newest - behind:
                refusals.append(replies.too_far_behind(self.release, entry.time, newest - behind))
            else:
                accepted.append(entry)
                newest = entry.time if newest is None else max(newest, entry.time)
        if self.whole and not self.stream.bucket.allow(self.now, _line_bytes(accepted)):
            return [], self._over_rate(accepted)
        return accepted, refusals

    def _over_rate(self, entries: Sequence[Entry]) -> list[Refusal]:
        return [self._rate_refusal(entry) for entry in entries]

    def _rate_refusal(self, entry: Entry) -> Refusal:
        return replies.stream_rate_exceeded(self.stream.text, self.tenant.limits, entry.time, len(entry.line))


def _line_bytes(entries: Sequence[Entry]) -> int:
    return sum([len(entry.line) for entry in entries])
