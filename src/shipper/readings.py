"""What is shown of a source: how far it is, for a person, and what is measured of it."""

from __future__ import annotations

from shipper.ledger import Account
from shipper.metrics import Reading
from shipper.outcome import Progress
from shipper.sources.step import Extent, Source


def progress_of(source: Source, account: Account) -> Progress:
    """How far it is."""
    extent = source.extent()
    return Progress(
        source=source.name,
        unit=source.unit,
        files=extent.things,
        size=extent.size,
        offset=extent.offset,
        account=account,
        deleted_bytes_held=extent.deleted_bytes_held,
    )


def reading_of(
    name: str, extent: Extent, account: Account, *, unsettled: int, oldest: int, streams: int, now: int
) -> Reading:
    """What is measured: `unsettled` bytes were read and are not settled, the oldest at the clock `oldest` (0: none)."""
    return Reading(
        source=name,
        account=account,
        lag=unsettled + extent.size - extent.offset,
        oldest=max(0, now - oldest) / 1e9 if oldest else 0.0,
        files_open=extent.open,
        streams=streams,
    )


def leaving(source: str, account: Account, *, unsettled: int, oldest: int, now: int) -> Reading:
    """What is measured of a source that was taken out: what it had read and is not settled."""
    age = max(0, now - oldest) / 1e9 if oldest else 0.0
    return Reading(source=source, account=account, lag=unsettled, oldest=age, files_open=0, streams=0)
