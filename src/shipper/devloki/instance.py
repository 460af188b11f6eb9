"""One stand-in: a release, its limits, a store, and the way of a push through them. No HTTP here.

Rule 1: the store holds exactly what Loki would hold after the same pushes; the package says what differs.
Rule 2: time is `clock()`, nanoseconds; nothing else asks what time it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypedDict

from shipper.devloki import replies
from shipper.devloki.block import Entry
from shipper.devloki.books import Books
from shipper.devloki.distributor import distribute
from shipper.devloki.ingester import Ingestion, ingest
from shipper.devloki.labels import Labels
from shipper.devloki.limits import HOUR, MIB, UNLIMITED, TenantLimits, default_limits
from shipper.devloki.logql.syntax import Matcher
from shipper.devloki.pushed import PushedStream
from shipper.devloki.release import RELEASES, Release, Version
from shipper.devloki.replies import PushRefused
from shipper.devloki.store import Store, Stream, Tenant, entry_cost
from shipper.devloki.tail import Followers

LOOK_BACK: Final = int(2.6 * HOUR)
"""How old an entry may be for an ingester to show it before it is flushed (loki/README.md, fact 5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a stand-in behaves."""

    version: Version = "3.4"
    limits: bool = True
    """Apply the release's default limits; off lifts ages, rates and sizes, not the checks of malformed input."""
    tenants: Mapping[str, TenantLimits] = field(default_factory=dict)
    """Limits of single tenants, by name; these always apply."""
    clock: Callable[[], int] = time.time_ns
    auth: bool = False
    """Refuse requests without a tenant; off, they belong to the tenant `fake`."""
    sharding: bool | None = None
    """Split busy streams; None: where the release does and the limits are on."""
    hide_old_unflushed: bool | None = None
    """Hide entries older than 2.6 hours from queries until `/flush`; None: where the limits are on."""
    max_bytes: int = 1024 * MIB
    """Bytes to hold, 16 for each entry and its line; a push beyond is refused with 500."""


class Options(TypedDict, total=False):
    """The fields of `Settings`, as keyword arguments."""

    version: Version
    limits: bool
    tenants: Mapping[str, TenantLimits]
    clock: Callable[[], int]
    auth: bool
    sharding: bool | None
    hide_old_unflushed: bool | None
    max_bytes: int


class Instance:
    """A running stand-in, without its server."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.release: Release = RELEASES[settings.version]
        self.clock = settings.clock
        self.sharding = self.release.shards and settings.limits if settings.sharding is None else settings.sharding
        self.hides = settings.limits if settings.hide_old_unflushed is None else settings.hide_old_unflushed
        limits = default_limits(self.release) if settings.limits else UNLIMITED
        self.store = Store(default_limits=limits, overrides=settings.tenants)
        self.books = Books()
        self.followers = Followers()

    def push(self, tenant_name: str, pushed: Sequence[PushedStream]) -> None:
        """Store a push; raises PushRefused for every reply but success, also where a part was stored."""
        now = self.clock()
        ingestion = Ingestion()
        try:
            self._store(self.store.tenant(tenant_name), pushed, ingestion, now)
        except PushRefused as refused:
            self._record(tenant_name, pushed, ingestion, now, refused)
            raise
        self._record(tenant_name, pushed, ingestion, now, None)

    def _store(self, tenant: Tenant, pushed: Sequence[PushedStream], ingestion: Ingestion, now: int) -> None:
        coming = sum(entry_cost(sum(map(len, stream.lines)), len(stream.lines)) for stream in pushed)
        if self.store.held + coming > self.settings.max_bytes:
            raise replies.store_full(self.store.held)
        release, sharding = self.release, self.sharding
        distribution = distribute(pushed, tenant=tenant, release=release, sharding=sharding, now=now)
        ingest(distribution.streams, ingestion, tenant=tenant, release=release, whole_streams=sharding, now=now)
        if ingestion.refused:
            raise ingestion.refused
        if distribution.faults:
            raise PushRefused(400, replies.grouped(distribution.faults))

    def _record(
        self,
        tenant: str,
        pushed: Sequence[PushedStream],
        ingestion: Ingestion,
        now: int,
        refused: PushRefused | None,
    ) -> None:
        stored = sum(len(entries) for _, entries in ingestion.stored)
        line_bytes = sum(len(entry.line) for _, entries in ingestion.stored for entry in entries)
        self.store.line_bytes += line_bytes
        self.store.held += entry_cost(line_bytes, stored)
        self.followers.publish(tenant, ingestion.stored)
        self.books.record(
            pushed,
            time=now,
            tenant=tenant,
            stored=stored,
            ignored=ingestion.ignored,
            status=refused.status if refused else 204,
            refusal=refused.text if refused else "",
        )

    def view(self, tenant: str) -> TenantView:
        """What queries of a tenant see now."""
        oldest = self.clock() - LOOK_BACK if self.hides else None
        return TenantView(
            tenant=self.store.tenant(tenant), detects_levels=self.release.adds_service_name, oldest_unflushed=oldest
        )

    def limits_of(self, tenant: str) -> TenantLimits:
        return self.store.tenant(tenant).limits

    def flush(self) -> None:
        """Show everything to queries, and seal every block."""
        self.store.flush()

    def streams(self) -> int:
        return sum(len(tenant.streams) for tenant in self.store.tenants.values())

    def close(self) -> None:
        self.followers.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantView:
    """A tenant's streams as queries see them: a `Source`."""

    tenant: Tenant
    detects_levels: bool
    oldest_unflushed: int | None

    def streams(self, matchers: Iterable[Matcher]) -> Iterator[Stream]:
        for stream in list(self.tenant.streams.values()):
            known = dict(stream.labels)
            if all(matcher.matches(known.get(matcher.name, "")) for matcher in matchers):
                yield stream

    def select(self, matchers: Iterable[Matcher], start: int, end: int) -> Iterator[tuple[Labels, Iterable[Entry]]]:
        matchers = tuple(matchers)
        for stream in self.streams(matchers):
            yield stream.labels, stream.between(start, end, oldest_unflushed=self.oldest_unflushed)

    def alive(self, matchers: Iterable[Matcher], start: int, end: int) -> Iterator[Labels]:
        """The labels of the streams that have a visible entry in the time range."""
        for labels, entries in self.select(matchers, start, end):
            if next(iter(entries), None) is not None:
                yield labels
